"""Recordings in the formats of devices and data sets, written from events."""

import struct
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

Event = tuple[int, int, int, int]
"""Column, row, polarity, time in us."""


def bytes_of_40_bits(x: int, y: int, on: int, time_us: int) -> bytes:
    """Return an event as in ``.bs2`` and ``.bin``."""
    return bytes([x, y, on << 7 | time_us >> 16, time_us >> 8 & 255, time_us & 255])


def as_bin(events: Sequence[Event]) -> bytes:
    """Return events as an ATIS writes them: 13 bits of time, and a record where they overflow."""
    parts, overflows = [], 0
    for x, y, on, time in events:
        while time >= (overflows + 1) << 13:
            overflows += 1
            parts.append(bytes_of_40_bits(overflows % 256, 240, overflows % 2, 0))
        parts.append(bytes_of_40_bits(x, y, on, time - (overflows << 13)))
    return b"".join(parts)


def as_aedat2(events: Sequence[Event], start: int = 77) -> bytes:
    """Return events of a DVS128 as jAER writes them, turned as those of CIFAR10-DVS are."""
    head = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    return head + b"".join(
        struct.pack(
            ">II",
            (127 - x) << 8 | (127 - y) << 1 | 1 - on,
            (start + time) % (1 << 32),
        )
        for x, y, on, time in events
    )


HEAD3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def packet(events: Sequence[Event], kind: int = 1, valid: Sequence[int] | None = None) -> bytes:
    """Return a packet of AEDAT 3.1."""
    marks = [1] * len(events) if valid is None else valid
    head = struct.pack("<hhiiiiii", kind, 1, 8, 4, 0, len(events), len(events), sum(marks))
    return head + b"".join(
        struct.pack("<II", x << 17 | y << 2 | on << 1 | mark, time)
        for (x, y, on, time), mark in zip(events, marks, strict=True)
    )


def as_aedat3(events: Sequence[Event], each: int = 3) -> bytes:
    """Return events in packets of a few, with a special event in between, as cAER writes them."""
    special = packet([(0, 0, 0, 0)], kind=0)
    parts = [packet(events[i : i + each]) for i in range(0, len(events), each)]
    return HEAD3 + special.join(parts)


def as_heidelberg(path: Path, samples: Sequence[Sequence[tuple[int, float]]], labels) -> None:
    """Write an HDF5 file of channels and times in s, as SHD and SSC have them."""
    with h5py.File(path, "w") as file:
        lists = {"units": ("uint16", 0), "times": ("float16", 1)}
        for name, (kind, column) in lists.items():
            made = file.create_dataset(
                f"spikes/{name}", (len(samples),), dtype=h5py.vlen_dtype(np.dtype(kind))
            )
            for number, sample in enumerate(samples):
                made[number] = np.array([event[column] for event in sample], dtype=kind)
        file["labels"] = np.asarray(labels, dtype="uint16")
