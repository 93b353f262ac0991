# The scenarios below a directory, by area and name, as `lab run` finds them: a file in an area is one.
{ lib }:
directory:
let
  isVisible = name: !lib.hasPrefix "." name;
  isArea = name: type: type == "directory" && name != "include" && isVisible name;
  isScenario = name: type: type == "regular" && lib.hasSuffix ".toml" name && isVisible name;
  below = path: directory + "/${path}";

  # These take long, or say something about the machine: buildable, but no part of `nix flake check`.
  left = [
    "tuning"
    "soak"
  ];

  scenario =
    area: file:
    let
      name = lib.removeSuffix ".toml" file;
      tags = (lib.importTOML (below "${area}/${file}")).tags or [ ];
    in
    lib.nameValuePair name {
      inherit tags;
      id = "${area}/${name}";
      isQuick = lib.mutuallyExclusive tags left;
    };
in
lib.mapAttrs (area: _: {
  # Its files, and what the areas share: a change of another area is none of its own.
  sources = lib.fileset.toSource {
    root = directory;
    fileset = lib.fileset.union (below area) (lib.fileset.maybeMissing (below "include"));
  };
  scenarios = lib.mapAttrs' (file: _: scenario area file) (
    lib.filterAttrs isScenario (builtins.readDir (below area))
  );
}) (lib.filterAttrs isArea (builtins.readDir directory))
