# The whole lab on one machine: what is sent is what Prometheus has, and what is done to a table arrives on a topic.
{ self }:
{ lib, ... }:
let
  connector = lib.importJSON ../scenarios/cdc/pg-connector.config.json;
in
{
  globalTimeout = 900;
  nodes.machine =
    { pkgs, ... }:
    {
      imports = [
        self.nixosModules.lab
        ./size.nix
      ];
      environment.systemPackages = [ pkgs.jq ];
      services.kafka-connect-lab = {
        enable = true;
        connect.connectors.customers = removeAttrs connector [ "name" ] // {
          "database.hostname" = "127.0.0.1";
          "plugin.name" = "pgoutput";
        };
      };
      # The table is there before the connector looks.
      systemd.services.kafka-connect-connectors = {
        after = [ "customers-table.service" ];
        requires = [ "customers-table.service" ];
      };
      systemd.services.customers-table = {
        after = [ "postgresql.target" ];
        requires = [ "postgresql.target" ];
        path = [ pkgs.postgresql_17 ];
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
    import shlex


    def promql(query):
        answer = machine.succeed(f"curl -sfG http://127.0.0.1:9090/api/v1/query --data-urlencode {shlex.quote('query=' + query)}")
        return [float(sample["value"][1]) for sample in json.loads(answer)["data"]["result"]]


    def records(topic, count):
        out = machine.succeed(
            "kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --from-beginning --timeout-ms 60000"
            f" --property print.key=true --topic {topic} --max-messages {count}"
        )
        values = [json.loads(line.split("\t")[1]) for line in out.splitlines()]
        # A row that is gone is null, with or without the schema that JsonConverter puts around it.
        return [value and value["payload"] for value in values]


    def sql(statements):
        machine.succeed(f"sudo -u postgres psql customers --command {shlex.quote(statements)}")


    for unit in ["zookeeper", "apache-kafka", "kafka-connect", "kafka-connect-lab-exporter", "kafka-connect-lab-producer", "prometheus"]:
        machine.wait_for_unit(f"{unit}.service")
    machine.wait_for_unit("postgresql.target")

    with subtest("what the producer sends arrives"):
        machine.wait_until_succeeds("curl -sf http://127.0.0.1:8080/metrics | grep 'exporter_messages_total{.*outcome=\"ok\"'", timeout=120)

    with subtest("Prometheus has the value that was sent"):
        message = json.dumps({"vm": {"Type": "gauge", "Name": "vm_gauge", "Description": "A value", "Value": 37.25}})
        machine.succeed(f"echo {shlex.quote(message)} | kafka-console-producer.sh --bootstrap-server 127.0.0.1:9092 --topic metrics")
        machine.wait_until_succeeds("curl -sf 'http://127.0.0.1:9090/api/v1/query?query=vm_gauge' | jq -e '.data.result[0].value[1] == \"37.25\"'", timeout=60)
        assert promql("vm_gauge") == [37.25]

    with subtest("the declared connector runs"):
        machine.wait_for_unit("kafka-connect-connectors.service")
        machine.wait_until_succeeds("curl -sf http://127.0.0.1:8083/connectors/customers/status | jq -e '.tasks[0].state == \"RUNNING\"'", timeout=120)
        machine.wait_until_succeeds("sudo -u postgres psql -tAc 'SELECT active FROM pg_replication_slots' | grep t", timeout=60)

    with subtest("insert and update arrive as rows, a delete as null"):
        sql("INSERT INTO customers VALUES (1, 'Ada', 'ada@example.com')")
        sql("UPDATE customers SET email = 'ada@example.org'")
        sql("DELETE FROM customers")
        inserted, updated, deleted = records("customers.public.customers", 3)
        assert inserted["email"] == "ada@example.com", inserted
        assert updated["email"] == "ada@example.org", updated
        assert deleted is None, deleted

    with subtest("the worker comes back after a crash and goes on where it was"):
        before = machine.get_unit_info("kafka-connect")["MainPID"]
        machine.succeed("systemctl kill --signal=KILL kafka-connect")
        machine.wait_until_fails(f"systemctl show -p MainPID --value kafka-connect | grep -x {before}", timeout=30)
        sql("INSERT INTO customers VALUES (2, 'Grace', null)")
        last = records("customers.public.customers", 4)[-1]
        assert last["name"] == "Grace", last

    with subtest("of all of it only the exporter is reachable from elsewhere"):
        machine.fail("ss -ltn | grep -E '(0.0.0.0|\\*|\\[::\\]):(2181|5432|8083|9090|9092|9404)'")
  '';
}
