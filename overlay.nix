# Everything of this project as one scope in nixpkgs: `pkgs.kafkaConnectLab`.
{ crane }:
final: _prev: {
  kafkaConnectLab = final.lib.makeScope final.newScope (
    self:
    let
      inherit (final) lib;
      inherit (self) callPackage;
    in
    {
      craneLib = crane.mkLib final;
      workspace = callPackage ./workspace.nix { };

      exporter = callPackage ./services/exporter/package.nix { };
      producer = callPackage ./services/producer/package.nix { };
      lab-unwrapped = callPackage ./harness/lab/package.nix { };
      lab = callPackage ./harness/lab/wrapper.nix { };
      demo = callPackage ./harness/lab/demo.nix { };
      devShell = callPackage ./harness/lab/shell.nix { };

      components = callPackage ./components { };
      scenarios = callPackage ./scenarios { };

      published = self.components.packages // {
        default = self.lab;
        inherit (self)
          exporter
          producer
          lab
          lab-unwrapped
          ;
      };
      checks = self.workspace.checks // self.scenarios.checks // lib.mapAttrs' (
        name: lib.nameValuePair "package-${name}"
      ) { inherit (self) exporter producer lab; };
    }
  );
}
