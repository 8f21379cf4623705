#!/usr/bin/env bash
# Four of tonic's five readers of .aedat files raise ValueError on every file: they unpack two values from a function
# that returns three. Seen: read_dvs_128, read_dvs_red and read_dvs_346mini of a file of version 2.0 as jAER writes it,
# and read_dvs_ibm of one of 3.1 as DVS-Gesture has it, raise "too many values to unpack (expected 2)"; read_davis_346,
# which unpacks three, reads the same file.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 --no-deps tonic==1.7.0 -- numpy==2.2.6
"$python" -W ignore - <<'P'
import importlib.util
import struct
import sys
from pathlib import Path

# tonic/io.py needs nothing but NumPy; the package imports readers of every data set
package = importlib.util.find_spec("tonic")
spec = importlib.util.spec_from_file_location("tonic_io", Path(package.origin).with_name("io.py"))
io = importlib.util.module_from_spec(spec)
spec.loader.exec_module(io)

address, time = 5 << 8 | 7 << 1 | 1, 1000
Path("two.aedat").write_bytes(
    b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    + b"".join(struct.pack(">II", address, time + i) for i in range(2))
)
Path("three.aedat").write_bytes(
    b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
    + struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 2, 2, 2)
    + b"".join(struct.pack("<II", 5 << 17 | 7 << 2 | 2 | 1, time + i) for i in range(2))
)


def tried(reader, file):
    try:
        getattr(io, reader)(file)
        return "read"
    except ValueError as error:
        return str(error)


OLD = ("read_dvs_128", "read_dvs_red", "read_dvs_346mini")
found = {name: tried(name, "two.aedat") for name in (*OLD, "read_davis_346")}
found["read_dvs_ibm"] = tried("read_dvs_ibm", "three.aedat")
for name, what in found.items():
    print(f"{name}: {what}")
raised = "too many values to unpack (expected 2)"
if found != dict.fromkeys((*OLD, "read_dvs_ibm"), raised) | {"read_davis_346": "read"}:
    sys.exit("CHANGED")
P
