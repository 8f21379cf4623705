"""Import Lava 0.10.0 where it was not made for: on Python 3.11 and later, numpy 2, without torch.

Each shim looks for the change that it answers and does nothing where that change is not; on
Python 3.10 with all that lava-dl asks for, Lava is stock. What was shimmed has the same spikes, see
``docs/python.md``. This file imports nothing of ours: it runs in whatever Python has Lava.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import inspect
import multiprocessing.process
import os
import sys
import tempfile
import types
from typing import Any

import numpy as np

SLAYER_NEEDS = ("torch", "torchvision", "cv2")
"""What lava-dl's SLAYER cannot be imported without; netx asks it for resonators only."""

OBJECT_DETECTION = "lava.lib.dl.slayer.object_detection"
"""The only part of SLAYER that needs more than torch."""

SLAYER = (
    "lava.lib.dl.slayer",
    "lava.lib.dl.slayer.neuron",
    "lava.lib.dl.slayer.neuron.rf",
    "lava.lib.dl.netx.sequential_modules",  # inference with torch
)

SIZES = ("shape", "stride", "padding", "dilation", "groups")
"""What a netx file says in small integers, and Lava calculates with."""


def import_netx() -> tuple[Any, list[str]]:
    """Import ``lava.lib.dl.netx.hdf5``, which takes seconds.

    Returns
    -------
    module, list of str
        The module and the names of the shims that it took.
    """
    shims = {
        "dataclass defaults": _hash_dataclasses,
        "fork": _fork,
        "socket names": _shorten_socket_names,
        "np.reshape(newshape=)": _keep_newshape,
        "SLAYER": _stand_in_for_slayer,
    }
    used = [name for name, shim in shims.items() if shim()]
    hdf5 = importlib.import_module("lava.lib.dl.netx.hdf5")
    if _convert_one_element(hdf5):
        used.append("int of an array")
    if _widen_small_integers(hdf5):
        used.append("small integers")
    return hdf5, used


def _hash_dataclasses() -> bool:
    """Let instances be defaults in dataclasses: Python 3.11 refuses what cannot be hashed."""

    @dataclasses.dataclass
    class Encoder:
        pass

    try:
        dataclasses.make_dataclass("User", [("encoder", Encoder, Encoder())])
    except ValueError:
        pass
    else:
        return False
    stock = dataclasses.dataclass

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return lambda cls: dataclass(cls, **options)
        if vars(cls).get("__hash__") is None:
            options.setdefault("unsafe_hash", True)
        return stock(cls, **options)

    dataclasses.dataclass = dataclass
    return True


def _fork() -> bool:
    """Start processes by forking, which Lava relies on; Python 3.14 no longer does so on Linux."""
    if multiprocessing.get_all_start_methods()[0] != "forkserver":
        return False
    multiprocessing.set_start_method("fork", force=True)
    return True


def _shorten_socket_names() -> bool:
    """Have multiprocessing put its sockets where we are; in a long path they cannot be bound.

    From Python 3.12 on, ``mkdtemp`` makes the path that we set absolute.
    """
    folder = tempfile.mkdtemp(dir=".")
    os.rmdir(folder)
    if not os.path.isabs(folder):
        return False
    multiprocessing.process.current_process()._config["tempdir"] = "."  # type: ignore[attr-defined]
    return True


def _keep_newshape() -> bool:
    """Let ``np.reshape`` take ``newshape``, which Lava's ports say and numpy 2.5 has dropped."""
    if "newshape" in inspect.signature(np.reshape).parameters:
        return False
    stock = np.reshape

    def reshape(a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None) -> Any:
        return stock(a, shape if newshape is None else newshape, order=order)

    np.reshape = reshape  # type: ignore[assignment]
    return True


def _stand_in_for_slayer() -> bool:
    """Put empty modules where SLAYER would be, until a resonator asks for it."""
    if all(importlib.util.find_spec(name) for name in SLAYER_NEEDS):
        return False
    for name in SLAYER:
        module: Any = types.ModuleType(name)
        module.__file__ = __file__  # Lava asks where classes come from
        module.neuron_params = _parameters_of_resonators
        sys.modules[name] = module
    return True


def _parameters_of_resonators(*described: Any) -> Any:
    return _resonators().neuron_params(*described)


@functools.cache
def _resonators() -> Any:
    """Import SLAYER after all, without its object detection."""
    if importlib.util.find_spec("torch") is None:
        raise NotImplementedError("resonate-and-fire needs lava-dl's SLAYER, so torch")
    for name in SLAYER:
        del sys.modules[name]
    sys.modules[OBJECT_DETECTION] = types.ModuleType(OBJECT_DETECTION)
    return importlib.import_module("lava.lib.dl.slayer.neuron.rf")


def _convert_one_element(hdf5: Any) -> bool:
    """Let netx make a number of an array of shape (1,), which numpy 2.4 refuses."""
    try:
        int(np.ones(1, dtype=np.int64))
    except TypeError:
        hdf5.int = lambda value: np.asarray(value).astype(np.int64).item()
        return True
    return False


def _widen_small_integers(hdf5: Any) -> bool:
    """Count sizes in 64 bits, as numpy 1 did: an int8 and a Python int made an int64.

    With numpy 2 they make an int8, which wraps or raises: a convolution over 200 pixels fails, one
    over 100 with a padding of 20 would come out wrong.
    """
    if (np.int8(1) + 1).dtype == np.int64:
        return False
    read = hdf5.NetDict.__getitem__
    utils: Any = importlib.import_module("lava.proc.conv.utils")
    stock = utils.conv

    def getitem(self: Any, key: Any) -> Any:
        value = read(self, key)
        if isinstance(value, np.integer) or (isinstance(value, np.ndarray) and key in SIZES):
            return value.astype(np.int64)
        return value

    def conv(input_: Any, weight: Any, *sizes: Any) -> Any:
        return stock(input_, weight, *(np.asarray(size).astype(np.int64) for size in sizes))

    hdf5.NetDict.__getitem__, utils.conv = getitem, conv
    return True
