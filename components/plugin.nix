# A Connect plugin: `plugin.path` is share/kafka-connect, in which each plugin is a directory.
{
  lib,
  stdenvNoCC,
  pname,
  version,
  description,
  files,
}:
stdenvNoCC.mkDerivation {
  inherit pname version;
  srcs = files;
  sourceRoot = ".";
  dontConfigure = true;
  dontBuild = true;
  # Nothing in it is a program: there is nothing to fix.
  dontFixup = true;
  unpackPhase = ''
    runHook preUnpack
    for archive in $srcs; do tar -xzf "$archive"; done
    runHook postUnpack
  '';
  installPhase = ''
    runHook preInstall
    mkdir -p $out/share/kafka-connect
    cp -r debezium-connector-* $out/share/kafka-connect/
    runHook postInstall
  '';
  meta = {
    inherit description;
    homepage = "https://debezium.io";
    license = lib.licenses.asl20;
    sourceProvenance = [ lib.sourceTypes.binaryBytecode ];
    platforms = lib.platforms.unix;
  };
}
