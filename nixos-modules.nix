# The modules of the services, each with the packages of this flake. A module may be imported more than once.
{ self, lib }:
let
  module = name: packages: {
    key = "kafka-connect-lab#${name}";
    imports = [
      (./services + "/${name}/module.nix")
      (
        { pkgs, ... }:
        {
          services.kafka-connect-lab.${name} = packages self.packages.${pkgs.stdenv.hostPlatform.system};
        }
      )
    ];
  };
in
{
  exporter = module "exporter" (packages: {
    package = lib.mkDefault packages.exporter;
  });
  producer = module "producer" (packages: {
    package = lib.mkDefault packages.producer;
  });
  connect = module "connect" (packages: {
    package = lib.mkDefault packages.kafka_3_9;
    plugins = lib.mkDefault [
      packages.debezium-postgres_3_7
      packages.debezium-jdbc_3_6
    ];
    metrics.package = lib.mkDefault packages.jmx-agent_1_0;
  });
  lab = {
    key = "kafka-connect-lab#lab";
    imports = [
      ./harness/lab/module.nix
      self.nixosModules.exporter
      self.nixosModules.producer
      self.nixosModules.connect
      (module "zookeeper" (packages: {
        package = lib.mkDefault packages.kafka_3_9;
      }))
      (module "kafka" (packages: {
        package = lib.mkDefault packages.kafka_3_9;
      }))
      (module "postgres" (_: { }))
      (module "prometheus" (_: { }))
    ];
  };
}
