"""Heaps of text: what is read, and what damaged ones end in.

The heaps are bytes that stand alone, in no HDF5 file, so that nothing here could harm HDF5.
"""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihi_sca.hdf5_texts import HEAP, MOST_BYTES, OBJECT, _Heaps

BASE = 64


def heap(*texts: bytes, size: int | None = None) -> bytes:
    """Return a heap that begins at byte BASE and holds texts, numbered from 1."""
    content = b""
    for number, text in enumerate(texts, start=1):
        content += OBJECT.pack(number, 1, len(text)) + text.ljust(-(-len(text) // 8) * 8, b"\0")
    content += OBJECT.pack(0, 0, 0)
    whole = HEAP.size + len(content) if size is None else size
    return bytes(BASE) + HEAP.pack(b"GCOL", 1, whole) + content


def text_of(image: bytes, length: int, place: int = BASE, number: int = 1, base: int = 0) -> bytes:
    return _Heaps(io.BytesIO(image), base).text(length, place, number)


def test_texts_are_found_by_their_number():
    image = heap(b"LIF", b"a longer text", b"")
    assert text_of(image, 3) == b"LIF"
    assert text_of(image, 13, number=2) == b"a longer text"
    assert text_of(image, 3, place=BASE - 16, base=16) == b"LIF"
    assert text_of(image, 0, place=12345) == b""
    assert text_of(image, 5, place=0) == b""
    assert text_of(heap(b"ab\0cd"), 5) == b"ab"


LONG = struct.pack("<HH4xQ", 1, 1, 1 << 40)


@pytest.mark.parametrize(
    ("image", "length", "place", "number", "message"),
    [
        (heap(b"LIF"), 4, BASE, 1, "a text of 4 bytes is to lie in 3"),
        (heap(b"LIF"), 3, BASE, 2, "a text of 3 bytes is to lie in 0"),
        (heap(b"LIF"), 3, BASE + 8, 1, "there is no heap at byte 72"),
        (heap(b"LIF"), 3, 1 << 40, 1, "are not in a file of"),
        (heap(b"LIF", size=1 << 50), 3, BASE, 1, "1125899906842624 bytes from byte 64"),
        (heap(b"LIF")[: BASE + 16] + LONG + bytes(24), 3, BASE, 1, "reaches beyond its end"),
        (heap(b"LIF"), MOST_BYTES + 1, BASE, 1, "its text is of more than"),
    ],
)  # fmt: skip
def test_what_does_not_lie_in_the_file_is_said(image, length, place, number, message):
    with pytest.raises(ValueError, match=message):
        text_of(image, length, place, number)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6), st.integers(0, 40)
)
def test_any_damage_ends_in_a_text_or_an_error(changes, length):
    image = bytearray(heap(b"LIF", b"a longer text"))
    for place, value in changes:
        image[place % len(image)] = value
    try:
        found = text_of(bytes(image), length)
    except ValueError:
        return
    assert len(found) <= length
