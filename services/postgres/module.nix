# nixpkgs' PostgreSQL with the lab's settings: logical replication, and the user that the scenarios connect as.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.kafka-connect-lab.postgres;
  settings = lib.importJSON ./settings.json;
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.postgres = {
    enable = lib.mkEnableOption "PostgreSQL with the lab's settings";
    allowFrom = lib.mkOption {
      type = lib.types.listOf lib.types.nonEmptyStr;
      default = [ ];
      example = [ "192.168.1.0/24" ];
      description = "Networks from which the lab's user may connect. Its password is no secret.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.kafka-connect-lab.endpoints = {
      postgres.sql = "postgresql://${settings.user}:${settings.password}@127.0.0.1:${toString config.services.postgresql.settings.port}/postgres";
      units.postgres = "postgresql.service";
      versions.postgres = config.services.postgresql.package.version;
    };
    services.postgresql = {
      enable = true;
      package = lib.mkDefault pkgs.postgresql_17;
      enableTCPIP = cfg.allowFrom != [ ];
      authentication = lib.concatMapStrings (network: ''
        host all,replication ${settings.user} ${network} scram-sha-256
      '') cfg.allowFrom;
      settings = lib.mapAttrs (_: lib.mkDefault) (settings.settings // { port = settings.ports.sql; });
      ensureDatabases = settings.databases;
      # A lab's password is no secret: it stands in the settings that everybody reads.
      initialScript = pkgs.writeText "lab-user.sql" ''
        CREATE ROLE "${settings.user}" LOGIN SUPERUSER REPLICATION PASSWORD '${settings.password}';
      '';
    };
    networking.firewall.allowedTCPPorts = lib.mkIf (cfg.allowFrom != [ ]) [
      config.services.postgresql.settings.port
    ];
  };
}
