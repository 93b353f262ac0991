# Where the lab's services of this machine are, as the file that `lab run --endpoints` and `--driver systemd` read. Each module
# says its own part.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.kafka-connect-lab;
in
{
  options.services.kafka-connect-lab.endpoints = lib.mkOption {
    type = with lib.types; attrsOf (attrsOf nonEmptyStr);
    default = { };
    example.connect.rest = "http://connect-1:8083";
    description = "Addresses by service and key, with the unit of each service in `units` and the version of each component in `versions`. They are written to /etc/kafka-connect-lab/endpoints.json, which everybody can read.";
  };

  config.environment.etc."kafka-connect-lab/endpoints.json" = lib.mkIf (cfg.endpoints != { }) {
    source = (pkgs.formats.json { }).generate "endpoints.json" cfg.endpoints;
  };
}
