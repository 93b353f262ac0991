# Everything of this project as one scope in nixpkgs: `pkgs.kafkaConnectLab`.
{ crane, self }:
final: _prev:
let
  inherit (final) lib;
  toApp = program: {
    type = "app";
    program = lib.getExe program;
    meta = { inherit (program.meta) description; };
  };
in
{
  kafkaConnectLab = lib.makeScope final.newScope (
    scope:
    let
      inherit (scope) callPackage;
    in
    {
      craneLib = crane.mkLib final;
      workspace = callPackage ./workspace.nix { };
      components = callPackage ./components { };

      exporter = callPackage ./services/exporter/package.nix { };
      producer = callPackage ./services/producer/package.nix { };
      lab-unwrapped = callPackage ./harness/lab/package.nix { };
      lab = callPackage ./harness/lab/wrapper.nix { };
      demo = callPackage ./harness/lab/demo.nix { };
      shell = callPackage ./harness/lab/shell.nix { };

      binaries = { inherit (scope) exporter producer lab; };
      inherit (callPackage ./services/images.nix { }) images;
      apps = lib.mapAttrs (_: toApp) (scope.binaries // { inherit (scope) demo; });

      scenariosIn = callPackage ./harness/lab/scenarios.nix { };
      scenarios = scope.scenariosIn ./scenarios;
      templateChecks = lib.mapAttrs' (
        name: lib.nameValuePair "template-${name}"
      ) (scope.scenariosIn ./template/scenarios).checks;
      nixosTests = import ./nixos-tests {
        inherit self lib;
        inherit (scope) scenarios;
        pkgs = final;
      };
      nixosOptions =
        let
          path = [
            "services"
            "kafka-connect-lab"
          ];
        in
        callPackage ./nixos-options.nix {
          inherit path;
          options = lib.getAttrFromPath path (final.nixos self.nixosModules.lab).options;
        };
      formatter = final.nixfmt-tree;
      nixChecks = {
        nix = callPackage ./nix-files.nix { };
        nixos-options = scope.nixosOptions.check;
        nixos-assertions = import ./nixos-tests/assertions.nix {
          inherit self lib;
          pkgs = final;
        };
      };
    }
  );
}
