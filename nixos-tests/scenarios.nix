# Scenarios on a machine whose services systemd runs: nixpkgs' modules and ours, the same files as everywhere.
{ self, lib }:
sources:
{
  # `area/name` of each.
  ids,
  # `nodes` is a VM, `containers` is systemd-nspawn.
  kind ? "nodes",
}:
{
  globalTimeout = 1800;
  ${kind}.machine =
    { pkgs, ... }:
    {
      imports = [ self.nixosModules.lab ] ++ lib.optional (kind == "nodes") ./size.nix;
      services.kafka-connect-lab.enable = true;
      environment.systemPackages = [ self.packages.${pkgs.stdenv.hostPlatform.system}.lab ];
    };

  testScript = ''
    start_all()
    machine.wait_for_unit("multi-user.target")
    # What does not hold is told before the test ends.
    status, said = machine.execute(
        "lab run --driver systemd --scenarios ${sources} --report /tmp/report ${toString ids} 2>&1",
        timeout=1500,
    )
    print(said)
    # Services that do not get ready leave no report.
    if machine.execute("test -e /tmp/report")[0] == 0:
        machine.copy_from_machine("/tmp/report")
    assert status == 0, f"lab run ended with {status}"
  '';
}
