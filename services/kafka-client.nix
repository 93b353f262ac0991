# What exporter and producer have in common as units: where Kafka is, any librdkafka setting, and secrets that stay out of
# the store.
{ lib }:
let
  inherit (lib) mkOption types;
  secrets = import ./secrets.nix { inherit lib; };
  scalar = types.oneOf [
    types.bool
    types.int
    types.str
  ];
  text = value: if lib.isBool value then lib.boolToString value else toString value;
  # librdkafka's sasl.password is KAFKA_CONFIG_SASL_PASSWORD.
  variable = setting: "KAFKA_CONFIG_${lib.toUpper (lib.replaceStrings [ "." ] [ "_" ] setting)}";
in
{
  options =
    { topic }:
    {
      package = mkOption {
        type = types.package;
        description = "The package that has the program.";
      };
      bootstrapServers = mkOption {
        type = types.nonEmptyListOf types.nonEmptyStr;
        default = [ "localhost:9092" ];
        example = [
          "kafka-1:9092"
          "kafka-2:9092"
        ];
        description = "Brokers to ask first, as host:port.";
      };
      topic = mkOption {
        type = types.strMatching "[a-zA-Z0-9._-]{1,249}";
        default = topic;
        description = "The topic of the metrics.";
      };
      kafkaSettings = mkOption {
        type = types.attrsOf scalar;
        default = { };
        example = {
          "security.protocol" = "SASL_SSL";
          "sasl.mechanisms" = "SCRAM-SHA-512";
          "sasl.username" = "metrics";
        };
        description = "Settings of librdkafka by its names. They are readable in the store: secrets belong into kafkaSecrets.";
      };
      kafkaSecrets = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = {
          "sasl.password" = "/run/secrets/kafka";
        };
        description = "Settings of librdkafka whose values are in files, which only the service can read.";
      };
      environment = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = {
          LOG = "debug";
        };
        description = "Further variables; `--help` of the program lists them.";
      };
    };

  # What cannot work, or should not, in the settings of the service `name`.
  assertions = name: cfg: [
    {
      assertion = secrets.areReferences cfg.kafkaSettings;
      message = "services.kafka-connect-lab.${name}.kafkaSettings: a password would be readable in the store. Name its file in `kafkaSecrets`.";
    }
    {
      assertion = lib.intersectAttrs cfg.kafkaSettings cfg.kafkaSecrets == { };
      message = "services.kafka-connect-lab.${name}: ${toString (lib.attrNames (lib.intersectAttrs cfg.kafkaSettings cfg.kafkaSecrets))} is in both kafkaSettings and kafkaSecrets.";
    }
  ];

  # The unit of `program` with the settings of `cfg`.
  unit =
    {
      cfg,
      description,
      environment ? { },
      arguments ? [ ],
    }:
    {
      inherit description;
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      environment = {
        KAFKA_BOOTSTRAP_SERVERS = lib.concatStringsSep "," cfg.bootstrapServers;
        KAFKA_TOPIC = cfg.topic;
      }
      // lib.mapAttrs' (
        setting: value: lib.nameValuePair (variable setting) (text value)
      ) cfg.kafkaSettings
      // environment
      // cfg.environment;
      script = ''
        ${lib.concatStrings (
          lib.mapAttrsToList (setting: _: ''
            ${variable setting}=$(cat "$CREDENTIALS_DIRECTORY/${setting}")
            export ${variable setting}
          '') cfg.kafkaSecrets
        )}
        exec ${lib.getExe cfg.package} ${lib.escapeShellArgs arguments}
      '';
      serviceConfig = import ./hardening.nix // {
        LoadCredential = lib.mapAttrsToList (setting: file: "${setting}:${file}") cfg.kafkaSecrets;
        MemoryDenyWriteExecute = true;
        Restart = "always";
        RestartSec = "1s";
      };
    };
}
