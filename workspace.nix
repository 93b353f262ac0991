# What the crates share: their sources, their dependencies built once, and the checks of all of them together.
{
  lib,
  craneLib,
  pkg-config,
  which,
  openssl,
  zlib,
  bash,
  components,
  jdk17_headless,
  postgresql_17,
  prometheus,
}:
let
  inherit (lib) fileset;
  manifest = lib.importTOML ./Cargo.toml;
  inherit (manifest.workspace) members;

  # Without Nix files, which lie beside the crates: a change of a module builds no crate anew.
  source =
    files:
    fileset.toSource {
      root = ./.;
      fileset = fileset.difference (fileset.unions files) (
        fileset.fileFilter (file: file.hasExt "nix") ./.
      );
    };

  # Cargo wants the manifest of every member, with a target that exists, even to build only one of them.
  skeleton = [
    ./.cargo/config.toml
    ./Cargo.toml
    ./Cargo.lock
  ]
  ++ map (
    member:
    fileset.fileFilter (
      file:
      lib.elem file.name [
        "Cargo.toml"
        "lib.rs"
        "main.rs"
      ]
    ) (./. + "/${member}")
  ) members;

  # The directories of a crate and of the members that it depends on, as the manifests say.
  local = lib.filterAttrs (_: dependency: dependency ? path) manifest.workspace.dependencies;
  cratesOf =
    directory:
    map ({ key }: ./. + "/${key}") (
      builtins.genericClosure {
        startSet = [ { key = directory; } ];
        operator =
          { key }:
          lib.mapAttrsToList (_: dependency: { key = dependency.path; }) (
            lib.intersectAttrs (lib.importTOML (./. + "/${key}/Cargo.toml")).dependencies local
          );
      }
    );

  common = {
    pname = "kafka-connect-lab";
    inherit (manifest.workspace.package) version;
    src = source skeleton;
    strictDeps = true;
    # No Python: with it librdkafka would run a script of its own that wants /usr/bin/env.
    nativeBuildInputs = [
      pkg-config
      which
    ];
    buildInputs = [
      openssl
      zlib
    ];
    cargoVendorDir = craneLib.vendorCargoDeps {
      src = source [ ./Cargo.lock ];
      # Its build script copies librdkafka with the modes of the source, which the store has made read-only, and runs a
      # configure that wants /usr/bin/env.
      overrideVendorCargoPackage =
        crate: drv:
        if crate.name == "rdkafka-sys" then
          drv.overrideAttrs {
            postPatch = ''
              patchShebangs librdkafka
              substituteInPlace build.rs --replace-fail \
                'println!("Configuring librdkafka");' \
                'run_command_or_fail(".", "chmod", &["-R", "u+w", &out_dir]); println!("Configuring librdkafka");'
            '';
          }
        else
          drv;
    };
  };
  cargoArtifacts = craneLib.buildDepsOnly common;
  whole = common // {
    inherit cargoArtifacts;
    # Tests read documentation, scenarios and the bootstrap script too.
    src = source [ ./. ];
  };
in
{
  inherit (common) version;

  # The package of the binary crate in `directory`. `files`: what it needs besides its crates.
  package =
    {
      directory,
      files ? [ ],
    }:
    let
      crate = (lib.importTOML (./. + "/${directory}/Cargo.toml")).package;
      pname = crate.name;
    in
    craneLib.buildPackage (
      common
      // {
        inherit pname cargoArtifacts;
        src = source (skeleton ++ cratesOf directory ++ files);
        cargoExtraArgs = "--locked --package ${pname}";
        # checks.test runs the tests of all crates at once.
        doCheck = false;
        meta = {
          inherit (crate) description;
          mainProgram = pname;
          license = [
            lib.licenses.mit
            lib.licenses.asl20
          ];
          platforms = lib.platforms.unix;
        };
      }
    );

  checks = {
    clippy = craneLib.cargoClippy (
      whole // { cargoClippyExtraArgs = "--all-targets -- --deny warnings"; }
    );
    doc = craneLib.cargoDoc (whole // { env.RUSTDOCFLAGS = "--deny warnings"; });
    fmt = craneLib.cargoFmt { inherit (whole) pname version src; };
    # Advisories are not asked for here: their database would be an input that is old the day after it was pinned. The workflow
    # of the public CI asks the one of the day.
    deny = craneLib.cargoDeny {
      inherit (whole) pname version src;
      inherit (common) cargoVendorDir;
    };
    taplo = craneLib.taploFmt { inherit (whole) pname version src; };
    # Real components, as everywhere; what wants the network or Maven says that it is skipped.
    test = craneLib.cargoNextest (
      whole
      // {
        cargoNextestExtraArgs = "--workspace";
        nativeBuildInputs = common.nativeBuildInputs ++ [
          bash
          jdk17_headless
          prometheus
          prometheus.cli
        ];
        preBuild = "export HOME=$PWD";
        JAVA_HOME = jdk17_headless.home;
        LAB_MAVEN_DIR = components.repository;
        LAB_POSTGRES_DIR = postgresql_17;
      }
    );
  };
}
