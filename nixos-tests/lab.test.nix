# What no scenario says of the modules: a connector that is declared, with a password that is not in the store; a worker that
# comes back by itself; and what listens on more than loopback. What the services do together is in the scenarios.
{ self }:
{ lib, ... }:
let
  connector = lib.importJSON ../scenarios/cdc/pg-connector.config.json;
  password = (lib.importJSON ../services/postgres/settings.json).password;
in
{
  globalTimeout = 900;
  nodes.machine =
    { config, pkgs, ... }:
    {
      imports = [
        self.nixosModules.lab
        ./size.nix
      ];
      environment.systemPackages = [ pkgs.jq ];
      services.kafka-connect-lab = {
        enable = true;
        connect.credentials.database = "/run/secrets/database";
        connect.connectors.customers = removeAttrs connector [ "name" ] // {
          "database.hostname" = "127.0.0.1";
          "database.password" = "\${directory:/run/credentials/kafka-connect.service:database}";
          "plugin.name" = "pgoutput";
        };
      };
      systemd.tmpfiles.rules = [
        "d /run/secrets 0700 root root - -"
        "f /run/secrets/database 0400 root root - ${password}"
      ];
      # The table is there before the connector looks.
      systemd.services.kafka-connect-connectors = {
        after = [ "customers-table.service" ];
        requires = [ "customers-table.service" ];
      };
      systemd.services.customers-table = {
        after = [ "postgresql.target" ];
        requires = [ "postgresql.target" ];
        path = [ config.services.postgresql.package ];
        script = "psql customers --command 'CREATE TABLE IF NOT EXISTS customers (id int PRIMARY KEY, name text, email text)'";
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          User = "postgres";
        };
      };
    };

  testScript = ''
    import json
    import re
    import shlex


    def names(count):
        out = machine.succeed(
            "kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --from-beginning --timeout-ms 60000"
            f" --topic customers.public.customers --max-messages {count}"
        )
        return [json.loads(line)["payload"]["name"] for line in out.splitlines()]


    def sql(statements):
        machine.succeed(f"sudo -u postgres psql customers --command {shlex.quote(statements)}")


    for unit in ["zookeeper", "apache-kafka", "kafka-connect", "kafka-connect-lab-exporter", "kafka-connect-lab-producer", "prometheus"]:
        machine.wait_for_unit(f"{unit}.service")
    machine.wait_for_unit("postgresql.target")

    with subtest("what the producer sends arrives"):
        machine.wait_until_succeeds("curl -sf http://127.0.0.1:8080/metrics | grep 'exporter_messages_total{.*outcome=\"ok\"'", timeout=120)

    with subtest("the declared connector runs, with the password from the credential"):
        machine.wait_for_unit("kafka-connect-connectors.service")
        machine.wait_until_succeeds("curl -sf http://127.0.0.1:8083/connectors/customers/status | jq -e '.tasks[0].state == \"RUNNING\"'", timeout=120)
        machine.wait_until_succeeds("sudo -u postgres psql -tAc 'SELECT active FROM pg_replication_slots' | grep t", timeout=60)
        config = machine.succeed("curl -sf http://127.0.0.1:8083/connectors/customers/config")
        assert "${password}" not in config, config

    with subtest("the worker comes back by itself after a crash and goes on where it was"):
        sql("INSERT INTO customers VALUES (1, 'Ada', null)")
        assert names(1) == ["Ada"]
        before = machine.get_unit_info("kafka-connect")["MainPID"]
        machine.succeed("systemctl kill --signal=KILL kafka-connect")
        machine.wait_until_fails(f"systemctl show -p MainPID --value kafka-connect | grep -x {before}", timeout=30)
        sql("INSERT INTO customers VALUES (2, 'Grace', null)")
        assert names(2) == ["Ada", "Grace"]

    with subtest("of all of it only the exporter listens on more than loopback"):
        ports = "2181|5432|8080|8083|9090|9092|9404"
        listening = machine.succeed("ss -ltnH")
        everywhere = set(re.findall(rf"(?:0\.0\.0\.0|\*|\[::\]):({ports})\s", listening))
        assert everywhere == {"8080"}, listening

    # For the reader of the log: what systemd thinks of the hardening of each unit.
    print(machine.execute("systemd-analyze security --no-pager 'kafka-connect*' 2>&1")[1])
  '';
}
