"""Recordings of event cameras: from the bytes of a file to events.

Events are int32 arrays (events, 4) of column, row, polarity (0 off, 1 on) and time in microseconds.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from loihi_sca.data.arrays import check_claim
from loihi_sca.errors import InputError

Events = npt.NDArray[np.int32]
Size = tuple[int, int]

EVENT_BYTES = 5
"""Of an event in ``.bs2`` and ``.bin`` files."""

OVERFLOW_ROW = 240
OVERFLOW_US = 1 << 13

DVS128 = (128, 128)

PACKET = struct.Struct("<hhiiiiii")
"""Type, source, bytes per event, where its time is, overflows, room, events, valid events."""

POLARITY_EVENT = 1
AEDAT3_EVENT_BYTES = 8
KNOWN_PACKETS = range(14)


def decode_bs2(content: bytes, name: str, size: Size) -> Events:
    """Return the events of a ``.bs2`` file.

    An event is 40 bits, big-endian: 8 bits x, 8 bits y, 1 bit polarity (1 is on), 23 bits time.
    Source: lava-dl, ``slayer.io.read_2d_spikes``.

    Parameters
    ----------
    content : bytes
    name : str
        The file, for errors.
    size : tuple of int
        Height and width of the camera.

    Raises
    ------
    InputError
        It ends in the middle of an event, or an event lies outside the camera.
    """
    return check_inside(_events_of_40_bits(content, name), name, size)


def decode_bin(content: bytes, name: str, size: Size) -> Events:
    """Return the events of a ``.bin`` file, as N-MNIST and N-Caltech101 come.

    As :func:`decode_bs2`, and an event in row 240 is none: from there on, time is 2^13 us later.
    Source: the data set's own reader, ``eventvision.py``, as tonic has it (``read_mnist_file``).

    Parameters and errors are those of :func:`decode_bs2`.
    """
    events = _events_of_40_bits(content, name)
    overflow = events[:, 1] == OVERFLOW_ROW
    events[:, 3] += OVERFLOW_US * np.cumsum(overflow, dtype=np.int32)
    return check_inside(events[~overflow], name, size)


def _events_of_40_bits(content: bytes, name: str) -> Events:
    if len(content) % EVENT_BYTES:
        raise InputError(
            f"{name}: {len(content)} bytes are no whole number of events of {EVENT_BYTES} bytes. "
            "It is cut off, or of another format."
        )
    raw = np.frombuffer(content, dtype=np.uint8).reshape(-1, EVENT_BYTES).astype(np.int32)
    time = (raw[:, 2] & 0x7F) << 16 | raw[:, 3] << 8 | raw[:, 4]
    return np.stack([raw[:, 0], raw[:, 1], raw[:, 2] >> 7, time], axis=1)


def decode_aedat(content: bytes, name: str, size: Size) -> Events:
    """Return the events of an ``.aedat`` file, of format 2.0 or 3.1 as its first line says.

    Raises
    ------
    InputError
        It is of another format, cut off, or an event lies outside the camera.
    """
    first = content[:40].split(b"\n", 1)[0].strip().decode("ascii", errors="replace")
    if first == "#!AER-DAT2.0":
        return decode_aedat2(content, name, size)
    if first == "#!AER-DAT3.1":
        return decode_aedat3(content, name, size)
    raise InputError(
        f"{name}: its first line is {first!r}; read are '#!AER-DAT2.0' and '#!AER-DAT3.1'. Convert "
        "it, or save its events with numpy.save as rows of x, y, polarity and time in us."
    )


def decode_aedat2(content: bytes, name: str, size: Size = DVS128) -> Events:
    """Return the events of a DVS128 in format 2.0, as CIFAR10-DVS comes; time starts at 0.

    An event is two 32-bit numbers, big-endian: address and time in us. Of the address, bit 0 is
    the polarity (0 is on), bits 1 to 7 and 8 to 14 are the place, which is turned and mirrored as
    the data set's own ``dat2mat.m`` does. Time may wrap.
    Sources: iniVation's page on AEDAT 2.0; SpikingJelly's reader of CIFAR10-DVS.

    Raises
    ------
    InputError
        It is cut off, or from another camera.
    """
    at = 0
    while content[at : at + 1] == b"#":
        at = content.find(b"\n", at) + 1 or len(content)
    data = content[at:]
    if len(data) % AEDAT3_EVENT_BYTES:
        raise InputError(f"{name}: {len(data)} bytes behind the header are no whole number of "
                         f"events of {AEDAT3_EVENT_BYTES} bytes. It is cut off.")  # fmt: skip
    address, stamp = np.frombuffer(data, dtype=">u4").reshape(-1, 2).T.astype(np.uint32)
    if (address >> 15).any():
        raise InputError(
            f"{name}: address {address.max():#x} is none of a DVS128, whose have 15 bits. Save its "
            "events with numpy.save as rows of x, y, polarity and time in us."
        )
    time = stamp - stamp[:1]  # in unsigned numbers, which wrap as the camera's do
    place = [127 - (address >> 8 & 0x7F), 127 - (address >> 1 & 0x7F)]
    events = np.stack([*place, 1 - (address & 1), time], axis=1)
    if len(events) and time.max() >= 1 << 31:
        raise InputError(f"{name}: time runs backwards. It is damaged.")
    return check_inside(events.astype(np.int32), name, size)


def decode_aedat3(
    content: bytes, name: str, size: Size = DVS128, between: tuple[int, int] | None = None
) -> Events:
    """Return the polarity events of format 3.1, as DVS-Gesture comes.

    Packets of a header and events of two 32-bit numbers, little-endian: data and time in us. Of
    the data, bit 0 says that an event is valid, others are left out; bit 1 is the polarity (1 is
    on), bits 2 to 16 are y, 17 to 31 x. Packets of other types are passed over.
    Sources: DVS-Gesture's README; iniVation's page on AEDAT 3.1; libcaer's ``polarity.h``.

    Parameters
    ----------
    content : bytes or memory map
    name : str
        The file, for errors.
    size : tuple of int
        Height and width of the camera.
    between : tuple of int, optional
        First time, and the one after the last, of the events that are wanted; by default all.

    Raises
    ------
    InputError
        It is cut off, or written in a way that is not understood.
    """
    end = content.find(b"#!END-HEADER")
    at = content.find(b"\n", end) + 1
    if end < 0 or at < 1:
        raise InputError(f"{name}: there is no line #!END-HEADER. It is damaged.")
    first, last = between if between is not None else (0, (1 << 31) - 1)
    kept = []
    while at < len(content):
        count, is_polarity = _packet(content, at, name)
        raw = np.frombuffer(content, "<u4", 2 * count if is_polarity else 0, at + PACKET.size)
        data, time = raw.reshape(-1, 2).T
        # packets are in order of time: those outside are not looked at
        if is_polarity and count and time[0] < last and time[-1] >= first:
            kept.append(_polarity_events(data, time, first, last))
        at += PACKET.size + _packet_bytes(content, at)
    events = np.concatenate(kept) if kept else np.zeros((0, 4), np.int32)
    return check_inside(events, name, size)


def _polarity_events(
    data: npt.NDArray[np.uint32], time: npt.NDArray[np.uint32], first: int, last: int
) -> Events:
    wanted = (data & 1).astype(bool) & (time >= first) & (time < last)
    data, time = data[wanted], time[wanted]
    columns = [data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1, time]
    events: Events = np.stack(columns, axis=1).astype(np.int32)
    return events


def _packet(content: bytes, at: int, name: str) -> tuple[int, bool]:
    """Return how many events a packet has, and whether they are polarity events."""
    if at + PACKET.size > len(content):
        raise InputError(f"{name}: ends in the header of a packet, at byte {at}. It is cut off.")
    kind, _, each, _, overflows, room, count, _ = PACKET.unpack_from(content, at)
    if kind not in KNOWN_PACKETS or each < 0 or not 0 <= count == room:
        raise InputError(
            f"{name}: at byte {at} is no header of a packet as written to files (type {kind}, "
            f"{count} events, room for {room}, {each} bytes each). It is damaged."
        )
    if at + PACKET.size + count * each > len(content):
        raise InputError(f"{name}: ends within {count} events from byte {at}. It is cut off.")
    if kind == POLARITY_EVENT and (each != AEDAT3_EVENT_BYTES or overflows):
        raise InputError(
            f"{name}: polarity events of {each} bytes with {overflows} overflows of time; read are "
            f"{AEDAT3_EVENT_BYTES} bytes and none, 35 minutes. Cut it into shorter ones."
        )
    return count, kind == POLARITY_EVENT


def _packet_bytes(content: bytes, at: int) -> int:
    fields = PACKET.unpack_from(content, at)
    return int(fields[2] * fields[6])


def decode_npy(content: bytes, name: str, size: Size) -> Events:
    """Return events that were saved with ``numpy.save``.

    Rows of x, y, polarity and time in us, or a structured array with fields x, y, t and p, as
    tonic has them. Polarity is 0 or 1, or -1 or 1.

    Raises
    ------
    InputError
        It is something else, or holds values that cannot be meant.
    """
    try:
        check_claim(io.BytesIO(content), len(content))
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{name}: not a .npy array ({error}).") from error
    return as_events(found, name, size)


def as_events(found: npt.NDArray[Any], name: str, size: Size) -> Events:
    """Return events from rows of x, y, polarity and time in us, or from fields x, y, t and p.

    Time starts at 0; polarity -1 is off.

    Raises
    ------
    InputError
        It is something else, or holds values that cannot be meant.
    """
    names = set(found.dtype.names or ())
    if {"x", "y", "p", "t"} <= names and all(found.dtype[k].kind in "biu" for k in "xypt"):
        found = np.stack([found[k].astype(np.int64) for k in "xypt"], axis=-1)
    if found.ndim != 2 or found.shape[1] != 4 or found.dtype.kind not in "biu":
        raise InputError(
            f"{name}: {found.dtype} of shape {found.shape}; events are integers (events, 4): x, y, "
            "polarity and time in us."
        )
    events: Any = found.astype(np.int64)
    if len(events):
        if int(events[:, 3].max()) - int(events[:, 3].min()) >= 1 << 31:
            raise InputError(f"{name}: lasts more than 35 minutes. Time is in us.")
        events[:, 3] -= events[:, 3].min()
        events[:, 2][events[:, 2] == -1] = 0
    # looked at before they are made narrower, in which a large number could become a small one
    return check_inside(events, name, size).astype(np.int32)


def decode_aedat4(content: bytes, name: str, size: Size) -> Events:
    """Return the events of format 4.0, as DV writes it; see :mod:`loihi_sca.data.aedat4`.

    Raises
    ------
    InputError
        It is cut off, damaged, or packed by what is not installed; or an event lies outside the
        camera.
    """
    from loihi_sca.data import aedat4

    return check_inside(aedat4.read_events(content, name), name, size)


DECODERS: dict[str, Callable[[bytes, str, Size], Events]] = {
    ".aedat": decode_aedat,
    ".aedat4": decode_aedat4,
    ".bin": decode_bin,
    ".bs2": decode_bs2,
    ".npy": decode_npy,
}
"""By the ending of a file."""


def check_inside(events: Events, name: str, size: Size) -> Events:
    """Return events unchanged.

    Raises
    ------
    InputError
        There are none, or one lies outside the camera, or has another polarity than 0 and 1.
    """
    if not len(events):
        return events
    low, high = events[:, :3].min(axis=0), events[:, :3].max(axis=0)
    if low.min() < 0 or high[0] >= size[1] or high[1] >= size[0]:
        raise InputError(
            f"{name}: events lie outside the camera of {size[1]}x{size[0]}, at columns {low[0]} to "
            f"{high[0]} and rows {low[1]} to {high[1]}."
        )
    if high[2] > 1:
        raise InputError(f"{name}: polarities are {low[2]} to {high[2]}, must be 0 (off), 1 (on).")
    return events
