# Every other file of this folder is a test: the name of the check is vm-NAME.
{
  self,
  lib,
  pkgs,
}:
lib.mapAttrs'
  (
    file: _:
    let
      name = lib.removeSuffix ".nix" file;
    in
    lib.nameValuePair "vm-${name}" (
      pkgs.testers.runNixOSTest {
        imports = [ (import (./. + "/${file}") { inherit self; }) ];
        inherit name;
      }
    )
  )
  (
    lib.filterAttrs (file: _: lib.hasSuffix ".nix" file && file != "default.nix") (builtins.readDir ./.)
  )
