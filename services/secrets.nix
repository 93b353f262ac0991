# Settings that hold a secret by their name: what stands in the store, everybody on the machine can read.
{ lib }:
let
  isSecret =
    name:
    lib.any (word: lib.hasInfix word (lib.toLower name)) [
      "password"
      "secret"
      "sasl.jaas.config"
    ];
  # Of Kafka's configuration providers: ''${provider:path:key}.
  isReference = value: lib.isString value && lib.hasPrefix "\${" value;
in
{
  areReferences =
    settings: lib.all isReference (lib.attrValues (lib.filterAttrs (name: _: isSecret name) settings));
}
