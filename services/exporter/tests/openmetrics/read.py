"""Reads every *.om file of a directory with the OpenMetrics parser of prometheus_client, and every *.txt file
with its text parser; says how many samples each has. Exit status 1: a file did not parse."""

import pathlib
import sys

from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics

failed = False
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    read = {".om": openmetrics, ".txt": text}.get(path.suffix)
    if read is None:
        continue
    try:
        families = list(read.text_string_to_metric_families(path.read_bytes().decode()))
        print(path.name, sum(len(family.samples) for family in families))
    except Exception as error:  # whatever it is, the file did not parse
        print(f"{path}: {error!r}", file=sys.stderr)
        failed = True
sys.exit(failed)
