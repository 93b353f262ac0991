# A worker of Kafka Connect in distributed mode, and the connectors that are declared as data.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.kafka-connect-lab.connect;
  defaults = lib.importJSON ./settings.json;
  jvm = import ../jvm.nix { inherit lib pkgs; };
  secrets = import ../secrets.nix { inherit lib; };
  scalar = types.oneOf [
    types.bool
    types.int
    types.float
    types.str
  ];

  properties = pkgs.formats.javaProperties { };
  worker = properties.generate "connect-distributed.properties" cfg.settings;
  metrics = pkgs.writeText "jmx.yaml" (builtins.readFile ./jmx.json);
  local = if cfg.listenAddress == "" then "localhost" else cfg.listenAddress;
  rest = "http://${local}:${toString cfg.port}";
in
{
  imports = [ ../endpoints.nix ];

  options.services.kafka-connect-lab.connect = {
    enable = lib.mkEnableOption "a distributed worker of Kafka Connect";
    package = mkOption {
      type = types.package;
      description = "Kafka with Connect: its `libs` and its passthru `jre` are used.";
    };
    plugins = mkOption {
      type = types.listOf types.package;
      description = "Packages with plugins in share/kafka-connect.";
    };
    bootstrapServers = mkOption {
      type = types.nonEmptyListOf types.nonEmptyStr;
      default = [ "localhost:9092" ];
      description = "Brokers to ask first, as host:port.";
    };
    settings = mkOption {
      type = types.attrsOf scalar;
      default = { };
      example = {
        "group.id" = "warehouse";
        "offset.storage.replication.factor" = 3;
      };
      description = "Properties of the worker. The defaults are for one broker; workers of one group.id share the connectors.";
    };
    heap = mkOption {
      type = types.strMatching "[0-9]+[kmgKMG]";
      default = defaults.heap;
      description = "The largest heap of the JVM.";
    };
    jvmOptions = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "-XX:MaxDirectMemorySize=256m" ];
      description = "Further options of the JVM.";
    };
    listenAddress = mkOption {
      type = types.str;
      default = "127.0.0.1";
      description = "The address of the REST interface; empty for all. Whoever reaches it can run code on this machine.";
    };
    advertisedHost = mkOption {
      type = types.nonEmptyStr;
      default = if cfg.listenAddress == "" then config.networking.hostName else cfg.listenAddress;
      defaultText = lib.literalMD "`listenAddress`, or `networking.hostName` if that is empty";
      description = "The name by which other workers of the group reach this one.";
    };
    port = mkOption {
      type = types.port;
      default = defaults.ports.rest;
      description = "The port of the REST interface.";
    };
    openFirewall = lib.mkEnableOption "access to REST interface and metrics from other machines";
    metrics = {
      package = mkOption {
        type = types.package;
        description = "The JMX agent: its passthru `jar` is used.";
      };
      port = mkOption {
        type = types.port;
        default = defaults.ports.jmx;
        description = "The port of the worker's own metrics for Prometheus.";
      };
    };
    credentials = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        database = "/run/secrets/database";
      };
      description = "Files with secrets by name. Connectors use them as \${directory:/run/credentials/kafka-connect.service:NAME}.";
    };
    connectors = mkOption {
      type = types.attrsOf (types.attrsOf scalar);
      default = { };
      description = "Connectors by name, with their configuration. They are put as they are declared, at every start and every change; those that are not declared are left alone.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions =
      lib.mapAttrsToList (name: connector: {
        assertion = secrets.areReferences connector;
        message = "services.kafka-connect-lab.connect.connectors.${name}: a password would be readable in the store. Name its file in `credentials`, and use it as \${directory:/run/credentials/kafka-connect.service:NAME}.";
      }) cfg.connectors
      ++ [
        {
          assertion = cfg.connectors != { } -> cfg.plugins != [ ];
          message = "services.kafka-connect-lab.connect: connectors need plugins.";
        }
        {
          assertion = cfg.port != cfg.metrics.port;
          message = "services.kafka-connect-lab.connect: port and metrics.port are both ${toString cfg.port}.";
        }
        {
          assertion = secrets.areReferences cfg.settings;
          message = "services.kafka-connect-lab.connect.settings: a password would be readable in the store. Name its file in `credentials`, and use it as \${directory:/run/credentials/kafka-connect.service:NAME}.";
        }
        {
          assertion = cfg.openFirewall -> cfg.listenAddress != "127.0.0.1";
          message = "services.kafka-connect-lab.connect: the firewall is open for a worker that listens on loopback alone.";
        }
      ];
    services.kafka-connect-lab.endpoints = {
      connect = {
        inherit rest;
        jmx = "http://${local}:${toString cfg.metrics.port}";
      };
      units.connect = "kafka-connect.service";
      versions = lib.listToAttrs (
        map (plugin: lib.nameValuePair plugin.pname plugin.version) cfg.plugins
      );
    };
    # What has an option of its own is no default: to say something else here as well is a conflict, not silently lost.
    services.kafka-connect-lab.connect.settings =
      lib.mapAttrs (_: lib.mkDefault) defaults.properties
      // {
        "bootstrap.servers" = lib.concatStringsSep "," cfg.bootstrapServers;
        "listeners" = "http://${cfg.listenAddress}:${toString cfg.port}";
        "rest.advertised.host.name" = cfg.advertisedHost;
        "rest.advertised.port" = cfg.port;
        "plugin.path" = lib.concatMapStringsSep "," (plugin: "${plugin}/share/kafka-connect") cfg.plugins;
      }
      # A connector names a secret as ''${directory:/run/credentials/kafka-connect.service:NAME}.
      // lib.optionalAttrs (cfg.credentials != { }) {
        "config.providers" = "directory";
        "config.providers.directory.class" =
          "org.apache.kafka.common.config.provider.DirectoryConfigProvider";
      };
    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall [
      cfg.port
      cfg.metrics.port
    ];

    systemd.services.kafka-connect = {
      description = "Kafka Connect, distributed worker";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "apache-kafka.service"
      ];
      serviceConfig = jvm.hardening // {
        ExecStart = lib.concatStringsSep " " (
          [ "${cfg.package.jre}/bin/java" ]
          ++ jvm.options cfg.heap
          ++ cfg.jvmOptions
          ++ [
            "-Djava.awt.headless=true"
            jvm.logging
            "-javaagent:${cfg.metrics.package}/${cfg.metrics.package.jar}=${
              lib.optionalString (cfg.listenAddress != "") "${cfg.listenAddress}:"
            }${toString cfg.metrics.port}:${metrics}"
            "-cp"
            "${cfg.package}/libs/*"
            "org.apache.kafka.connect.cli.ConnectDistributed"
            "${worker}"
          ]
        );
        LoadCredential = lib.mapAttrsToList (name: file: "${name}:${file}") cfg.credentials;
        # 143: a JVM that was told to end.
        SuccessExitStatus = 143;
        Restart = "always";
        RestartSec = "2s";
      };
    };

    systemd.services.kafka-connect-connectors = lib.mkIf (cfg.connectors != { }) {
      description = "Connectors of Kafka Connect";
      wantedBy = [ "kafka-connect.service" ];
      requires = [ "kafka-connect.service" ];
      after = [ "kafka-connect.service" ];
      path = [ pkgs.curl ];
      # 409 is a worker that rebalances, a refused connection one that starts.
      script = lib.concatStrings (
        lib.mapAttrsToList (name: connector: ''
          curl --silent --show-error --fail-with-body --retry 120 --retry-delay 1 --retry-all-errors \
            --request PUT --header 'Content-Type: application/json' \
            --data @${(pkgs.formats.json { }).generate "${name}.json" connector} \
            ${rest}/connectors/${name}/config
        '') cfg.connectors
      );
      serviceConfig = import ../hardening.nix // {
        Type = "oneshot";
        RemainAfterExit = true;
        MemoryDenyWriteExecute = true;
      };
    };
  };
}
