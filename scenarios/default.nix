# Every scenario as a build in the sandbox: real components on loopback, no network. A file in an area is a scenario, as it
# is for `lab run`.
{
  lib,
  runCommand,
  lab,
  lab-unwrapped,
}:
let
  isScenario = name: type: type == "regular" && lib.hasSuffix ".toml" name && !lib.hasPrefix "." name;
  areas = lib.filterAttrs (
    name: type: type == "directory" && name != "include" && !lib.hasPrefix "." name
  ) (builtins.readDir ./.);

  run =
    area: file:
    let
      name = lib.removeSuffix ".toml" file;
      header = lib.importTOML (./. + "/${area}/${file}");
    in
    runCommand "scenario-${area}-${name}"
      {
        nativeBuildInputs = [ lab ];
        passthru.tags = header.tags or [ ];
        # What the scenarios of an area share may lie beside it.
        scenarios = lib.fileset.toSource {
          root = ./.;
          fileset = lib.fileset.unions (
            [ (./. + "/${area}") ] ++ lib.optional (builtins.pathExists ./include) ./include
          );
        };
      }
      ''
        # A build log is no terminal, even where Nix gives it one.
        export HOME=$PWD TERM=dumb
        lab run --scenarios "$scenarios" --report $out ${area}/${name}
      '';

  byArea = lib.mapAttrs (
    area: _:
    lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".toml" file) (run area file)) (
      lib.filterAttrs isScenario (builtins.readDir (./. + "/${area}"))
    )
  ) areas;

  # These take long, or say something about the machine: buildable, but no part of `nix flake check`.
  left = [
    "tuning"
    "soak"
  ];
  quick = scenario: lib.mutuallyExclusive scenario.tags left;
in
byArea
// {
  checks = {
    scenarios-valid =
      runCommand "scenarios-valid"
        {
          nativeBuildInputs = [ lab-unwrapped ];
          scenarios = ./.;
        }
        ''
          HOME=$PWD lab validate --scenarios "$scenarios" | tee $out
        '';
  }
  // lib.concatMapAttrs (
    area:
    lib.concatMapAttrs (
      name: scenario: lib.optionalAttrs (quick scenario) { "scenario-${area}-${name}" = scenario; }
    )
  ) byArea;
}
