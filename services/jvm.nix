# How the JVMs of the lab's services are run, as the native lab runs them in `server` mode.
{ lib, pkgs }:
{
  # A JVM looks at the machine's memory, and places its threads. It makes its code at run time: no MemoryDenyWriteExecute.
  hardening = import ./hardening.nix // {
    ProcSubset = "all";
    SystemCallFilter = [
      "@system-service"
      "~@privileged"
    ];
  };
  options = heap: (lib.importJSON ./jvm.json).server ++ [ "-Xmx${heap}" ];
  logging = "-Dlog4j.configuration=file:${
    (pkgs.formats.javaProperties { }).generate "log4j.properties" (lib.importJSON ./log4j.json)
  }";
}
