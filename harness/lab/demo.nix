# `nix run .#demo`: the main job on this project's own scenarios, from whatever directory.
{ writeShellApplication, lab }:
writeShellApplication {
  name = "demo";
  runtimeInputs = [ lab ];
  # As a string: a mere path would be no reference of the program's, and gone wherever the flake's source is not.
  runtimeEnv.LAB_SCENARIOS = "${../../scenarios}";
  text = ''exec lab demo "$@"'';
  meta.description = "Exposes metrics, tunes a source and rehearses CDC on real components";
}
