# `nix run .#demo`: the main job on this project's own scenarios, from whatever directory.
{ writeShellApplication, lab }:
writeShellApplication {
  name = "demo";
  runtimeInputs = [ lab ];
  runtimeEnv.LAB_SCENARIOS = ../../scenarios;
  text = ''exec lab demo "$@"'';
  meta.description = "Exposes metrics, tunes a source and rehearses CDC on real components";
}
