{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.kafka-connect-lab.exporter;
  settings = lib.importJSON ./settings.json;
  client = import ../kafka-client.nix { inherit lib; };
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.exporter = client.options { inherit (settings) topic; } // {
    enable = lib.mkEnableOption "the exporter of JSON metrics on a Kafka topic";
    groupId = mkOption {
      type = types.nonEmptyStr;
      default = settings.group;
      description = "The consumer group. Exporters of one group share the topic's partitions.";
    };
    listenAddress = mkOption {
      type = types.str;
      default = "";
      example = "127.0.0.1";
      description = "The address to listen on; empty for all.";
    };
    port = mkOption {
      type = types.port;
      default = settings.ports.http;
      description = "The port of /metrics.";
    };
    openFirewall = lib.mkEnableOption "access to the port from other machines";
  };

  config = lib.mkIf cfg.enable {
    assertions = client.assertions "exporter" cfg;
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ cfg.port ];
    services.kafka-connect-lab.endpoints = {
      exporter.http = "http://${
        if cfg.listenAddress == "" then "127.0.0.1" else cfg.listenAddress
      }:${toString cfg.port}";
      metrics = { inherit (cfg) topic; };
      units.exporter = "kafka-connect-lab-exporter.service";
    };
    systemd.services.kafka-connect-lab-exporter = client.unit {
      inherit cfg;
      description = "Prometheus exporter of JSON metrics on a Kafka topic";
      environment = {
        KAFKA_GROUP_ID = cfg.groupId;
        LISTEN_ADDR = "${cfg.listenAddress}:${toString cfg.port}";
      };
    };
  };
}
