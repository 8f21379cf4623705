"""What is fuzzed: a reader, good files to start from, and how bytes become a file.

Bytes that begin with ``FIELDS`` say how the fields of a good file are changed, so that what is
tried is well-formed and wrong; all others are the file itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

FIELDS = b"\x00fields"
"""What is read starts with it in no format here."""

SIZE = (34, 34)


@dataclass(frozen=True)
class Reader:
    """A reader and what it is tried on.

    Attributes
    ----------
    name : str
        The name of the file that it reads; its ending counts.
    read : callable
        Path -> anything, or an error of ours.
    seeds : callable
        Yields good files, as bytes.
    change : callable, optional
        (bytes behind ``FIELDS``, path) -> None: makes a changed file.
    """

    name: str
    read: Callable[[Path], Any]
    seeds: Callable[[], Iterator[bytes]]
    change: Callable[[bytes, Path], None] | None = None

    def make(self, content: bytes, path: Path) -> None:
        """Write the file that bytes stand for."""
        if self.change is not None and content.startswith(FIELDS):
            self.change(content[len(FIELDS) :], path)
        else:
            path.write_bytes(content)

    def first(self) -> Iterator[bytes]:
        """Yield what fuzzing starts from."""
        yield from self.seeds()
        if self.change is not None:
            for index, _ in enumerate(self.seeds()):
                yield FIELDS + bytes([index, 0, 0, 0])
                yield FIELDS + bytes([index, 1, 5, 9, 8, 3, 2, 4, 11, 12])


def written(write: Callable[[Path], Any]) -> bytes:
    """Return the bytes of a file that is written to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        write(path)
        return path.read_bytes()


# --- HDF5 ---------------------------------------------------------------------------------------


def change_fields(seeds: Callable[[], Iterator[bytes]], codes: bytes, path: Path) -> None:
    """Change a good file: which one, then three numbers for each change."""
    from hdf5_changes import KINDS, ODD, Mutation, apply_all

    good = kept(seeds)
    path.write_bytes(good[codes[0] % len(good)] if codes else good[0])
    threes = [codes[at : at + 3] for at in range(1, min(len(codes) - 2, 24), 3)]
    apply_all((Mutation(KINDS[a % len(KINDS)], b, c % len(ODD)) for a, b, c in threes), path)


@cache
def kept(seeds: Callable[[], Iterator[bytes]]) -> tuple[bytes, ...]:
    return tuple(seeds())


def netx_files(*names: str) -> Iterator[bytes]:
    from netx_layers import FILES, write

    for name in names or [x for x in FILES if x != "old"]:
        yield written(partial(write, layers=FILES[name]))


def our_files() -> Iterator[bytes]:
    """Yield files as lava-dl writes them, and ours: a chain and a graph with branches."""
    import numpy as np

    from loihi_sca import netx
    from loihi_sca.network import Conv, Cuba, Dense, Input, Network

    yield from netx_files()
    neuron, one = Cuba(7, 8, 9), np.full((1, 1, 1, 1), 4)
    layer = Dense("x", (2,), np.full((3, 2), 4), bias=np.arange(3), neuron=neuron)
    skip = Conv("skip", (1, 2, 2), one, source="in")
    branched = (
        Input("in", (1, 2, 2)),
        Conv("a", (1, 2, 2), one, neuron=neuron),
        Conv("b", (1, 2, 2), one, neuron=neuron, added=(skip,), axon_delay=np.array([1])),
    )
    for layers in ((layer,), branched):
        yield written(partial(netx.save, Network("x", layers)))


def old_files() -> Iterator[bytes]:
    from netx_layers import as_others_write

    yield from netx_files("old", "recurrent")
    with tempfile.TemporaryDirectory() as folder:
        yield as_others_write(Path(folder))


def nir_files() -> Iterator[bytes]:
    import nir_graphs as g
    import numpy as np

    import loihi_sca
    from loihi_sca.network import Cuba, Dense, Network

    dense = {"input": g.input_(2), "fc": g.linear([[1.0, 2.0]], [0.5]), "n": g.cuba()}
    image = {
        "input": g.input_(1, 4, 4), "c": g.conv(np.ones((2, 1, 2, 2)), input_shape=(4, 4)),
        "n": g.lif(np.ones((2, 3, 3)), np.full((2, 3, 3), 8.0)), "p": g.pool("SumPool2d", (3, 3)),
        "f": g.flatten(), "fc": g.linear([[1.0, -1.0]]), "m": g.lif([1.0], [9.0]),
    }  # fmt: skip
    for nodes in (dense, image):
        yield written(partial(g.write, nodes=nodes))
    layer = Dense("x", (2,), np.full((3, 2), 4), bias=np.arange(3), neuron=Cuba(7, 8, 9))
    yield written(partial(loihi_sca.write_nir, Network("x", (layer,))))


def read_netx(path: Path) -> Any:
    import loihi_sca

    return loihi_sca.read(path)


def read_nir(path: Path) -> Any:
    import loihi_sca

    return loihi_sca.read_nir(path, dt=1e-4)


# --- safetensors --------------------------------------------------------------------------------


TRAIN = """
import sys
from pathlib import Path
from tiny_training import tiny_recipe
from loihi_sca.training.session import train
train(tiny_recipe(epochs=1), Path(sys.argv[1]), resume=True)
"""


@lru_cache(maxsize=1)
def trained() -> tuple[bytes, Any]:
    """Return a checkpoint, and what it is read as.

    It is trained in a process of its own: numba cannot compile what is instrumented here.
    """
    from loihi_sca.training import checkpoint

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-c", TRAIN, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True,
        )  # fmt: skip
        path = sorted(Path(folder, "checkpoints").glob("pruned-[0-9]*"))[-1]
        return path.read_bytes(), checkpoint.load(path)


def checkpoints() -> Iterator[bytes]:
    yield trained()[0]


def header_of(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:8], "little")
    about = json.loads(content[8 : 8 + length])["__metadata__"]["loihi_sca"]
    return {k: v for k, v in json.loads(about).items() if k not in ("seal", "digest")}


def headers() -> Iterator[bytes]:
    """Yield what a checkpoint says of itself, whose seal is made anew for each that is tried."""
    yield FIELDS + json.dumps(header_of(trained()[0])).encode()


def seal_header(told: bytes, path: Path) -> None:
    """Write a checkpoint that says this of itself, and is sealed."""
    from safetensors.torch import save_file

    from loihi_sca.training import checkpoint

    try:
        header = json.loads(told)
    except (ValueError, RecursionError):
        header = None
    tensors = trained()[1].tensors
    if isinstance(header, dict):
        header = {**header, "digest": checkpoint.digest(tensors)}
        header["seal"] = checkpoint._seal(header)
    try:
        save_file(tensors, path, metadata={"loihi_sca": json.dumps(header)})
    except ValueError:  # surrogates
        path.write_bytes(b"")


def read_checkpoint(path: Path) -> Any:
    from loihi_sca.training import checkpoint

    return checkpoint.load(path)


class Headers(Reader):
    """Checkpoints, of which what they say of themselves is changed."""

    def first(self) -> Iterator[bytes]:
        """Yield a checkpoint, and its header."""
        yield from self.seeds()
        yield from headers()


# --- text ---------------------------------------------------------------------------------------


def shipped(folder: str, ending: str = ".toml") -> Iterator[bytes]:
    root = Path(__file__).parents[2]
    for path in sorted((root / folder).glob(f"*{ending}")):
        yield path.read_bytes()


def read_recipe(path: Path) -> Any:
    from loihi_sca.config import load_recipe
    from loihi_sca.errors import ConfigError

    recipe = load_recipe(path)
    try:
        recipe.model.shapes((1, 8, 8), 10)
    except ConfigError:
        pass
    return recipe


def read_profile(path: Path) -> Any:
    from loihi_sca.hardware import load_profile

    return load_profile(path)


@lru_cache(maxsize=1)
def described() -> Any:
    import numpy as np

    from loihi_sca import hardware
    from loihi_sca.network import Cuba, Dense, Network

    layers = tuple(
        Dense(name, (2,), np.full((2, 2), 4), neuron=Cuba(7, 8, 9)) for name in ("one", "two")
    )
    return hardware.describe(Network("x", layers)), hardware.load_profile("loihi2")


def read_activity(path: Path) -> Any:
    from loihi_sca.hardware.cost.activity_file import read_activity as read

    return read(path, *described())


def activities() -> Iterator[bytes]:
    layers = [{"name": n, "spikes": 3, "synops": 6, "updates": 20} for n in ("one", "two")]
    about = {"schema": 1, "samples": 2, "timesteps": 10, "source": "a board"}
    yield json.dumps({**about, "synops": 60, "spikes": 9}).encode()
    yield json.dumps({**about, "layers": layers}).encode()


# --- arrays, pictures, events -------------------------------------------------------------------


def arrays() -> Iterator[bytes]:
    import numpy as np

    structured = np.array([(1, 2, 3, 1)], [(k, "i4") for k in "xytp"])
    for array in (np.arange(6).reshape(2, 3), np.array(["ab"]), structured, np.eye(3) > 0):
        yield written(lambda path, array=array: save(np.save, path, array))


def archives() -> Iterator[bytes]:
    import numpy as np

    x, y = np.zeros((5, 1, 2, 2), np.uint8), np.arange(5)
    named = {"x_train": x, "y_train": y, "x_test": x, "y_test": y, "classes": np.array(5)}
    for save_, content in ((np.savez, {"x": x, "y": y}), (np.savez_compressed, named)):
        yield written(lambda path, s=save_, c=content: save(s, path, **c))


def save(write: Any, path: Path, *values: Any, **named: Any) -> None:
    with path.open("wb") as file:  # to the path itself, without an ending of NumPy's
        write(file, *values, **named)


def read_array(path: Path) -> Any:
    from loihi_sca.data.arrays import read_npy

    return read_npy(path)


def read_archive(path: Path) -> Any:
    from loihi_sca.data import own

    own._part.cache_clear()  # it goes by the time of a file, and these are too fast
    return own.read(path.name, False, path.parent)


def batches() -> Iterator[bytes]:
    import pickle

    import numpy as np

    images = np.zeros((1, 3072), np.uint8)
    for protocol in (2, 4):
        for label in (b"labels", b"fine_labels"):
            yield pickle.dumps({b"data": images, label: [3], b"x": [b"name"]}, protocol)


def read_batch(path: Path) -> Any:
    from loihi_sca.data.pickled import read_batch as read

    return read(path, "CIFAR", b"labels")


def idx_files() -> Iterator[bytes]:
    import gzip

    plain = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
    yield b"plain" + plain
    yield b"gzip." + gzip.compress(plain)


def read_idx(path: Path) -> Any:
    """Read a file; the first five bytes say whether it is packed."""
    from loihi_sca.data import images

    content = path.read_bytes()
    inner = path.with_name("x.gz" if content[:1] == b"g" else "x.idx")
    inner.write_bytes(content[5:])
    return images._idx(inner)


def events(ending: str) -> Iterator[bytes]:
    import numpy as np
    from recorded import as_aedat2, as_aedat3, as_aedat4, as_bin, bytes_of_40_bits

    few = [(1, 2, 1, 10), (33, 4, 0, 20), (5, 33, 1, 9_000), (5, 6, 0, 1_000_010)]
    if ending == ".npy":
        yield from arrays()
        yield written(lambda path: save(np.save, path, np.array([[1, 2, 1, 5]])))
    elif ending == ".aedat":
        yield from (as_aedat2(few), as_aedat3(few))
    elif ending == ".aedat4":
        for packing, is_closed in ((0, True), (1, True), (1, False)):
            yield as_aedat4(few, 2, packing, is_closed)
    elif ending == ".bs2":
        yield b"".join(bytes_of_40_bits(*event) for event in few)
    else:
        yield as_bin(few)


def read_events(path: Path) -> Any:
    from loihi_sca.data.decoders import DECODERS

    return DECODERS[path.suffix](path.read_bytes(), path.name, SIZE)


READERS = {
    "netx": Reader("x.net", read_netx, our_files, partial(change_fields, our_files)),
    "old SLAYER": Reader("x.net", read_netx, old_files, partial(change_fields, old_files)),
    "NIR": Reader("x.nir", read_nir, nir_files, partial(change_fields, nir_files)),
    "checkpoint": Headers("x.safetensors", read_checkpoint, checkpoints, seal_header),
    "recipe": Reader("x.toml", read_recipe, partial(shipped, "loihi_sca/recipes")),
    "profile": Reader("x.toml", read_profile, partial(shipped, "hw_profiles")),
    "activity": Reader("x.json", read_activity, activities),
    "npy": Reader("x.npy", read_array, arrays),
    "npz": Reader("x.npz", read_archive, archives),
    "CIFAR batch": Reader("x", read_batch, batches),
    "IDX": Reader("x", read_idx, idx_files),
    **{
        f"{ending} events": Reader(f"x{ending}", read_events, partial(events, ending))
        for ending in (".aedat", ".aedat4", ".bin", ".bs2", ".npy")
    },
}
"""Every reader of files that others may have made."""
