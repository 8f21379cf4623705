"""NIR files as others write them, made without the package ``nir``: any field may be left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Node = dict[str, Any]


def write(
    path: Path, nodes: Mapping[str, Node], edges: Iterable[tuple[str, str]] | None = None
) -> Path:
    """Write nodes, {"type": ..., field: value}; by default they are a chain in this order."""
    names = list(nodes)
    pairs = list(itertools.pairwise(names)) if edges is None else list(edges)
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
        file["node/type"] = "NIRGraph"
        file.create_dataset("node/edges", data=pairs, dtype=h5py.string_dtype())
        for name, node in nodes.items():
            for key, value in node.items():
                file[f"node/nodes/{name}/{key}"] = value
    return path


def input_(*shape: int) -> Node:
    return {"type": "Input", "shape": np.array(shape)}


def output(*shape: int) -> Node:
    return {"type": "Output", "shape": np.array(shape)}


def linear(weight: Any, bias: Any = None) -> Node:
    if bias is None:
        return {"type": "Linear", "weight": np.asarray(weight)}
    return {"type": "Affine", "weight": np.asarray(weight), "bias": np.asarray(bias)}


def conv(weight: Any, **changes: Any) -> Node:
    weight = np.asarray(weight)
    fields = {
        "weight": weight, "bias": np.zeros(len(weight)), "stride": (1, 1), "padding": (0, 0),
        "dilation": (1, 1), "groups": 1, "input_shape": (1, 1),
    }  # fmt: skip
    return {"type": "Conv2d", **fields, **changes}


def lif(threshold: Any = 1.0, tau: Any = 10.0, dt: float = 1e-4, **changes: Any) -> Node:
    """Return a LIF whose time constant is in time steps, as snnTorch writes it."""
    tau = np.asarray(tau, float)
    zero = np.zeros_like(tau)
    fields = {
        "tau": tau * dt, "r": tau, "v_leak": zero, "v_threshold": np.asarray(threshold, float),
        "v_reset": zero,
    }  # fmt: skip
    return _without({"type": "LIF", **fields, **changes})


def cuba(
    threshold: Any = 1.0, tau_mem: float = 10.0, tau_syn: float = 5.0, dt: float = 1e-4,
    **changes: Any,
) -> Node:  # fmt: skip
    """Return a CubaLIF in time steps, with the gain of snnTorch."""
    fields = {
        "tau_mem": tau_mem * dt, "tau_syn": tau_syn * dt, "r": tau_mem, "w_in": tau_syn,
        "v_leak": 0.0, "v_threshold": threshold, "v_reset": 0.0,
    }  # fmt: skip
    return _without({"type": "CubaLIF", **fields, **changes})


def pool(kind: str, kernel: Any, stride: Any = None, padding: Any = 0) -> Node:
    stride = kernel if stride is None else stride
    return {
        "type": kind, "kernel_size": np.asarray(kernel), "stride": np.asarray(stride),
        "padding": np.asarray(padding),
    }  # fmt: skip


def flatten(start: int = 0) -> Node:
    return {"type": "Flatten", "start_dim": start, "end_dim": -1}


def one_layer(path: Path, weight: Any, neuron: Node, **synapses: Any) -> Path:
    """Write a graph of one dense layer with these neurons."""
    weight = np.asarray(weight, float)
    nodes = {"input": input_(weight.shape[1]), "fc": linear(weight, **synapses), "lif": neuron}
    return write(path, {**nodes, "output": output(len(weight))})


def _without(node: Node) -> Node:
    return {key: value for key, value in node.items() if value is not None}
