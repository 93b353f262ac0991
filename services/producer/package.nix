{ workspace }:
workspace.package {
  pname = "producer";
  description = "Produces JSON metrics to a Kafka topic";
  files = [
    ./.
    ../message
    ../settings
  ];
}
