# The pinned components. components.json says what there is, lock.json has path and hash of every file: one more version
# there is one more package here.
{
  lib,
  callPackage,
  fetchurl,
  linkFarm,
  stdenv,
}:
let
  catalog = lib.importJSON ./components.json;
  lock = lib.importJSON ./lock.json;

  fetch =
    file:
    fetchurl {
      url = "mirror://maven/${file.path}";
      hash = file.sha256;
    };

  # Every version of every component that this system can use.
  versions = lib.concatLists (
    lib.mapAttrsToList (
      component: about:
      lib.optionals (about.system or stdenv.hostPlatform.system == stdenv.hostPlatform.system) (
        lib.mapAttrsToList (version: pinned: {
          inherit component version about;
          inherit (pinned) files;
        }) lock.${component}
      )
    ) catalog
  );

  # kafka 3.9.2 is kafka_3_9: a patch release takes the place of the one before.
  name =
    { component, version, ... }:
    "${component}_${lib.replaceStrings [ "." ] [ "_" ] (lib.versions.majorMinor version)}";
  builder =
    { component, about, ... }:
    if component == "kafka" then
      ./kafka.nix
    else if about ? unpack then
      ./plugin.nix
    else
      ./jar.nix;
  build =
    {
      component,
      version,
      about,
      files,
    }@entry:
    callPackage (builder entry) {
      pname = component;
      inherit version;
      description = about.about;
      files = map fetch files;
    };

  # Programs come from nixpkgs: what Maven has of them is built for other distributions.
  packaged = lib.filter (entry: !(entry.about ? provides)) versions;
in
{
  # The files in the layout of a Maven repository, which is what LAB_MAVEN_DIR names.
  repository = linkFarm "kafka-connect-lab-components" (
    lib.listToAttrs (
      lib.concatMap ({ files, ... }: map (file: lib.nameValuePair file.path (fetch file)) files) packaged
    )
  );

  packages = lib.listToAttrs (map (entry: lib.nameValuePair (name entry) (build entry)) packaged);
}
