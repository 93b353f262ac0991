# Kafka with Connect, and in version 3 ZooKeeper, laid out so that nixpkgs' modules can run it: services.apache-kafka takes
# `libs/`, services.zookeeper takes `lib/`.
{
  lib,
  stdenvNoCC,
  makeWrapper,
  jdk17_headless,
  pname,
  version,
  description,
  files,
}:
let
  jre = jdk17_headless;
  logging =
    if lib.versionOlder version "4" then
      "-Dlog4j.configuration=file:$out/config/log4j.properties"
    else
      "-Dlog4j2.configurationFile=$out/config/log4j2.properties";
  scripts = {
    connect-distributed = "org.apache.kafka.connect.cli.ConnectDistributed";
    connect-standalone = "org.apache.kafka.connect.cli.ConnectStandalone";
    kafka-configs = "kafka.admin.ConfigCommand";
    kafka-console-consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    kafka-console-producer = "org.apache.kafka.tools.ConsoleProducer";
    kafka-consumer-groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    kafka-producer-perf-test = "org.apache.kafka.tools.ProducerPerformance";
    kafka-server-start = "kafka.Kafka";
    kafka-storage = "kafka.tools.StorageTool";
    kafka-topics = "org.apache.kafka.tools.TopicCommand";
  }
  // lib.optionalAttrs (lib.versionOlder version "4") {
    # Moved between the modules in 4.0.
    kafka-console-producer = "kafka.tools.ConsoleProducer";
    zookeeper-server-start = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
  };
in
stdenvNoCC.mkDerivation {
  inherit pname version;
  dontUnpack = true;
  nativeBuildInputs = [ makeWrapper ];
  installPhase = ''
    runHook preInstall
    mkdir -p $out/libs $out/config
    ln -s libs $out/lib
    ${lib.concatMapStringsSep "\n" (jar: "ln -s ${jar} $out/libs/${jar.name}") files}
    cp ${./log4j.properties} $out/config/log4j.properties
    cp ${./log4j2.properties} $out/config/log4j2.properties
    ${lib.concatStringsSep "\n" (
      lib.mapAttrsToList (script: main: ''
        makeWrapper ${jre}/bin/java $out/bin/${script}.sh \
          --add-flags "${logging} \$KAFKA_OPTS -cp '$out/libs/*' ${main}"
      '') scripts
    )}
    runHook postInstall
  '';
  passthru = { inherit jre; };
  meta = {
    inherit description;
    homepage = "https://kafka.apache.org";
    license = lib.licenses.asl20;
    sourceProvenance = [ lib.sourceTypes.binaryBytecode ];
    mainProgram = "kafka-topics.sh";
    platforms = lib.platforms.unix;
  };
}
