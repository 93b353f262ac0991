"""Reads the files of a directory with the OpenMetrics parser of prometheus_client, and says of each how many samples it has and a
digest of everything in it, which tests/suite/readers.rs describes. Arguments: the directory, then the endings of the files.
Exit status 1: a file did not parse."""

import hashlib
import math
import pathlib
import struct
import sys

from prometheus_client.openmetrics import parser


def first(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def read(text):
    samples, digest = 0, 0
    for family in parser.text_string_to_metric_families(text):
        help = family.documentation.lstrip(" \t")
        digest += first(f"#{family.name}\0{help}".encode())
        for sample in family.samples:
            data = f"{sample.name}\0".encode()
            # By bytes, as the others sort.
            for name, value in sorted(sample.labels.items(), key=lambda label: label[0].encode()):
                data += f"{name}\0{value}\0".encode()
            value = sample.value
            data += b"\x7f\xf8" + bytes(6) if math.isnan(value) else struct.pack(">d", value)
            digest += first(data)
            samples += 1
    return samples, digest % 2**64


failed = False
for suffix in sys.argv[2:]:
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*" + suffix)):
        try:
            samples, digest = read(path.read_bytes().decode())
            print(path.name, samples, digest)
        except Exception as error:  # whatever it is, the file did not parse
            print(f"{path}: {error!r}", file=sys.stderr)
            failed = True
sys.exit(failed)
