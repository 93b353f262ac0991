# Tests on machines of NixOS: vm-AREA runs the scenarios of an area, vm-NAME is the file NAME.test.nix here.
{
  self,
  lib,
  pkgs,
  scenarios,
}:
let
  test =
    name: module:
    pkgs.testers.runNixOSTest {
      imports = [
        module
        { inherit name; }
      ];
    };
  onOneMachine = import ./scenarios.nix { inherit self lib; };

  # All quick scenarios of an area on one boot. Beside it, what `nix flake check` does not build: each of its scenarios alone,
  # and all of them in a container, for where there is no KVM.
  ofArea =
    area:
    { sources, scenarios }:
    let
      run = onOneMachine sources;
      quick = lib.filterAttrs (_: scenario: scenario.isQuick) scenarios;
      ids = lib.mapAttrsToList (_: scenario: scenario.id);
    in
    lib.nameValuePair "vm-${area}" (
      test area {
        imports = [ (run { ids = ids quick; }) ];
        passthru = {
          hasQuick = quick != { };
          scenarios = lib.mapAttrs (
            name: scenario:
            test "${area}-${name}" (run {
              ids = [ scenario.id ];
            })
          ) scenarios;
          container = test "${area}-container" (run {
            ids = ids quick;
            kind = "containers";
          });
        };
      }
    );

  files = lib.filterAttrs (file: _: lib.hasSuffix ".test.nix" file) (builtins.readDir ./.);
  areas = lib.mapAttrs' ofArea scenarios.areas;
in
{
  # Any of them: areas.vm-AREA.scenarios.NAME and areas.vm-AREA.container.
  inherit areas;
  checks =
    lib.filterAttrs (_: area: area.hasQuick) areas
    // lib.mapAttrs' (
      file: _:
      let
        name = lib.removeSuffix ".test.nix" file;
      in
      lib.nameValuePair "vm-${name}" (test name (import (./. + "/${file}") { inherit self; }))
    ) files;
}
