"""Bytes of recordings to events, in the formats of devices and data sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import HEAD3, as_aedat2, as_aedat3, as_bin, bytes_of_40_bits, packet

from loihi_sca.data import decoders
from loihi_sca.data.decoders import (
    decode_aedat,
    decode_aedat3,
    decode_bin,
    decode_bs2,
    decode_npy,
)
from loihi_sca.errors import InputError


def events(height: int, width: int, last_us: int):
    one = st.tuples(
        st.integers(0, width - 1), st.integers(0, height - 1), st.integers(0, 1),
        st.integers(0, last_us),
    )  # fmt: skip
    return st.lists(one, max_size=30).map(lambda found: sorted(found, key=lambda e: e[3]))


@given(events(180, 240, 400_000))
def test_bin_files_are_read_as_an_atis_writes_them(given_) -> None:
    found = decode_bin(as_bin(given_), "1.bin", (180, 240))
    assert found.dtype == np.int32
    assert list(map(tuple, found.tolist())) == given_


def test_an_overflow_record_is_8192_us_and_no_event() -> None:
    content = b"".join(
        bytes_of_40_bits(*e)
        for e in [(1, 2, 1, 8000), (0, 240, 0, 0), (3, 4, 0, 5), (9, 240, 1, 17), (5, 6, 1, 7)]
    )
    found = decode_bin(content, "1.bin", (34, 34)).tolist()
    assert found == [[1, 2, 1, 8000], [3, 4, 0, 8197], [5, 6, 1, 16391]]
    with pytest.raises(InputError, match=r"1\.bs2: events lie outside the camera of 34x34"):
        decode_bs2(content, "1.bs2", (34, 34))


@given(events(128, 128, 2_000_000), st.integers(0, (1 << 32) - 1))
def test_aedat_2_is_read_with_time_from_the_first_event_even_if_it_wraps(given_, start) -> None:
    found = decode_aedat(as_aedat2(given_, start), "c.aedat", (128, 128)).tolist()
    first = given_[0][3] if given_ else 0
    assert found == [[x, y, on, time - first] for x, y, on, time in given_]


@given(events(128, 128, 2_000_000), st.integers(1, 5), st.integers(0, 10), st.integers(11, 10**6))
def test_aedat_3_is_read_packet_by_packet(given_, each, first, last) -> None:
    content = as_aedat3(given_, each)
    found = decode_aedat(content, "g.aedat", (128, 128)).tolist()
    assert list(map(tuple, found)) == given_
    part = decode_aedat3(content, "g.aedat", between=(first, last)).tolist()
    assert list(map(tuple, part)) == [e for e in given_ if first <= e[3] < last]


def test_events_that_are_marked_invalid_are_left_out() -> None:
    content = HEAD3 + packet([(1, 2, 1, 3), (4, 5, 0, 6)], valid=[0, 1])
    assert decode_aedat3(content, "g.aedat").tolist() == [[4, 5, 0, 6]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (as_aedat3([(1, 2, 0, 3)])[:-1], "ends within 1 events from byte"),
        (as_aedat3([(1, 2, 0, 3)])[:-10], "ends in the header of a packet"),
        (HEAD3 + packet([])[:-1], "ends in the header of a packet, at byte"),
        (HEAD3.replace(b"END", b"AND"), "no line #!END-HEADER"),
        (HEAD3 + packet([(0, 0, 0, 0)], kind=77), r"no header of a packet .* \(type 77"),
        (HEAD3 + packet([(128, 0, 0, 0)]), "outside the camera of 128x128, at columns 128 to 128"),
        (as_aedat2([(1, 2, 0, 3)])[:-3], "5 bytes behind the header are no whole number"),
        (as_aedat2([]) + b"\0\1\0\0\0\0\0\0", "address 0x10000 is none of a DVS128"),
        (as_aedat2([(1, 2, 0, 9), (1, 2, 0, 3)]), "time runs backwards"),
        (b"#!AER-DAT3.0\r\n", "its first line is '#!AER-DAT3.0'; read are"),
        (b"\xff" * 16, "its first line is"),
    ],
)
def test_damaged_aedat_files_are_named(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"c.aedat: .*{message}"):
        decode_aedat(content, "c.aedat", (128, 128))


def test_a_packet_with_room_to_spare_or_overflown_time_is_not_guessed_at() -> None:
    spare = bytearray(packet([(1, 2, 0, 3)]))
    spare[16] = 5  # the room
    with pytest.raises(InputError, match=r"type 1, 1 events, room for 5"):
        decode_aedat3(HEAD3 + bytes(spare), "g.aedat")
    late = bytearray(packet([(1, 2, 0, 3)]))
    late[12] = 1  # the overflows
    with pytest.raises(InputError, match=r"with 1 overflows of time"):
        decode_aedat3(HEAD3 + bytes(late), "g.aedat")


def saved(array: np.ndarray, tmp_path) -> bytes:
    np.save(tmp_path / "e.npy", array, allow_pickle=True)
    return (tmp_path / "e.npy").read_bytes()


def test_arrays_of_events_are_read_and_polarity_is_mapped(tmp_path) -> None:
    rows = np.array([[3, 4, -1, 1000], [5, 6, 1, 1250]])
    assert decode_npy(saved(rows, tmp_path), "e.npy", (34, 34)).tolist() == [
        [3, 4, 0, 0], [5, 6, 1, 250],
    ]  # fmt: skip
    fields = [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "?")]
    structured = np.array([(3, 4, 7, False), (5, 6, 9, True)], dtype=fields)
    found = decode_npy(saved(structured, tmp_path), "e.npy", (34, 34)).tolist()
    assert found == [[3, 4, 0, 0], [5, 6, 1, 2]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4)), r"float64 of shape \(3, 4\); events are integers \(events, 4\)"),
        (np.zeros((3, 5), int), r"int64 of shape \(3, 5\)"),
        (np.array([[0, 0, 2, 0]]), "polarities are 2 to 2"),
        (np.array([[0, 0, -2, 0]]), "outside the camera|polarities"),
        (np.array([[0, 0, 0, 0], [0, 0, 0, 1 << 31]]), "lasts more than 35 minutes"),
        (np.array([{}], dtype=object), "not a .npy array"),
    ],
)
def test_other_arrays_are_refused(array, message, tmp_path) -> None:
    with pytest.raises(InputError, match=f"e.npy: .*{message}"):
        decode_npy(saved(array, tmp_path), "e.npy", (34, 34))


@pytest.mark.parametrize("decode", [decode_bs2, decode_bin])
def test_a_file_that_ends_within_an_event_is_named(decode) -> None:
    with pytest.raises(InputError, match=r"8\.x: 7 bytes are no whole number of events"):
        decode(b"1234567", "8.x", (34, 34))


def test_aedat_4_under_the_ending_of_the_older_ones_is_named() -> None:
    with pytest.raises(InputError, match=r"first line is '#!AER-DAT4\.0'"):
        decode_aedat(b"#!AER-DAT4.0\r\n", "1.aedat", (128, 128))


def test_no_event_is_no_error_of_the_format() -> None:
    assert decoders.decode_bin(b"", "1.bin", (34, 34)).shape == (0, 4)
