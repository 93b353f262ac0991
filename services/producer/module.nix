{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.kafka-connect-lab.producer;
  settings = lib.importJSON ./settings.json;
  client = import ../kafka-client.nix { inherit lib; };
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.producer = client.options { inherit (settings) topic; } // {
    enable = lib.mkEnableOption "the producer of JSON metrics";
    rate = mkOption {
      type = types.ints.positive;
      default = settings.rate;
      description = "Messages a second.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = client.assertions "producer" cfg;
    services.kafka-connect-lab.endpoints.units.producer = "kafka-connect-lab-producer.service";
    systemd.services.kafka-connect-lab-producer = client.unit {
      inherit cfg;
      description = "Producer of JSON metrics";
      arguments = [ "--rate=${toString cfg.rate}" ];
    };
  };
}
