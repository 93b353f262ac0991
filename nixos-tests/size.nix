# A VM that holds the whole lab: three JVMs with heaps of 2 GiB, 768 MiB and 128 MiB, Postgres and Prometheus.
{
  virtualisation = {
    memorySize = 4096;
    diskSize = 8192;
    cores = 2;
  };
}
