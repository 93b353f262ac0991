# The page on the options of the NixOS modules, from the modules themselves, and the check that the one in docs/ is that page.
{
  lib,
  runCommand,
  writeText,
  # The part of a machine's options to document, with the path that leads there.
  options,
  path,
}:
let
  inherit (lib) concatStringsSep isAttrs;

  # nixpkgs puts parentheses where a type is made of others.
  typeOf = option: lib.replaceStrings [ "(" ")" ] [ "" "" ] option.type.description;
  # As it would be written, unless the module says it in words or as an expression.
  shown = value: if isAttrs value && value ? text then value.text else builtins.toJSON value;
  line = label: text: lib.optional (text != null) "- ${label}: ${text}";
  code = text: "`${text}`";
  default =
    option:
    # A defaultText is Markdown here (`literalMD`).
    if option ? defaultText then
      option.defaultText.text
    else if option ? default then
      code (shown option.default)
    else
      null;

  entry =
    name: option:
    concatStringsSep "\n" (
      [
        "### ${concatStringsSep "." name}"
        ""
        option.description
        ""
      ]
      ++ line "type" (typeOf option)
      ++ line "default" (default option)
      ++ line "example" (if option ? example then code (shown option.example) else null)
    );
  entries =
    name: tree:
    if tree._type or null == "option" then
      [ (entry name tree) ]
    else
      lib.concatMap (key: entries (name ++ [ key ]) tree.${key}) (
        lib.filter (key: !lib.hasPrefix "_" key) (lib.attrNames tree)
      );
in
rec {
  page = writeText "nixos-options.md" ''
    # Options of the NixOS modules

    `nixosModules.lab` has all of them, `exporter`, `producer` and `connect` their own. Made from the modules: a check of the flake
    compares this page with them. To make it anew: `nix build .#nixosOptions.page`, and copy `result` here.

    ${concatStringsSep "\n\n" (entries path options)}
  '';
  check = runCommand "nixos-options" { committed = ./docs/nixos-options.md; } ''
    diff -u "$committed" ${page} || { echo "docs/nixos-options.md is not what the modules say: it says how to make it anew" >&2; exit 1; }
    touch $out
  '';
}
