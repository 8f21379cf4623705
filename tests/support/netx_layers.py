"""Layers as lava-dl and slayerPytorch write them, and a file of them."""

from __future__ import annotations

import h5py
import numpy as np

RNG = np.random.default_rng(0)
CUBA_NEURON = {
    "type": b"CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1,
    "gradedSpike": False,
}  # fmt: skip
LOIHI_NEURON = {
    "type": b"LOIHI", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1, "wgtExp": 0,
    "theta": 5120, "tauRho": 0.1, "scaleRho": 0.5,
}  # fmt: skip
SDNN_NEURON = {"type": b"SDNN", "activation": b"relu", "vThMant": 6}
RF_NEURON = {
    "type": b"RF_PHASE", "sinDecay": 2287, "cosDecay": 3148, "vThMant": 64, "gradedSpike": False,
}  # fmt: skip


def weights(*shape):
    return (2.0 * RNG.integers(-60, 60, shape)).astype(np.float32)


def dense(n_in, n_out, neuron=CUBA_NEURON, kind=b"dense", **more):
    return {
        "type": [kind], "shape": [n_out, 1, 1], "inFeatures": n_in, "outFeatures": n_out,
        "weight": weights(n_out, n_in), "neuron": neuron, **more,
    }  # fmt: skip


def window(kind, channels, **more):
    """Return a layer that takes (2, 6, 5) with a stride of (2, 1) and a padding of (1, 0)."""
    sizes = {} if kind == b"pool" else {"inChannels": 2, "outChannels": channels, "groups": 1}
    return {
        "type": [kind], "shape": [channels, 3, 4], "kernelSize": [3, 2], "stride": [2, 1],
        "padding": [1, 0], "dilation": [1, 1], "neuron": CUBA_NEURON, **sizes, **more,
    }  # fmt: skip


FILES = {
    "dense": [
        {"type": [b"input"], "shape": [5]},
        dense(5, 4, bias=np.arange(4.0), delay=np.arange(4.0)),
        dense(4, 3, neuron=LOIHI_NEURON, weight=weights(3, 4)),
    ],
    "old": [
        {"type": [b"input"], "shape": [1, 1, 6]},
        {"type": [b"flatten"], "shape": [6, 1, 1]},
        dense(6, 8, neuron=LOIHI_NEURON),
        {"type": [b"average"], "shape": [4, 1, 1]},
    ],
    "conv": [
        {"type": [b"input"], "shape": [2, 6, 5], "weight": [36.0], "bias": [34.0],
         "neuron": CUBA_NEURON},
        window(b"conv", 4, weight=weights(4, 2, 3, 2), bias=np.arange(4.0), delay=np.arange(4.0)),
    ],
    "pool": [
        {"type": [b"input"], "shape": [2, 6, 5]},
        window(b"pool", 2, weight=np.full((1, 1, 3, 2, 1), 64.0)),
    ],
    "recurrent": [
        dense(5, 4, kind=b"dense_rec", weight_rec=weights(4, 4), bias=np.arange(4.0)),
        dense(4, 3, kind=b"recurrent", neuron=LOIHI_NEURON, recWeight=weights(3, 3)),
    ],
    "sigma-delta": [
        {"type": [b"input"], "shape": [5], "neuron": SDNN_NEURON},
        dense(5, 4, neuron={**SDNN_NEURON, "sigma_output": True}, delay=np.arange(4.0)),
    ],
    "resonator": [
        {**dense(5, 4, neuron=RF_NEURON), "weight": {"real": weights(4, 5), "imag": weights(4, 5)}},
    ],
}  # fmt: skip
"""One file for each way in which lava-dl and slayerPytorch write layers."""


def write(path, layers, **top):
    def put(group, values):
        for key, value in values.items():
            if isinstance(value, dict):
                put(group.create_group(key), value)
            else:
                group[key] = np.bytes_(value) if isinstance(value, bytes) else np.asarray(value)

    with h5py.File(path, "w") as file:
        put(file, {"simulation": {"Ts": 1, "tSample": 20}, **top})
        for index, layer in enumerate(layers):
            put(file.create_group(f"layer/{index}"), layer)
    return path


def as_others_write(folder):
    """Return a file with all that lava-dl and slayerPytorch write beside plain layers."""
    cuba = {"type": b"LOIHI", "iDecay": 9, "vDecay": 8, "vThMant": 7, "refDelay": 1, "wgtExp": 0,
            "theta": 448, "tauRho": 0.5, "scaleRho": 1.0, "weight_exp": [0.0]}  # fmt: skip
    layers = [
        {"type": [b"input"], "shape": [1, 6, 4]},
        {"type": [b"pool"], "shape": [1, 3, 2], "kernelSize": [2, 2], "stride": [2, 2],
         "padding": [0, 0], "dilation": [1, 1], "weight": np.full((1, 1, 2, 2, 1), 64.0)},
        {"type": [b"flatten"], "shape": [6, 1, 1]},
        {"type": [b"recurrent"], "shape": [3, 1, 1], "inFeatures": 6, "outFeatures": 3,
         "weight": np.ones((3, 6)), "recWeight": np.ones((3, 3)), "delay": np.ones(3)},
        {"type": [b"dense"], "shape": [4], "weight/real": np.ones((4, 3)),
         "weight/imag": np.ones((4, 3))},
        {"type": [b"dense"], "shape": [2], "weight": np.ones(8), "inFeatures": 4},
        {"type": [b"average"], "shape": [1]},
    ]  # fmt: skip
    resonator = {"type": b"RF_PHASE", "sinDecay": 9, "cosDecay": 8, "vThMant": 7}
    neurons = {1: cuba, 3: cuba, 4: resonator, 5: {"type": b"SDNN", "vThMant": 6}}
    with h5py.File(folder / "others.net", "w") as file:
        for index, layer in enumerate(layers):
            for key, value in layer.items():
                file[f"layer/{index}/{key}"] = value
            for key, value in neurons.get(index, {}).items():
                file[f"layer/{index}/neuron/{key}"] = (
                    np.bytes_(value) if isinstance(value, bytes) else value
                )
    return (folder / "others.net").read_bytes()
