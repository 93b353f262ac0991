# The scenarios below `directory`, each as a build in the sandbox: real components on loopback, no network.
{
  lib,
  runCommand,
  lab,
  lab-unwrapped,
}:
directory:
let
  areas = import ./discover.nix { inherit lib; } directory;

  run =
    area: sources: name: scenario:
    runCommand "scenario-${area}-${name}"
      {
        nativeBuildInputs = [ lab ];
        passthru = { inherit (scenario) isQuick tags; };
        scenarios = sources;
      }
      ''
        # A build log is no terminal, even where Nix gives it one.
        export HOME=$PWD TERM=dumb
        lab run --scenarios "$scenarios" --report $out ${scenario.id}
      '';

  byArea = lib.mapAttrs (
    area: { sources, scenarios }: lib.mapAttrs (run area sources) scenarios
  ) areas;
in
{
  inherit areas byArea;
  checks = {
    scenarios-valid =
      runCommand "scenarios-valid"
        {
          nativeBuildInputs = [ lab-unwrapped ];
          scenarios = lib.fileset.toSource {
            root = directory;
            fileset = directory;
          };
        }
        ''
          HOME=$PWD lab validate --scenarios "$scenarios" | tee $out
        '';
  }
  // lib.concatMapAttrs (
    area:
    lib.concatMapAttrs (
      name: scenario: lib.optionalAttrs scenario.isQuick { "scenario-${area}-${name}" = scenario; }
    )
  ) byArea;
}
