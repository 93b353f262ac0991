{
  description = "A reproducible laboratory for Kafka Connect pipelines, with a Prometheus exporter for JSON metrics on a topic";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    crane.url = "github:ipetkov/crane/v0.23.4";
  };

  outputs =
    {
      self,
      nixpkgs,
      crane,
    }:
    let
      inherit (nixpkgs) lib;
      forSystems =
        systems: perSystem:
        lib.genAttrs systems (
          system: perSystem (nixpkgs.legacyPackages.${system}.extend self.overlays.default)
        );
      linux = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      all = linux ++ [
        "x86_64-darwin"
        "aarch64-darwin"
      ];
    in
    {
      overlays.default = import ./overlay.nix { inherit crane; };

      packages = forSystems all (pkgs: pkgs.kafkaConnectLab.published);
      legacyPackages = forSystems linux (pkgs: { inherit (pkgs.kafkaConnectLab) scenarios; });

      apps = forSystems all (
        pkgs:
        lib.mapAttrs (_: program: {
          type = "app";
          program = lib.getExe program;
          meta = { inherit (program.meta) description; };
        }) { inherit (pkgs.kafkaConnectLab) exporter producer lab demo; }
      );

      checks = forSystems linux (
        pkgs: pkgs.kafkaConnectLab.checks // import ./nixos-tests { inherit self lib pkgs; }
      );
      devShells = forSystems all (pkgs: { default = pkgs.kafkaConnectLab.devShell; });
      formatter = forSystems all (pkgs: pkgs.nixfmt-tree);

      nixosModules = import ./nixos-modules.nix { inherit self lib; };
    };
}
