# The runner with everything that it starts: nothing is fetched at run time.
{
  lib,
  runCommand,
  makeWrapper,
  lab-unwrapped,
  exporter,
  producer,
  components,
  jdk17_headless,
  postgresql_17,
  prometheus,
}:
runCommand "lab-${lab-unwrapped.version}"
  {
    pname = "lab";
    inherit (lab-unwrapped) version;
    nativeBuildInputs = [ makeWrapper ];
    meta = lab-unwrapped.meta // {
      mainProgram = "lab";
    };
  }
  ''
    makeWrapper ${lib.getExe lab-unwrapped} $out/bin/lab \
      --set-default JAVA_HOME ${jdk17_headless.home} \
      --set-default LAB_MAVEN_DIR ${components.repository} \
      --set-default LAB_POSTGRES_DIR ${postgresql_17} \
      --prefix PATH : ${
        lib.makeBinPath [
          exporter
          producer
          prometheus
          prometheus.cli
        ]
      }
  ''
