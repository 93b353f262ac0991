# nixpkgs' Prometheus with the lab's settings.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkOption types;
  lab = config.services.kafka-connect-lab;
  cfg = lab.prometheus;
  settings = lib.importJSON ./settings.json;
  # The endpoints that the jobs in settings.json name, on this machine.
  port = {
    exporter.http = lab.exporter.port;
    connect.jmx = lab.connect.metrics.port;
  };
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.prometheus = {
    enable = lib.mkEnableOption "Prometheus with the lab's settings";
    targets = mkOption {
      type = types.attrsOf (types.listOf types.nonEmptyStr);
      default = lib.mapAttrs (_: job: [
        "127.0.0.1:${toString port.${job.service}.${job.endpoint}}"
      ]) (lib.filterAttrs (_: job: lab.${job.service}.enable) settings.jobs);
      defaultText = lib.literalMD "the services of this machine";
      example = {
        exporter = [
          "exporter-1:8080"
          "exporter-2:8080"
        ];
      };
      description = "What each job scrapes, as host:port.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = lib.all (job: settings.jobs ? ${job}) (lib.attrNames cfg.targets);
        message = "services.kafka-connect-lab.prometheus.targets: there are only the jobs ${toString (lib.attrNames settings.jobs)}.";
      }
    ];
    services.kafka-connect-lab.endpoints = {
      prometheus.http = "http://127.0.0.1:${toString config.services.prometheus.port}";
      units.prometheus = "prometheus.service";
      versions.prometheus = config.services.prometheus.package.version;
    };
    services.prometheus = {
      enable = true;
      listenAddress = mkDefault "127.0.0.1";
      port = mkDefault settings.ports.http;
      globalConfig = lib.mapAttrs (_: mkDefault) settings.global;
      scrapeConfigs = lib.mapAttrsToList (
        job: targets:
        settings.jobs.${job}.scrape
        // {
          job_name = job;
          static_configs = [ { inherit targets; } ];
        }
      ) cfg.targets;
    };
  };
}
