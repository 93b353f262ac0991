# The whole lab on one machine, with the settings that the native lab has.
{ config, lib, ... }:
let
  services = [
    "connect"
    "exporter"
    "kafka"
    "postgres"
    "producer"
    "prometheus"
    "zookeeper"
  ];
in
{
  options.services.kafka-connect-lab.enable = lib.mkEnableOption "all services of the lab on this machine";

  config.services.kafka-connect-lab = lib.mkIf config.services.kafka-connect-lab.enable (
    lib.genAttrs services (_: {
      enable = lib.mkDefault true;
    })
  );
}
