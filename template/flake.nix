{
  description = "A connector, rehearsed on real components before it goes to production";

  # Where the lab is: this template came from there.
  inputs.lab.url = "github:OWNER/kafka-connect-lab";

  outputs =
    { lab, ... }:
    {
      # Every file in an area of ./scenarios is a check: `nix flake check`, or `nix build .#checks.SYSTEM.scenario-AREA-NAME`.
      checks = builtins.mapAttrs (_: on: on.scenarioChecks ./scenarios) lab.lib;
      # The lab itself: `nix run .#lab -- run`, and `nix develop` for everything else.
      inherit (lab) apps devShells;
    };
}
