# One jar, as share/java/NAME.jar whatever its version is.
{
  lib,
  runCommand,
  pname,
  version,
  description,
  files,
}:
runCommand "${pname}-${version}"
  {
    inherit pname version;
    passthru.jar = "share/java/${pname}.jar";
    meta = {
      inherit description;
      license = lib.licenses.asl20;
      sourceProvenance = [ lib.sourceTypes.binaryBytecode ];
      platforms = lib.platforms.unix;
    };
  }
  ''
    mkdir -p $out/share/java
    ln -s ${lib.head files} $out/share/java/${pname}.jar
  ''
