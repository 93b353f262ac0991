{ workspace }:
workspace.package {
  pname = "exporter";
  description = "Serves JSON metrics from a Kafka topic as a Prometheus endpoint";
  files = [
    ./.
    ../message
    ../settings
  ];
}
