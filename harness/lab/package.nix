# The runner alone, which finds what it starts on the PATH. The settings of the services and the lock are built into it.
{ workspace }:
workspace.package {
  pname = "lab";
  description = "Brings Kafka Connect stacks up and runs scenarios on them";
  files = [
    ../.
    ../../services
    ../../components
  ];
}
