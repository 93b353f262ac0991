# Configurations that cannot work, each with words of the assertion that says so. Found as the flake is evaluated.
{
  self,
  lib,
  pkgs,
}:
let
  cases = {
    "the firewall is open for a broker that listens on loopback alone" = {
      kafka = {
        enable = true;
        openFirewall = true;
      };
    };
    "the firewall is open for a worker that listens on loopback alone" = {
      connect = {
        enable = true;
        openFirewall = true;
      };
    };
    "connect.settings: a password would be readable in the store" = {
      connect = {
        enable = true;
        settings."ssl.keystore.password" = "secret";
      };
    };
    "connectors need plugins" = {
      connect = {
        enable = true;
        plugins = [ ];
        connectors.orders."tasks.max" = 1;
      };
    };
    "port and metrics.port are both 8083" = {
      connect = {
        enable = true;
        metrics.port = 8083;
      };
    };
    "connectors.orders: a password would be readable in the store" = {
      connect = {
        enable = true;
        connectors.orders."database.password" = "secret";
      };
    };
    "exporter.kafkaSettings: a password would be readable in the store" = {
      exporter = {
        enable = true;
        kafkaSettings."sasl.password" = "secret";
      };
    };
    "sasl.username is in both kafkaSettings and kafkaSecrets" = {
      producer = {
        enable = true;
        kafkaSettings."sasl.username" = "metrics";
        kafkaSecrets."sasl.username" = "/run/secrets/user";
      };
    };
    "there are only the jobs connect exporter" = {
      prometheus = {
        enable = true;
        targets.postgres = [ "database:9187" ];
      };
    };
  };
  failed =
    settings:
    map (one: one.message) (
      lib.filter (one: !one.assertion)
        (pkgs.nixos {
          imports = [ self.nixosModules.lab ];
          services.kafka-connect-lab = settings;
        }).config.assertions
    );
  missing = lib.filterAttrs (words: settings: !lib.any (lib.hasInfix words) (failed settings)) cases;
in
pkgs.runCommand "nixos-assertions" { } (
  if missing == { } then
    "touch $out"
  else
    throw "no assertion says: ${lib.concatStringsSep "; " (lib.attrNames missing)}"
)
