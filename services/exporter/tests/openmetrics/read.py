"""Reads every *.om file of a directory with the OpenMetrics parser of prometheus_client; says how many samples
each has. Exit status 1: a file did not parse."""

import pathlib
import sys

from prometheus_client.openmetrics import parser

failed = False
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.om")):
    try:
        families = list(parser.text_string_to_metric_families(path.read_bytes().decode()))
        print(path.name, sum(len(family.samples) for family in families))
    except Exception as error:  # whatever it is, the file did not parse
        print(f"{path}: {error!r}", file=sys.stderr)
        failed = True
sys.exit(failed)
