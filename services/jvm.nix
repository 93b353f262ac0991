# How the JVMs of the lab's services are run, as the native lab runs them in `server` mode.
{ lib, pkgs }:
{
  options = heap: (lib.importJSON ./jvm.json).server ++ [ "-Xmx${heap}" ];
  logging = "-Dlog4j.configuration=file:${
    (pkgs.formats.javaProperties { }).generate "log4j.properties" (lib.importJSON ./log4j.json)
  }";
}
