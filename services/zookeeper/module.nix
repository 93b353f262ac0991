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
  options.services.kafka-connect-lab.zookeeper = {
    enable = lib.mkEnableOption "ZooKeeper with the lab's settings";
    package = lib.mkOption {
      type = lib.types.package;
      description = "Where ZooKeeper's jars are, in `lib`.";
    };
  };

  config.services.zookeeper = lib.mkIf cfg.enable {
    enable = true;
    inherit (cfg) package;
    extraConf = lib.generators.toKeyValue { } (
      settings.properties // { clientPortAddress = "127.0.0.1"; }
    );
    extraCmdLineOptions = jvm.options settings.heap ++ [ jvm.logging ];
  };
}
