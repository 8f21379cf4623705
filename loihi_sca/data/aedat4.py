"""Recordings in AEDAT 4.0, as iniVation's DV and dv-processing write them.

Behind the line ``#!AER-DAT4.0`` follow a header and packets. A packet is a number of its stream, a
size, and so many bytes, packed by LZ4 or Zstandard or not at all; unpacked it is a FlatBuffer that
says what it is: ``EVTS`` are events, and frames, triggers and samples of motion are passed over.
Sources: iniVation's page on AEDAT 4.0; the schemas ``IOHeader.fbs``, ``EventPacket.fbs`` and
``FileDataTable.fbs`` of dv-processing; internals of FlatBuffers (google.github.io/flatbuffers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from loihi_sca.errors import InputError

Events = npt.NDArray[np.int32]

FIRST_LINE = b"#!AER-DAT4.0\r\n"

NO_PACKING, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH = range(5)

EVENT = np.dtype(
    {
        "names": ["t", "x", "y", "p"],
        "formats": ["<i8", "<i2", "<i2", "u1"],
        "offsets": [0, 8, 10, 12],
        "itemsize": 16,
    }
)
"""An event in a packet: us since 1970, column, row, polarity (1 is on)."""

ENOUGH = 1 << 28
"""Bytes that one packet may unpack to."""

LONGEST_US = 1 << 31


class _Buffer:
    """A FlatBuffer behind its size, read with an eye on its bounds."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.root = 4 + self._number("<I", 4)
        self.table = self.root - self._number("<i", self.root)

    @property
    def kind(self) -> bytes:
        """What it says it is."""
        return self.content[8:12]

    def _number(self, kind: str, at: int) -> int:
        size = struct.calcsize(kind)
        if at < 0 or at + size > len(self.content):
            raise ValueError("a FlatBuffer points outside its packet")
        return int(struct.unpack_from(kind, self.content, at)[0])

    def _place(self, field: int) -> int | None:
        """Return where a field of the root is; None if it has its default."""
        size = self._number("<H", self.table)
        entry = 4 + 2 * field
        offset = self._number("<H", self.table + entry) if entry + 2 <= size else 0
        return self.root + offset if offset else None

    def number(self, field: int, kind: str, default: int) -> int:
        """Return a number of the root."""
        place = self._place(field)
        return default if place is None else self._number(kind, place)

    def structs(self, field: int, kind: np.dtype[np.void]) -> npt.NDArray[np.void]:
        """Return an array of structures of the root."""
        place = self._place(field)
        if place is None:
            return np.zeros(0, dtype=kind)
        at = place + self._number("<I", place)
        count = self._number("<I", at)
        if at + 4 + count * kind.itemsize > len(self.content):
            raise ValueError(f"{count} events do not fit into their packet")
        return np.frombuffer(self.content, dtype=kind, count=count, offset=at + 4)


def read_events(content: bytes, name: str) -> Events:
    """Return the events of a file, int32 (events, 4), in no camera yet; time starts at 0.

    Raises
    ------
    InputError
        It is cut off or damaged, has several streams of events, or is packed by what is not
        installed.
    """
    try:
        found = list(_packets(content))
    except ImportError as error:
        raise InputError(
            f"{name}: its packets are packed by Zstandard, which is not installed: "
            "pip install 'loihi-sca[zstd]'."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{name}: {error}. It is damaged or cut off; or save its events with numpy.save as "
            "rows of x, y, polarity and time in us."
        ) from error
    streams = sorted({stream for stream, _ in found})
    if len(streams) > 1:
        raise InputError(
            f"{name}: holds {len(streams)} streams of events, {', '.join(map(str, streams))}. Give "
            "a file of one."
        )
    packets = [packet for _, packet in found if len(packet)]
    if not packets:
        return np.zeros((0, 4), dtype=np.int32)
    raw = np.concatenate(packets)
    time = raw["t"] - raw["t"].min()
    if time.max() >= LONGEST_US:
        raise InputError(f"{name}: lasts more than 35 minutes. Cut it into shorter ones.")
    events: Events = np.stack([raw["x"], raw["y"], raw["p"], time], axis=1).astype(np.int32)
    return events


def _packets(content: bytes) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    """Yield the stream and the events of packets of events."""
    if not content.startswith(FIRST_LINE):
        raise ValueError(f"it does not begin with {FIRST_LINE.decode().strip()}")
    at = len(FIRST_LINE)
    size = int.from_bytes(content[at : at + 4], "little")
    header = _Buffer(content[at : at + 4 + size])
    packing = header.number(0, "<i", NO_PACKING)
    at += 4 + size
    table = header.number(1, "<q", -1)
    end = len(content) if table < 0 else table  # none where a recording was broken off
    if not at <= end <= len(content):
        raise ValueError(f"its table of packets is at byte {table} of {len(content)}")
    others: set[int] = set()
    while at < end:
        if at + 8 > end:
            raise ValueError(f"it ends in the header of a packet, at byte {at}")
        stream, size = struct.unpack_from("<ii", content, at)
        if size < 0 or at + 8 + size > end:
            raise ValueError(f"its packet of {size} bytes at byte {at} goes beyond byte {end}")
        if stream not in others:
            packet = _Buffer(_unpacked(content[at + 8 : at + 8 + size], packing))
            if packet.kind == b"EVTS":
                yield stream, packet.structs(0, EVENT)
            else:
                others.add(stream)
        at += 8 + size


def _unpacked(content: bytes, packing: int) -> bytes:
    if packing == NO_PACKING:
        return content
    if packing in (LZ4, LZ4_HIGH):
        from loihi_sca.data import lz4  # compiles on first use

        return lz4.unpack(content)
    if packing in (ZSTD, ZSTD_HIGH):
        return _unpacked_zstd(content)
    raise ValueError(f"its packets are packed in way {packing}, which is not known")


def _unpacked_zstd(content: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(content) as reader:
            found: bytes = reader.read(ENOUGH + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"a packet cannot be unpacked ({error})") from error
    if len(found) > ENOUGH:
        raise ValueError(f"a packet unpacks to more than {ENOUGH} bytes")
    return found
