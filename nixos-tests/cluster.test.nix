# The parts on machines of their own: exposure across machines, CDC after the crash of a worker, and a network partition.
{ self }:
{ lib, ... }:
let
  connector = lib.importJSON ../scenarios/cdc/pg-connector.config.json;
  worker = {
    imports = [ self.nixosModules.connect ];
    virtualisation.memorySize = 2048;
    services.kafka-connect-lab.connect = {
      enable = true;
      bootstrapServers = [ "broker:9092" ];
      listenAddress = "";
      openFirewall = true;
      # How soon the group sees that a worker is gone.
      settings."session.timeout.ms" = 6000;
      settings."heartbeat.interval.ms" = 2000;
    };
  };
  exporter = {
    imports = [ self.nixosModules.exporter ];
    services.kafka-connect-lab.exporter = {
      enable = true;
      bootstrapServers = [ "broker:9092" ];
      openFirewall = true;
      kafkaSettings."session.timeout.ms" = 6000;
    };
  };
in
{
  globalTimeout = 1200;
  nodes = {
    broker = {
      imports = [ self.nixosModules.lab ];
      virtualisation.memorySize = 2048;
      services.kafka-connect-lab.kafka = {
        enable = true;
        listenAddress = "";
        openFirewall = true;
      };
    };
    database = {
      imports = [ self.nixosModules.lab ];
      services.kafka-connect-lab.postgres = {
        enable = true;
        allowFrom = [ "192.168.1.0/24" ];
      };
    };
    worker1 = worker;
    worker2 = worker;
    exporter1 = exporter;
    exporter2 = exporter;
    monitoring =
      { pkgs, ... }:
      {
        imports = [ self.nixosModules.lab ];
        environment.systemPackages = [ pkgs.jq ];
        services.kafka-connect-lab.prometheus = {
          enable = true;
          targets = {
            exporter = [
              "exporter1:8080"
              "exporter2:8080"
            ];
            connect = [
              "worker1:9404"
              "worker2:9404"
            ];
          };
        };
      };
  };

  testScript = ''
    import json
    import shlex

    workers = {"worker1": worker1, "worker2": worker2}
    exporters = {"exporter1": exporter1, "exporter2": exporter2}
    config = json.loads(${builtins.toJSON (builtins.toJSON connector)})
    config.update({"name": "customers", "database.hostname": "database", "plugin.name": "pgoutput"})


    def promql(query):
        answer = monitoring.succeed(f"curl -sfG http://127.0.0.1:9090/api/v1/query --data-urlencode {shlex.quote('query=' + query)}")
        return json.loads(answer)["data"]["result"]


    def wait_for_samples(query, count):
        url = f"curl -sfG http://127.0.0.1:9090/api/v1/query --data-urlencode {shlex.quote('query=' + query)}"
        monitoring.wait_until_succeeds(f"{url} | jq -e '.data.result | length == {count}'", timeout=90)
        return promql(query)


    def send(value):
        message = json.dumps({"vm": {"Type": "gauge", "Name": "vm_gauge", "Description": "A value", "Value": value}})
        broker.succeed(f"echo {shlex.quote(message)} | kafka-console-producer.sh --bootstrap-server broker:9092 --topic metrics")


    def sql(statements):
        database.succeed(f"sudo -u postgres psql customers --command {shlex.quote(statements)}")


    def names(count, milliseconds=90000):
        out = broker.succeed(
            f"kafka-console-consumer.sh --bootstrap-server broker:9092 --from-beginning --timeout-ms {milliseconds}"
            f" --topic customers.public.customers --max-messages {count} || true"
        )
        return [json.loads(line)["payload"]["name"] for line in out.splitlines()]


    def owner(machines):
        """The worker that runs the connector's task."""
        for machine in machines.values():
            status, out = machine.execute("curl -sf http://localhost:8083/connectors/customers/status")
            if status == 0:
                return json.loads(out)["tasks"][0]["worker_id"].split(":")[0]
        raise Exception("no worker answers")


    running = "curl -sf http://localhost:8083/connectors/customers/status | grep -F '\"tasks\":[{\"id\":0,\"state\":\"RUNNING\"'"

    start_all()
    broker.wait_for_open_port(9092)
    database.wait_for_unit("postgresql.target")
    for machine in workers.values():
        machine.wait_until_succeeds("curl -sf http://localhost:8083/connectors", timeout=180)

    with subtest("one of two exporters has the series, whatever machine the message came from"):
        send(37.25)
        sample = wait_for_samples("vm_gauge == 37.25", 1)[0]
        wait_for_samples("up == 1", 4)

    with subtest("after the crash of the one that had it, the other one has it"):
        first = sample["metric"]["instance"].split(":")[0]
        exporters.pop(first).crash()
        last = next(iter(exporters))
        wait_for_samples(f"vm_gauge{{instance='{last}:8080'}} == 37.25", 1)

    with subtest("a connector on either worker captures"):
        sql("CREATE TABLE customers (id int PRIMARY KEY, name text)")
        body = shlex.quote(json.dumps(config))
        worker1.succeed(f"curl -sf --retry 30 --retry-all-errors -X PUT -H 'Content-Type: application/json' -d {body} http://localhost:8083/connectors/customers/config")
        worker2.wait_until_succeeds(running, timeout=120)
        database.wait_until_succeeds("sudo -u postgres psql -tAc 'SELECT active FROM pg_replication_slots' | grep t", timeout=60)
        sql("INSERT INTO customers VALUES (1, 'Ada')")
        assert names(1) == ["Ada"]

    with subtest("after the crash of its worker, the other one goes on without loss"):
        workers.pop(owner(workers)).crash()
        sql("INSERT INTO customers VALUES (2, 'Grace')")
        other = next(iter(workers.values()))
        other.wait_until_succeeds(running, timeout=120)
        assert names(2) == ["Ada", "Grace"]
        assert owner(workers) in workers

    with subtest("what happens during a partition arrives after it"):
        database.block()
        sql("INSERT INTO customers VALUES (3, 'Edsger')")
        during = names(3, milliseconds=5000)
        assert during == ["Ada", "Grace"], during
        database.unblock()
        assert names(3) == ["Ada", "Grace", "Edsger"]

    report = json.dumps({"up": promql("up"), "connect": promql("kafka_connect_source_task_source_record_write_total")})
    monitoring.succeed(f"echo {shlex.quote(report)} > /tmp/report.json")
    monitoring.copy_from_machine("/tmp/report.json")
  '';
}
