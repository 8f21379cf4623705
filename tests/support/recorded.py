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


def as_lz4(content: bytes) -> bytes:
    """Return a frame of LZ4, one block, in which what was there before is pointed at."""
    out, seen, at, start = bytearray(), {}, 0, 0

    def rest(length: int) -> bytes:
        """Return what of a length does not fit into a token."""
        return (
            b"" if length < 15 else b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])
        )

    while at + 12 < len(content):  # the last bytes are never pointed at
        piece = content[at : at + 4]
        back, seen[piece] = at - seen.get(piece, -(1 << 16)), at
        if back >= 1 << 16:
            at += 1
            continue
        length = 4
        while (
            at + length + 5 < len(content) and content[at + length] == content[at + length - back]
        ):
            length += 1
        literals = content[start:at]
        out.append(min(len(literals), 15) << 4 | min(length - 4, 15))
        out += rest(len(literals)) + literals + struct.pack("<H", back) + rest(length - 4)
        at = start = at + length
    out.append(min(len(content) - start, 15) << 4)
    out += rest(len(content) - start) + content[start:]
    head = bytes([4, 0x22, 0x4D, 0x18, 0x40, 0x70, 0xDF])  # version 1, blocks of up to 4 MiB
    return head + struct.pack("<I", len(out)) + bytes(out) + bytes(4)


def flat_buffer(
    kind: bytes, fields: Sequence[tuple[str, int]], vector: bytes | None = None
) -> bytes:
    """Return a size-prefixed FlatBuffer: numbers of the root, and an array that the last points to.

    ``fields`` are pairs of a struct format and a value; with a vector, of its length in elements.
    """
    sizes = [struct.calcsize(f"<{kind}") for kind, _ in fields]
    places = [4 + sum(sizes[:i]) for i in range(len(sizes))]
    table = struct.pack(f"<HH{len(fields)}H", 4 + 2 * len(fields), 4 + sum(sizes), *places)
    table += bytes(-len(table) % 4)
    root = 8 + len(table)  # counted from behind the size, as offsets are
    body = struct.pack("<i", len(table))
    for number, (form, value) in enumerate(fields):
        is_vector = vector is not None and number == len(fields) - 1
        body += struct.pack(f"<{form}", sum(sizes[number:]) if is_vector else value)
    if vector is not None:
        body += struct.pack("<I", fields[-1][1]) + vector
    content = struct.pack("<I", root) + kind + table + body
    return struct.pack("<I", len(content)) + content


def events_packet(events: Sequence[Event], since: int = 1_700_000_000_000_000) -> bytes:
    """Return a FlatBuffer of events as DV has them: us since 1970."""
    packed = b"".join(struct.pack("<qhhB3x", since + t, x, y, on) for x, y, on, t in events)
    return flat_buffer(b"EVTS", [("I", len(events))], packed)


STREAMS = "".join(
    f'<node name="{number}" path="/outInfo/{number}/"><attr key="compression" type="string">LZ4'
    f'</attr><attr key="typeIdentifier" type="string">{kind}</attr><node name="info" path='
    f'"/outInfo/{number}/info/"><attr key="sizeX" type="int">240</attr><attr key="sizeY" '
    'type="int">180</attr></node></node>'
    for number, kind in enumerate(("EVTS", "TRIG"))
)


def _aedat4_header(packing: int, table: int) -> bytes:
    """Return the FlatBuffer behind the first line: its last field tells in XML what streams are."""
    told = f'<dv version="2.0"><node name="outInfo" path="/outInfo/">{STREAMS}</node></dv>'.encode()
    return flat_buffer(b"IOHE", [("i", packing), ("q", table), ("I", len(told))], told + b"\0")


def as_aedat4(
    events: Sequence[Event], each: int = 3, packing: int = 1, is_closed: bool = True
) -> bytes:
    """Return events in packets of a few in stream 0, with triggers in stream 1, as DV writes them.

    Packing is 0 for none, 1 for LZ4. A file that was not closed has no table of its packets.
    """
    pack = as_lz4 if packing else bytes
    parts = [
        struct.pack("<ii", stream, len(packed)) + packed
        for i in range(0, len(events), each)
        for stream, packed in (
            (1, pack(flat_buffer(b"TRIG", [("I", 0)], b""))),
            (0, pack(events_packet(events[i : i + each]))),
        )
    ]
    size = len(_aedat4_header(0, 0))
    body = b"".join(parts)
    table = 14 + size + len(body) if is_closed else -1
    head = b"#!AER-DAT4.0\r\n" + _aedat4_header(packing, table)
    index = pack(flat_buffer(b"FTAB", [("I", 0)], b"")) if is_closed else b""
    return head + body + index


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
