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
      linux = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      darwin = [
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      # The project's scope, made once for each system.
      scopes = lib.genAttrs (linux ++ darwin) (
        system: (nixpkgs.legacyPackages.${system}.extend self.overlays.default).kafkaConnectLab
      );
      onEach = systems: select: lib.genAttrs systems (system: select scopes.${system});
    in
    {
      overlays.default = import ./overlay.nix { inherit crane self; };

      packages =
        onEach linux (lab: lab.components.packages // lab.binaries // lab.images // { default = lab.lab; })
        // onEach darwin (lab: lab.components.packages // lab.binaries // { default = lab.lab; });
      apps = onEach (linux ++ darwin) (lab: lab.apps);
      devShells = onEach (linux ++ darwin) (lab: {
        default = lab.shell;
      });
      formatter = onEach (linux ++ darwin) (lab: lab.formatter);

      checks = onEach linux (
        lab:
        lab.workspace.checks
        // lab.scenarios.checks
        // lab.templateChecks
        // lab.nixosTests.checks
        // lab.nixChecks
        // lab.binaries
      );
      # Any scenario, those that `nix flake check` leaves out too: scenarios.AREA.NAME, and on a machine of NixOS
      # vms.vm-AREA.scenarios.NAME.
      legacyPackages = onEach linux (lab: {
        scenarios = lab.scenarios.byArea;
        vms = lab.nixosTests.areas;
        inherit (lab) nixosOptions;
      });
      # For flakes of one's own: every scenario of a directory as a check.
      lib = onEach linux (lab: {
        scenarioChecks = directory: (lab.scenariosIn directory).checks;
      });

      templates.default = {
        path = ./template;
        description = "A connector of one's own, rehearsed by a scenario";
      };
      nixosModules = import ./nixos-modules.nix { inherit self lib; };
    };
}
