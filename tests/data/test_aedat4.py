"""``.aedat4``: what DV and dv-processing write, unpacked and read."""

import struct
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import as_aedat4, as_lz4, events_packet, flat_buffer

from loihi_sca import data
from loihi_sca.data.decoders import decode_aedat4
from loihi_sca.data.lz4 import unpack
from loihi_sca.errors import InputError

CAMERA = (180, 240)

ONE = st.tuples(
    st.integers(0, 239), st.integers(0, 179), st.integers(0, 1), st.integers(0, 3_000_000)
)
EVENTS = st.lists(ONE, max_size=30).map(lambda found: sorted(found, key=lambda e: e[3]))

KNOWN = [(1, 2, 1, 10), (3, 4, 0, 20), (239, 179, 1, 30), (5, 6, 0, 1_000_010)]


def drawn(count: int) -> list[tuple[int, int, int, int]]:
    rng = np.random.default_rng(count)
    columns = (rng.integers(0, n, count) for n in (240, 180, 2))
    return list(zip(*(c.tolist() for c in columns), np.sort(rng.integers(0, 9_000_000, count)),
                    strict=True))  # fmt: skip


@given(EVENTS, st.integers(1, 20), st.sampled_from([0, 1]), st.booleans())
@settings(deadline=None)  # machine code is made on first use
def test_files_are_read_packet_by_packet(events, each, packing, is_closed) -> None:
    found = decode_aedat4(as_aedat4(events, each, packing, is_closed), "1.aedat4", CAMERA)
    first = events[0][3] if events else 0
    assert found.dtype == np.int32
    assert found.tolist() == [[x, y, on, t - first] for x, y, on, t in events]


@given(st.binary(max_size=400), st.integers(1, 500))
@settings(deadline=None)
def test_lz4_is_unpacked(content, times) -> None:
    assert unpack(as_lz4(content * times)) == content * times


def test_a_block_that_is_not_packed_is_taken_as_it_is() -> None:
    frame = as_lz4(b"")[:7] + struct.pack("<I", 1 << 31 | 5) + b"hello" + bytes(4)
    assert unpack(frame) == b"hello"


WHOLE = as_aedat4(KNOWN, each=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin with #!AER-DAT4.0"),
        (WHOLE[:14], "points outside its packet"),
        (WHOLE[:-300], "its table of packets is at byte"),
        (as_aedat4(KNOWN, is_closed=False)[:-1], "goes beyond byte"),
        (as_aedat4([], is_closed=False) + b"1234567", "ends in the header of a packet"),
        (WHOLE.replace(bytes.fromhex("04224d18"), b"LZ4?"), "does not begin as an LZ4 frame"),
        (as_aedat4([(240, 0, 0, 0)]), "outside the camera of 240x180, at columns 240"),
        (as_aedat4([(0, -1, 0, 0)]), "outside the camera of 240x180"),
        (as_aedat4([(0, 0, 0, 0), (0, 0, 0, 1 << 31)]), "lasts more than 35 minutes"),
        (as_aedat4(KNOWN, packing=0).replace(b"EVTS", b"WHAT"), None),
    ],
)
def test_damaged_files_are_named(content, message) -> None:
    if message is None:  # a stream of another kind is passed over: there are no events
        assert not len(decode_aedat4(content, "1.aedat4", CAMERA))
        return
    with pytest.raises(InputError, match=f"1.aedat4: .*{message}"):
        decode_aedat4(content, "1.aedat4", CAMERA)


def test_two_streams_of_events_are_not_mixed() -> None:
    head = as_aedat4([], packing=0, is_closed=False)
    parts = [struct.pack("<ii", n, len(p)) + p for n in (0, 2) for p in [events_packet(KNOWN)]]
    with pytest.raises(InputError, match="holds 2 streams of events, 0, 2"):
        decode_aedat4(head + b"".join(parts), "1.aedat4", CAMERA)


def test_packings_that_are_not_known_are_named() -> None:
    head, packet = flat_buffer(b"IOHE", [("i", 9), ("q", -1)]), events_packet(KNOWN)
    content = b"#!AER-DAT4.0\r\n" + head + struct.pack("<ii", 0, len(packet)) + packet
    with pytest.raises(InputError, match="packed in way 9, which is not known"):
        decode_aedat4(content, "1.aedat4", CAMERA)


def test_zstandard_that_is_not_installed_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    packet = b"anything"
    head = flat_buffer(b"IOHE", [("i", 3), ("q", -1)])
    content = b"#!AER-DAT4.0\r\n" + head + struct.pack("<ii", 0, len(packet)) + packet
    with pytest.raises(InputError, match=r"1\.aedat4: its packets .* Zstandard.*loihi-sca\[zstd\]"):
        decode_aedat4(content, "1.aedat4", CAMERA)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
@settings(deadline=None)
def test_one_wrong_byte_is_read_otherwise_or_refused(place, value) -> None:
    content = bytearray(WHOLE)
    content[place] = value
    for damaged in (bytes(content), WHOLE[:place]):
        try:
            decode_aedat4(damaged, "1.aedat4", CAMERA)
        except InputError as error:
            told = str(error)
        else:
            told = "1.aedat4: read"
        assert told.startswith("1.aedat4: ")


def test_a_folder_of_them_is_a_dataset(tmp_path) -> None:
    for label, name in enumerate(("left", "right")):
        (tmp_path / "moves" / name).mkdir(parents=True)
        for i in range(10):
            events = [(10 * label + i, 3, 1, 0), (4, 5, 0, 15_000)]
            (tmp_path / "moves" / name / f"{i}.aedat4").write_bytes(as_aedat4(events))
    how = {"root": tmp_path, "timesteps": 2, "window_ms": 20, "camera": CAMERA}
    test = data.load("moves", split="test", **how)
    assert (len(test), test.shape) == (4, (2, 180, 240))
    for label, sample in zip(test.labels, test.spikes(), strict=True):
        off, on = np.argwhere(sample).tolist()
        assert off == [0, 5, 4, 1]
        assert (on[0], on[1], on[3], on[2] // 10) == (1, 3, 0, label)


# --- against who wrote the format, where it is installed -----------------------------------------


@pytest.mark.parametrize("packing", ["NONE", "LZ4", "LZ4_HIGH", "ZSTD"])
def test_files_of_dv_processing(packing, tmp_path) -> None:
    dv = pytest.importorskip("dv_processing")
    if packing == "ZSTD":
        pytest.importorskip("zstandard")
    events = drawn(5000)
    config = dv.io.MonoCameraWriter.Config("a camera")
    config.compression = getattr(dv.CompressionType, packing)
    config.addEventStream((240, 180))
    config.addTriggerStream()
    writer = dv.io.MonoCameraWriter(str(tmp_path / "1.aedat4"), config)
    for i in range(0, len(events), 700):
        store = dv.EventStore()
        for x, y, on, t in events[i : i + 700]:
            store.push_back(1_700_000_000_000_000 + int(t), x, y, bool(on))
        writer.writeEvents(store)
        writer.writeTrigger(dv.Trigger(1_700_000_000_000_000 + i, dv.TriggerType.TIMESTAMP_RESET))
    del writer
    found = decode_aedat4((tmp_path / "1.aedat4").read_bytes(), "1.aedat4", CAMERA)
    assert found.tolist() == [[x, y, on, t - events[0][3]] for x, y, on, t in events]


def test_another_reader_reads_what_these_tests_write(tmp_path) -> None:
    aedat = pytest.importorskip("aedat")
    events = [(x, y, on, int(t)) for x, y, on, t in drawn(50)]
    (tmp_path / "1.aedat4").write_bytes(as_aedat4(events))
    read = np.concatenate(
        [packet["events"] for packet in aedat.Decoder(tmp_path / "1.aedat4") if "events" in packet]
    )
    found = [tuple(int(event[key]) for key in ("x", "y", "on", "t")) for event in read]
    assert found == [(x, y, on, 1_700_000_000_000_000 + t) for x, y, on, t in events]


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("size", [0, 10, 100_000, 3_000_000])
def test_frames_of_lz4_itself(size, linked) -> None:
    frame = pytest.importorskip("lz4.frame")
    rng = np.random.default_rng(size)
    content = rng.integers(0, 5, size, dtype=np.uint8).tobytes()
    for checks in (False, True):
        packed = frame.compress(
            content, block_linked=linked, block_checksum=checks, content_checksum=checks,
            store_size=checks,
        )  # fmt: skip
        assert unpack(packed) == content
    assert frame.decompress(as_lz4(content[:10_000])) == content[:10_000]
