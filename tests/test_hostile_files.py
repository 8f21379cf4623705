"""Files made to harm: nothing runs, nothing outside is read, little memory, one clear error.

Each input is harmless in itself: what it would run leaves a mark that the test looks for.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import nir_graphs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netx_layers import FILES, write

import loihi_sca
from loihi_sca import data, hardware, netx
from loihi_sca.config import load_recipe
from loihi_sca.data import images, pictures
from loihi_sca.data.arrays import read_npy
from loihi_sca.data.decoders import DECODERS
from loihi_sca.data.own import read as read_own
from loihi_sca.data.pickled import read_batch
from loihi_sca.errors import InputError, LoihiScaError
from loihi_sca.hardware.cost.activity_file import read_activity

MEMORY = 1 << 26
"""Far more than any file here, far less than what they claim."""

HUGE = 1 << 50


class Mark:
    """What runs when it is unpickled: the file MARK appears."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return Path.touch, (self.folder / "MARK",)


# --- what is tried: path -> None, which makes the file ------------------------------------------


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def claiming(kind: str = "|u1", shape: str = f"({HUGE},)") -> bytes:
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n", b"123")


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Mark(path.parent), protocol=4))


def object_array(path: Path) -> None:
    path.write_bytes(objects(Mark(path.parent)))


def objects(one: object = None) -> bytes:
    content = io.BytesIO()
    np.save(content, np.array([one], dtype=object), allow_pickle=True)
    return content.getvalue()


def archive(**members: bytes):
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(f"{name}.npy", content)

    return make


def changed(old: bytes, new: bytes):
    """Return what makes an archive in whose table and heads bytes are others."""

    def make(path: Path) -> None:
        archive(x=claiming("|u1", "(3,)"), y=claiming("|u1", "(3,)"))(path)
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return make


def archive_of_huge_size(path: Path) -> None:
    """Make one whose table says that the first array unpacks to more than any memory."""
    archive(x=claiming())(path)
    image = bytearray(path.read_bytes())
    at = image.rindex(b"PK\x01\x02")
    name, extra = struct.unpack_from("<HH", image, at + 28)
    end = at + 46 + name + extra
    image[end:end] = struct.pack("<HHQ", 1, 8, HUGE)  # zip64
    struct.pack_into("<I", image, at + 24, 0xFFFFFFFF)
    struct.pack_into("<H", image, at + 30, extra + 12)
    tail = image.rindex(b"PK\x05\x06")
    struct.pack_into("<I", image, tail + 12, struct.unpack_from("<I", image, tail + 12)[0] + 12)
    path.write_bytes(bytes(image))


def batch_of(*parts: bytes):
    return lambda path: path.write_bytes(b"\x80\x04" + b"".join(parts))


def objects_from_bytes(path: Path) -> None:
    """Ask numpy to take bytes for objects, which it does: where they point is then followed."""
    path.write_bytes(
        b"\x80\x04}C\x04datacnumpy\nndarray\n(K\x01\x85\x8c\x01OC\x08" + bytes(8) + b"tRs"
        b"C\x06labels]K\x00as."
    )


def with_another_file(change):
    """Make a good file, and let a field be one of another file."""

    def make(path: Path) -> None:
        good(path)
        outside = path.parent / "outside.h5"
        with h5py.File(outside, "w") as file:
            file["secret"] = np.arange(4)
        (path.parent / "outside.raw").write_bytes(bytes(32))
        with h5py.File(path, "r+") as file:
            fields = []
            file.visititems(
                lambda name, x: fields.append(name) if isinstance(x, h5py.Dataset) else None
            )
            del file[fields[0]]
            change(file, fields[0], outside)

    return make


def linked(file, field, outside) -> None:
    file[field] = h5py.ExternalLink(str(outside), "secret")


def stored_outside(file, field, outside) -> None:
    raw = str(outside.with_suffix(".raw"))
    file.create_dataset(field, (4,), "i8", external=[(raw, 0, 32)])


def virtual(file, field, outside) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="i8")
    layout[:] = h5py.VirtualSource(str(outside), "secret", shape=(4,))
    file.create_virtual_dataset(field, layout)


def hollow(file, field, outside) -> None:
    file.create_dataset(field, (HUGE,), dtype="i8", chunks=(1024,))


def good(path: Path) -> None:
    """Write a good file of a kind of HDF5."""
    if path.suffix == ".net":
        write(path, FILES["dense"])
    elif path.suffix == ".nir":
        nodes = {"input": nir_graphs.input_(1), "fc": nir_graphs.linear([[1.0]])}
        nir_graphs.write(path, {**nodes, "n": nir_graphs.lif()})
    else:
        with h5py.File(path, "w") as file:
            file["labels"] = [0]
            for key in ("times", "units"):
                file.create_dataset(f"spikes/{key}", (1,), h5py.vlen_dtype("f4"))


def text(content: str):
    return lambda path: path.write_text(content)


def raw(content: bytes):
    return lambda path: path.write_bytes(content)


def own(path: Path):
    return read_own(path.name, False, path.parent)


def activity(path: Path):
    network = netx.read(write(path.with_suffix(".net"), FILES["dense"]))
    return read_activity(path, hardware.describe(network), hardware.load_profile("loihi2"))


def tensors(header: dict, body: bytes = b"", length: int | None = None):
    """Make a safetensors file: 8 bytes of length, a header in JSON, bytes."""
    said = json.dumps(header).encode()
    return raw(struct.pack("<Q", len(said) if length is None else length) + said + body)


def idx(*lengths: int) -> bytes:
    return bytes([0, 0, images.IDX_UINT8, len(lengths)]) + np.array(lengths, ">u4").tobytes()


NESTED = "[" * 100_000
TENSOR = {"a": {"dtype": "U8", "shape": [HUGE], "data_offsets": [0, HUGE]}}


def read_shd(path: Path):
    return data.load("shd", split="test", root=path.parent)


def read_picture(path: Path):
    with pictures.opened(path, str(path)) as image:
        return image.convert("RGB")


PNG = b"\x89PNG\r\n\x1a\n"
HDF5 = {
    "x.net": netx.read,
    "x.nir": lambda p: loihi_sca.read_nir(p, dt=1e-4),
    "shd_test.h5": read_shd,
}
OUTSIDE = {linked: "another file", stored_outside: "in another file", virtual: "virtual"}

CASES = {
    **{
        f"{change.__name__} in {name}": (name, with_another_file(change), reader, message)
        for name, reader in HDF5.items()
        for change, message in OUTSIDE.items()
    },
    **{
        f"hollow {name}": (name, with_another_file(hollow), reader, "claims|damaged")
        for name, reader in HDF5.items()
    },
    "pickle as npy": ("x.npy", pickled, read_npy, "not a .npy array"),
    "objects in npy": ("x.npy", object_array, read_npy, "not a .npy array"),
    "huge npy": ("x.npy", raw(claiming()), read_npy, "claims 1125899906842624 bytes"),
    "wide npy": ("x.npy", raw(claiming("<U99999999", "(1,)")), read_npy, "claims"),
    "negative npy": ("x.npy", raw(claiming(shape="(-1,)")), read_npy, "not a .npy array"),
    "truth as a size of npy": (
        "x.npy", raw(claiming("<u1", "(1, True)")), read_npy, "claims a shape of .1, True.",
    ),
    "size of npy beyond C": (
        "x.npy", raw(claiming("<u1", f"(0, {2**70})")), read_npy, "claims a shape of",
    ),
    "values of no bytes in npy": (
        "x.npy", raw(claiming("<U0", f"({2**62},)")), read_npy, "claims 4611686018427387904 values",
    ),
    "text too long for NumPy": (
        "x.npy", raw(claiming(f"<U{'1' * 50}", "(1,)")), read_npy, "claims 1 values of -4 bytes",
    ),
    "such a text in a record": (
        "x.npy", raw(npy(
            f"{{'descr': [('t', '<i4'), ('x', '<U{'1' * 50}')], 'fortran_order': False, "
            "'shape': (1,)}\n", b"123")),
        read_npy, "not a .npy array",
    ),
    "header of npy": ("x.npy", raw(npy("(" * 9000)), read_npy, "not a .npy array"),
    "newer npy": ("x.npy", raw(b"\x93NUMPY\x09\x00abc"), read_npy, "version .9, 0. of the format"),
    "pickle as npz": ("x.npz", pickled, own, "pickle"),
    "objects in npz": ("x.npz", archive(x=objects(), y=claiming("|u1", "(3,)")), own, "pickle"),
    "huge in npz": ("x.npz", archive(x=claiming(), y=claiming()), own, "its header claims"),
    "npz with a password": (
        "x.npz", changed(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
        own, "is encrypted",
    ),
    "text in npz": (
        "x.npz", archive(x=b"no array", y=claiming("|u1", "(3,)")), own, "x.npy in it is no array",
    ),
    "newer npz": (
        "x.npz", changed(b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\x5f\x00"),
        own, "zip file version 9.5",
    ),
    "npz packed otherwise than said": (
        "x.npz", changed(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x0e\x00"), own, "x.npz: ",
    ),
    "huge npz": ("x.npz", archive_of_huge_size, own, "take 1,048,576.0 GiB of memory"),
    "pickled batch": ("b", pickled, lambda p: read_batch(p, "CIFAR", b"labels"), "asks for"),
    "objects from bytes": (
        "b", objects_from_bytes, lambda p: read_batch(p, "CIFAR", b"labels"), "does not say all"),
    "huge array in batch": (
        "b", batch_of(b"}C\x04datacnumpy\nndarray\n", b"(\x8a\x07", bytes(6), b"\x01tR", b"s."),
        lambda p: read_batch(p, "CIFAR", b"labels"), "does not say all"),
    "memory of a pickle": (
        "b", batch_of(b"}r\xff\xff\xff\x7f."), lambda p: read_batch(p, "CIFAR", b"labels"),
        "remembers number 2147483647"),
    "lists of lists": (
        "b", batch_of(b"}C\x04data]\x94", *[b"](h\x00h\x00e\x94"] * 40, b"s."),
        lambda p: read_batch(p, "CIFAR", b"labels"), "damaged"),
    "long idx": ("x", raw(idx(2**32 - 1, 2**32 - 1)), images._idx, "GiB of memory"),
    "wide idx of nothing": ("x", raw(idx(2**32 - 1, 2**32 - 1, 0)), images._idx, "holds nothing"),
    "packed idx": (
        "x.gz", raw(gzip.compress(idx(3) + bytes(1 << 28))), images._idx, "or cut off"),
    "PostScript as png": (
        "x.png", raw(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n%%EndComments\n"),
        read_picture, "not an image, or damaged .* Read are BMP",
    ),
    "large ppm": ("x.ppm", raw(b"P6 60000 60000 255\n"), read_picture, "3600000000 pixels"),
    "cut png": ("x.png", raw(PNG), read_picture, "not an image, or damaged"),
    "nested recipe": ("x.toml", text(f"a = {NESTED}"), load_recipe, "is not TOML"),
    "long number": ("x.toml", text(f"seed = {'9' * 9000}"), load_recipe, "x.toml"),
    "nested profile": ("x.toml", text(f"a = {NESTED}"), hardware.load_profile, "is not TOML"),
    "nested activity": ("x.json", text(NESTED), activity, "is not JSON"),
}  # fmt: skip


CHECKPOINTS = {
    "pickle": (pickled, "not a checkpoint"),
    "long header": (tensors({}, length=HUGE), "not a checkpoint"),
    "huge tensor": (tensors(TENSOR), "not a checkpoint"),
    "foreign tensors": (tensors({}), "not a checkpoint"),
    "empty metadata": (tensors({"__metadata__": {"loihi_sca": "{}"}}), "not a checkpoint"),
    "nested metadata": (tensors({"__metadata__": {"loihi_sca": NESTED}}), "not a checkpoint"),
}


def refuse(path: Path, make, read, message: str) -> None:
    """Make a file and read it: it must be refused by name, in little memory, and run nothing."""
    make(path)
    tracemalloc.start()
    try:
        with pytest.raises(LoihiScaError, match=message) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value)
    assert peak < MEMORY
    assert not (path.parent / "MARK").exists()


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(case, tmp_path) -> None:
    name, make, read, message = CASES[case]
    refuse(tmp_path / name, make, read, message)


@pytest.mark.train
@pytest.mark.parametrize("case", CHECKPOINTS)
def test_no_checkpoint_is_refused(case, tmp_path) -> None:
    from loihi_sca.training.checkpoint import load

    make, message = CHECKPOINTS[case]
    refuse(tmp_path / "x", make, load, message)


def test_a_link_within_a_file_is_followed(tmp_path) -> None:
    """Only what leads outside is refused."""
    path = write(tmp_path / "x.net", FILES["dense"])
    before = netx.read(path)
    with h5py.File(path, "r+") as file:
        file.move("layer/1/weight", "layer/1/bias_")
        file.move("layer/1/bias", "layer/1/weight_")
        file["layer/1/weight"], file["layer/1/bias"] = (
            file["layer/1/bias_"],
            file["layer/1/weight_"],
        )
        del file["layer/1/bias_"], file["layer/1/weight_"]
    assert netx.read(path) == before


def test_good_arrays_are_read(tmp_path) -> None:
    """What claims no more than it holds passes, whatever its type."""
    for array in (np.arange(6).reshape(2, 3), np.zeros((0, 4)), np.array(7), np.array(["ab"])):
        np.save(tmp_path / "x.npy", array)
        np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), array)


FIRST = [b"", b"#!AER-DAT2.0\r\n", b"#!AER-DAT3.1\r\n#!END-HEADER\r\n", b"\x93NUMPY\x01\x00v\x00"]


@given(
    ending=st.sampled_from(sorted(DECODERS)),
    first=st.sampled_from(FIRST),
    rest=st.binary(max_size=200),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_events_or_refused(ending, first, rest) -> None:
    events = events_of(ending, first + rest)
    assert events is None or (events.dtype == np.int32 and events.shape[1] == 4)


def events_of(ending, content):
    """Return events, or None where they are refused by name."""
    try:
        return DECODERS[ending](content, "x", (34, 34))
    except InputError as error:
        told = str(error)
    assert "x: " in told
    return None


@given(array=st.one_of(
    st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4), max_size=4),
    st.lists(st.tuples(*[st.floats()] * 4), max_size=3),
))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_array_is_events_or_refused(array) -> None:
    made = np.array(array)
    floats = np.array([tuple(x) for x in array], dtype=[(name, "f8") for name in "xytp"])
    for each in (made, floats):
        content = io.BytesIO()
        np.save(content, each)
        events = events_of(".npy", content.getvalue())
        if events is not None and len(events):
            assert (events[:, :2] == made[:, :2]).all()


def test_a_place_far_outside_is_not_wrapped_into_the_camera() -> None:
    content = io.BytesIO()
    np.save(content, np.array([[1 << 32, 3, 1, 0]]))
    assert events_of(".npy", content.getvalue()) is None
    content = io.BytesIO()
    np.save(content, np.array([[1, 3, 1, -(2**63)], [1, 3, 1, 2**63 - 1]]))
    assert events_of(".npy", content.getvalue()) is None


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_batch_or_refused(content) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "b")
        path.write_bytes(b"\x80\x04" + content)
        with pytest.raises(InputError, match="damaged, or no batch"):
            read_batch(path, "CIFAR", b"labels")
