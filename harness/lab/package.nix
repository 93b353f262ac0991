# The runner alone, which finds what it starts on the PATH. The settings of the services and the lock are built into it.
{ lib, workspace }:
workspace.package {
  directory = "harness/lab";
  files = [
    (lib.fileset.fileFilter (file: file.hasExt "json") ../../services)
    (lib.fileset.fileFilter (file: file.hasExt "json") ../../components)
  ];
}
