# The scenarios below `directory`, each as a build in the sandbox: real components on loopback, no network. A file in an area
# is a scenario, as it is for `lab run`.
{
  lib,
  runCommand,
  lab,
  lab-unwrapped,
}:
directory:
let
  isVisible = name: !lib.hasPrefix "." name;
  isArea = name: type: type == "directory" && name != "include" && isVisible name;
  isScenario = name: type: type == "regular" && lib.hasSuffix ".toml" name && isVisible name;
  below = path: directory + "/${path}";

  run =
    area: file:
    let
      name = lib.removeSuffix ".toml" file;
      header = lib.importTOML (below "${area}/${file}");
    in
    runCommand "scenario-${area}-${name}"
      {
        nativeBuildInputs = [ lab ];
        passthru.tags = header.tags or [ ];
        # Its area, and what the areas share: a change of another area is none of its own.
        scenarios = lib.fileset.toSource {
          root = directory;
          fileset = lib.fileset.union (below area) (lib.fileset.maybeMissing (below "include"));
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
      lib.filterAttrs isScenario (builtins.readDir (below area))
    )
  ) (lib.filterAttrs isArea (builtins.readDir directory));

  # These take long, or say something about the machine: buildable, but no part of `nix flake check`.
  left = [
    "tuning"
    "soak"
  ];
  isQuick = scenario: lib.mutuallyExclusive scenario.tags left;
in
{
  inherit byArea;
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
      name: scenario: lib.optionalAttrs (isQuick scenario) { "scenario-${area}-${name}" = scenario; }
    )
  ) byArea;
}
