# Container images of the services: one layer a store path, no shell, no root.
{
  lib,
  dockerTools,
  cacert,
  exporter,
  producer,
}:
let
  image =
    program: config:
    lib.nameValuePair "${program.pname}-image" (
      dockerTools.buildLayeredImage {
        name = program.pname;
        tag = program.version;
        # For TLS to brokers with public certificates.
        contents = [ cacert ];
        config = {
          Entrypoint = [ (lib.getExe program) ];
          User = "65532:65532";
          Env = [ "SSL_CERT_FILE=${cacert}/etc/ssl/certs/ca-bundle.crt" ];
          Labels."org.opencontainers.image.description" = program.meta.description;
        }
        // config;
      }
    );
in
{
  images = lib.listToAttrs [
    (image exporter { ExposedPorts."8080/tcp" = { }; })
    (image producer { })
  ];
}
