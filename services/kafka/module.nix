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
in
{
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
      defaultText = lib.literalExpression "config.networking.hostName, or listenAddress if that is set";
      description = "The name by which clients reach the broker.";
    };
    port = mkOption {
      type = types.port;
      default = 9092;
      description = "The port for clients.";
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
    # nixpkgs orders it after the network alone.
    systemd.services.apache-kafka = {
      after = [ "zookeeper.service" ];
      requires = [ "zookeeper.service" ];
    };
    environment.systemPackages = [ cfg.package ];
  };
}
