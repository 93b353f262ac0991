# What ./lab looks for, and the components from the store.
{
  craneLib,
  maven,
  openssl,
  pkg-config,
  shellcheck,
  cargo-deny,
  cargo-nextest,
  taplo,
  jdk17_headless,
  postgresql_17,
  prometheus,
  components,
}:
craneLib.devShell {
  packages = [
    cargo-deny
    cargo-nextest
    jdk17_headless
    maven
    openssl
    pkg-config
    prometheus
    prometheus.cli
    shellcheck
    taplo
  ];
  JAVA_HOME = jdk17_headless.home;
  LAB_MAVEN_DIR = components.repository;
  LAB_POSTGRES_DIR = postgresql_17;
}
