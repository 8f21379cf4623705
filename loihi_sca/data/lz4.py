"""Unpack LZ4 frames, in which ``.aedat4`` files keep their packets.

Sources: the frame and the block format descriptions of lz4, doc/lz4_Frame_format.md and
doc/lz4_Block_format.md. Checksums are passed over: what they protect is looked at itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from loihi_sca.jit import kept

MAGIC = b"\x04\x22\x4d\x18"

MOST_BYTES = 1 << 28
"""What one frame may hold: packets of cameras are far smaller."""

BLOCK_BYTES = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}
"""By the number in the frame's descriptor."""

Bytes = npt.NDArray[np.uint8]


def unpack(frame: bytes) -> bytes:
    """Return what an LZ4 frame holds.

    Raises
    ------
    ValueError
        It is none, of a version or with a dictionary that are not read, damaged, or holds more
        than 256 MiB.
    """
    if frame[:4] != MAGIC or len(frame) < 7:
        raise ValueError("it does not begin as an LZ4 frame")
    flags, most = frame[4], BLOCK_BYTES.get(frame[5] >> 4 & 7)
    if flags >> 6 != 1 or flags & 1 or most is None:
        raise ValueError(f"its LZ4 frame has flags {flags:#04x} {frame[5]:#04x}, not read")
    at = 7 + (8 if flags & 8 else 0)
    source = np.frombuffer(frame, dtype=np.uint8)
    out, length = np.empty(most, dtype=np.uint8), 0
    for first, last, is_packed in _blocks(frame, at, bool(flags & 16)):
        room = most if is_packed else last - first
        if length + room > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
        if length + room > len(out):
            out = np.concatenate([out[:length], np.empty(length + 2 * room, dtype=np.uint8)])
        if is_packed:
            length = int(unpack_block(source[first:last], out[: length + room], length))
        else:
            out[length : length + room] = source[first:last]
            length += room
        if length < 0:
            raise ValueError("an LZ4 block is damaged")
    return out[:length].tobytes()


def _blocks(frame: bytes, at: int, is_checked: bool) -> Iterator[tuple[int, int, bool]]:
    """Yield where blocks begin and end, and whether they are packed."""
    while True:
        size = int.from_bytes(frame[at : at + 4], "little")
        if at + 4 > len(frame):
            raise ValueError("its LZ4 frame is cut off")
        if not size:
            return
        length = size & 0x7FFFFFFF
        if at + 4 + length > len(frame):
            raise ValueError("its LZ4 frame is cut off")
        yield at + 4, at + 4 + length, size == length
        at += 4 + length + (4 if is_checked else 0)


def _make(sources: str) -> Callable[[Bytes, Bytes, int], int]:
    """Return the kernel that unpacks one block."""

    def unpack_block(source: Bytes, out: Bytes, end: int) -> int:
        """Write a block to ``out`` from ``end`` on, which may repeat what lies before.

        Returns where it ends, or -1 if it is damaged.
        """
        _ = sources
        at, size, room = 0, len(source), len(out)
        while at < size:
            token = source[at]
            at += 1
            literals = int(token >> 4)
            if literals == 15:
                more = 255
                while more == 255:
                    if at >= size:
                        return -1
                    more = int(source[at])
                    literals += more
                    at += 1
            if at + literals > size or end + literals > room:
                return -1
            for _i in range(literals):
                out[end] = source[at]
                end += 1
                at += 1
            if at == size:  # the last sequence has no match
                return end
            if at + 2 > size:
                return -1
            back = int(source[at]) | int(source[at + 1]) << 8
            at += 2
            length = int(token & 15)
            if length == 15:
                more = 255
                while more == 255:
                    if at >= size:
                        return -1
                    more = int(source[at])
                    length += more
                    at += 1
            length += 4
            if back == 0 or back > end or end + length > room:
                return -1
            for _i in range(length):
                out[end] = out[end - back]
                end += 1
        return -1

    return unpack_block


unpack_block = kept(_make)
