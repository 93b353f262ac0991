# The flake's own files: formatted, and without dead code.
{
  lib,
  runCommand,
  deadnix,
  nixfmt,
}:
runCommand "nix-files"
  {
    src = lib.fileset.toSource {
      root = ./.;
      fileset = lib.fileset.fileFilter (file: file.hasExt "nix") ./.;
    };
    nativeBuildInputs = [
      deadnix
      nixfmt
    ];
  }
  ''
    find "$src" -name '*.nix' -exec nixfmt --check {} +
    deadnix --fail "$src"
    touch $out
  ''
