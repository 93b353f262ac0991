# The whole lab on one machine, with the settings that the native lab has: ZooKeeper, Kafka, Connect with Debezium, Postgres,
# Prometheus, exporter and producer.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkOption types;
  cfg = config.services.kafka-connect-lab;
  read = service: lib.importJSON (../../services + "/${service}/settings.json");
  zookeeper = read "zookeeper";
  kafka = read "kafka";
  postgres = read "postgres";
  prometheus = read "prometheus";
  jvm = lib.importJSON ../../services/jvm.json;
  logging = (pkgs.formats.javaProperties { }).generate "log4j.properties" (
    lib.importJSON ../../services/log4j.json
  );
  jvmOptions = heap: jvm.server ++ [ "-Xmx${heap}" ];

  # Port of an endpoint that Prometheus can scrape.
  port = {
    exporter.http = cfg.exporter.port;
    connect.jmx = cfg.connect.metrics.port;
  };
in
{
  options.services.kafka-connect-lab = {
    enable = lib.mkEnableOption "the whole lab on this machine";
    kafkaPackage = mkOption {
      type = types.package;
      description = "Kafka with ZooKeeper and Connect: 3.9 is the last line that has ZooKeeper.";
    };
  };

  config = lib.mkIf cfg.enable {
    services = {
      zookeeper = {
        enable = true;
        package = cfg.kafkaPackage;
        extraConf = lib.generators.toKeyValue { } zookeeper.properties;
        extraCmdLineOptions = jvmOptions zookeeper.heap ++ [ "-Dlog4j.configuration=file:${logging}" ];
      };
      apache-kafka = {
        enable = true;
        package = cfg.kafkaPackage;
        jvmOptions = jvmOptions kafka.heap;
        settings = lib.mapAttrs (_: mkDefault) kafka.properties // {
          "log.dirs" = [ "/var/lib/apache-kafka" ];
          "listeners" = mkDefault [ "PLAINTEXT://127.0.0.1:9092" ];
          "zookeeper.connect" = mkDefault "127.0.0.1:${toString config.services.zookeeper.port}";
        };
      };
      postgresql = {
        enable = true;
        package = mkDefault pkgs.postgresql_17;
        settings = lib.mapAttrs (_: mkDefault) postgres.settings;
        ensureDatabases = postgres.databases;
        # A lab's password is no secret: it stands in the settings that everybody reads.
        initialScript = pkgs.writeText "lab-user.sql" ''
          CREATE ROLE "${postgres.user}" LOGIN SUPERUSER REPLICATION PASSWORD '${postgres.password}';
        '';
      };
      prometheus = {
        enable = true;
        listenAddress = mkDefault "127.0.0.1";
        globalConfig = lib.mapAttrs (_: mkDefault) prometheus.global;
        scrapeConfigs = lib.mapAttrsToList (job: target: {
          job_name = job;
          metrics_path = target.path;
          static_configs = [
            { targets = [ "127.0.0.1:${toString port.${target.service}.${target.endpoint}}" ]; }
          ];
        }) prometheus.jobs;
      };
      kafka-connect-lab = {
        exporter.enable = mkDefault true;
        producer.enable = mkDefault true;
        connect = {
          enable = mkDefault true;
          package = mkDefault cfg.kafkaPackage;
        };
      };
    };

    # nixpkgs orders them after the network alone.
    systemd.services.apache-kafka = {
      after = [ "zookeeper.service" ];
      requires = [ "zookeeper.service" ];
    };
    # Kafka's own scripts, and psql by the server's package.
    environment.systemPackages = [ cfg.kafkaPackage ];
  };
}
