# The modules of the services, each with the packages of this flake. A module may be imported more than once.
{ self, lib }:
let
  module =
    name: file: packages:
    { pkgs, ... }:
    {
      key = "kafka-connect-lab#${name}";
      imports = [ file ];
      services.kafka-connect-lab = packages self.packages.${pkgs.stdenv.hostPlatform.system};
    };
in
{
  exporter = module "exporter" ./services/exporter/module.nix (packages: {
    exporter.package = lib.mkDefault packages.exporter;
  });
  producer = module "producer" ./services/producer/module.nix (packages: {
    producer.package = lib.mkDefault packages.producer;
  });
  connect = module "connect" ./services/connect/module.nix (packages: {
    connect = {
      package = lib.mkOptionDefault packages.kafka_3_9;
      plugins = lib.mkDefault [ packages.debezium-postgres_3_7 ];
      metrics.package = lib.mkDefault packages.jmx-agent_1_0;
    };
  });
  lab = {
    key = "kafka-connect-lab#lab";
    imports = [
      self.nixosModules.exporter
      self.nixosModules.producer
      self.nixosModules.connect
      (module "lab-packages" ./harness/lab/module.nix (packages: {
        kafkaPackage = lib.mkDefault packages.kafka_3_9;
      }))
    ];
  };
}
