# nixpkgs' ZooKeeper with the lab's settings, from the jars that Kafka 3.9 brings along.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.kafka-connect-lab.zookeeper;
  settings = lib.importJSON ./settings.json;
  jvm = import ../jvm.nix { inherit lib pkgs; };
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.zookeeper = {
    enable = lib.mkEnableOption "ZooKeeper with the lab's settings";
    package = lib.mkOption {
      type = lib.types.package;
      description = "Where ZooKeeper's jars are, in `lib`.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.kafka-connect-lab.endpoints = {
      zookeeper.client = "127.0.0.1:${toString config.services.zookeeper.port}";
      units.zookeeper = "zookeeper.service";
    };
    services.zookeeper = {
      enable = true;
      inherit (cfg) package;
      port = lib.mkDefault settings.ports.client;
      extraConf = lib.generators.toKeyValue { } (
        settings.properties // { clientPortAddress = "127.0.0.1"; }
      );
      extraCmdLineOptions = jvm.options settings.heap ++ [ jvm.logging ];
    };
  };
}
