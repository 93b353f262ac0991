# nixpkgs' Kafka with the lab's settings, in ZooKeeper mode with the ZooKeeper of the same machine.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkOption types;
  cfg = config.services.kafka-connect-lab.kafka;
  settings = lib.importJSON ./settings.json;
  jvm = import ../jvm.nix { inherit lib pkgs; };
  # For clients on this machine.
  bootstrap = "${
    if cfg.listenAddress == "" then "127.0.0.1" else cfg.listenAddress
  }:${toString cfg.port}";
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.kafka = {
    enable = lib.mkEnableOption "a Kafka broker with the lab's settings";
    package = mkOption {
      type = types.package;
      description = "Kafka 3.9, the last line with ZooKeeper mode.";
    };
    listenAddress = mkOption {
      type = types.str;
      default = "127.0.0.1";
      description = "The address to listen on; empty for all.";
    };
    advertisedHost = mkOption {
      type = types.nonEmptyStr;
      default = if cfg.listenAddress == "" then config.networking.hostName else cfg.listenAddress;
      defaultText = lib.literalMD "`listenAddress`, or `networking.hostName` if that is empty";
      description = "The name by which clients reach the broker.";
    };
    port = mkOption {
      type = types.port;
      default = settings.ports.bootstrap;
      description = "The port for clients.";
    };
    topics = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            partitions = mkOption {
              type = types.ints.positive;
              default = 1;
              description = "Number of partitions.";
            };
            replicationFactor = mkOption {
              type = types.ints.positive;
              default = 1;
              description = "Number of brokers that keep each partition.";
            };
          };
        }
      );
      default = lib.mapAttrs (_: topic: {
        inherit (topic) partitions;
        replicationFactor = topic.replication_factor;
      }) settings.topics;
      defaultText = lib.literalMD "the topics in `services/kafka/settings.json`";
      description = "Topics by name, each with its `partitions` and `replicationFactor`, both 1 unless said. They are made at every start if they are not there; those that are there are left as they are.";
    };
    openFirewall = lib.mkEnableOption "access to the port from other machines";
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.openFirewall -> cfg.listenAddress != "127.0.0.1";
        message = "services.kafka-connect-lab.kafka: the firewall is open for a broker that listens on loopback alone.";
      }
    ];
    services.kafka-connect-lab.zookeeper.enable = mkDefault true;
    services.kafka-connect-lab.endpoints = {
      kafka.bootstrap = bootstrap;
      units.kafka = "apache-kafka.service";
      versions.kafka = cfg.package.version;
    };
    services.apache-kafka = {
      enable = true;
      inherit (cfg) package;
      jvmOptions = jvm.options settings.heap;
      settings = lib.mapAttrs (_: mkDefault) (settings.properties // settings.profiles.zookeeper) // {
        "log.dirs" = [ "/var/lib/apache-kafka" ];
        "listeners" = [ "PLAINTEXT://${cfg.listenAddress}:${toString cfg.port}" ];
        "advertised.listeners" = [ "PLAINTEXT://${cfg.advertisedHost}:${toString cfg.port}" ];
        "zookeeper.connect" = mkDefault "127.0.0.1:${toString config.services.zookeeper.port}";
      };
    };
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [ cfg.port ];
    # nixpkgs orders it after the network alone. No `requires`: a broker outlives a restart of its ZooKeeper.
    systemd.services.apache-kafka = {
      after = [ "zookeeper.service" ];
      wants = [ "zookeeper.service" ];
    };
    systemd.services.kafka-topics = lib.mkIf (cfg.topics != { }) {
      description = "Topics of Kafka";
      wantedBy = [ "apache-kafka.service" ];
      after = [ "apache-kafka.service" ];
      # Its client asks again until the broker answers, for a minute at the most.
      script = lib.concatStrings (
        lib.mapAttrsToList (name: topic: ''
          ${cfg.package}/bin/kafka-topics.sh --bootstrap-server ${bootstrap} --create --if-not-exists \
            --topic ${lib.escapeShellArg name} --partitions ${toString topic.partitions} \
            --replication-factor ${toString topic.replicationFactor}
        '') cfg.topics
      );
      serviceConfig = jvm.hardening // {
        Type = "oneshot";
      };
    };
    environment.systemPackages = [ cfg.package ];
  };
}
