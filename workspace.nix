# What the crates share: their sources, their dependencies built once, and the checks of all of them together.
{
  lib,
  craneLib,
  pkg-config,
  python3,
  which,
  openssl,
  zlib,
}:
let
  inherit (lib) fileset;
  manifest = lib.importTOML ./Cargo.toml;
  inherit (manifest.workspace) members;

  source =
    files:
    fileset.toSource {
      root = ./.;
      fileset = fileset.unions files;
    };

  # Cargo wants the manifest of every member, with a target that exists, even to build only one of them.
  skeleton = [
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
  everything = skeleton ++ [
    ./services
    ./harness
    ./components
    ./scenarios
    ./lab
  ];

  common = {
    pname = "kafka-connect-lab";
    inherit (manifest.workspace.package) version;
    src = source skeleton;
    strictDeps = true;
    nativeBuildInputs = [
      pkg-config
      # What librdkafka's configure asks for.
      python3
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
    src = source everything;
  };
in
{
  inherit (common) version;

  # The package of one binary crate. `files`: what it is made of besides the manifests.
  package =
    {
      pname,
      description,
      files,
    }:
    craneLib.buildPackage (
      common
      // {
        inherit pname cargoArtifacts;
        src = source (skeleton ++ files);
        cargoExtraArgs = "--locked --package ${pname}";
        # checks.test runs the tests of all crates at once.
        doCheck = false;
        meta = {
          inherit description;
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
    test = craneLib.cargoNextest (whole // { cargoNextestExtraArgs = "--workspace"; });
  };
}
