"""NIR files, read and written without the package ``nir``.

That package fills in fields that a file does not have (``v_reset``), refuses scalars that others
write, and exists in versions whose files the other does not read; what is in the file is what
counts here. The layout is that of ``nir.write`` 1.0.8: ``node/nodes/NAME/FIELD`` and
``node/edges``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from loihi_sca import hdf5_files
from loihi_sca.errors import NetworkError
from loihi_sca.exchange.nir_graph import NirGraph, NirNode
from loihi_sca.files import atomic_path
from loihi_sca.netx import access, in_memory

MAX_NODES = 10_000
"""A graph that claims more nodes or edges is not a network that a chip could hold."""

MAX_TOTAL_BYTES = 1 << 32
"""Nor is one whose fields unpack to more."""

COMPRESSED_FROM = 4096
"""Bytes from which on an array is compressed; the smallest chunk costs more than it saves."""


def read_graph(path: Path) -> NirGraph:
    """Read a file.

    Raises
    ------
    NetworkError
        It is not there, no HDF5, no NIR, or damaged.
    """
    with hdf5_files.network_in(path, "NIR") as file:
        return _read(file)


def _read(file: h5py.File) -> NirGraph:
    root = access.group(file, "node", "the file", kind="NIR graph")
    budget = _Budget()
    kind = budget.value(access.dataset(root, "type"))
    if kind != "NIRGraph":
        raise NetworkError(f"node/type is {kind!r}, not 'NIRGraph': a file of one node alone.")
    groups = access.group(root, "nodes", "group 'node'", kind="NIR graph")
    pairs = np.asarray(budget.value(access.dataset(root, "edges")))
    if max(len(groups), len(pairs)) > MAX_NODES:
        raise NetworkError(
            f"{len(groups)} nodes and {len(pairs)} edges, more than {MAX_NODES}: damaged."
        )
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise NetworkError(f"node/edges has shape {pairs.shape}, expected (edges, 2).")
    version = file.get("version")
    return NirGraph(
        nodes={name: _read_node(name, groups, budget) for name in groups},
        edges=tuple((_text(a), _text(b)) for a, b in pairs),
        version=str(budget.value(version)) if isinstance(version, h5py.Dataset) else "",
        metadata=_read_fields(root["metadata"], budget) if "metadata" in root else {},
    )


def _read_node(name: str, groups: h5py.Group, budget: _Budget) -> NirNode:
    group = access.group(groups, name, "group 'node/nodes'", kind="NIR graph")
    kind = budget.value(access.dataset(group, "type"))
    metadata = _read_fields(group["metadata"], budget) if "metadata" in group else {}
    # nodes of a graph within the graph: its type is refused, so that what it holds does not matter
    fields = {} if kind == "NIRGraph" else _read_fields(group, budget, skip=("type", "metadata"))
    return NirNode(name, str(kind), fields, metadata)


def _read_fields(group: h5py.Group, budget: _Budget, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return fields; a group where a field should be is None, which no field is."""
    return {
        key: budget.value(group[key]) if isinstance(group.get(key), h5py.Dataset) else None
        for key in group
        if key not in skip
    }


class _Budget:
    """Reads fields until they are more than a network can be."""

    def __init__(self) -> None:
        self.left = MAX_TOTAL_BYTES

    def value(self, dataset: h5py.Dataset) -> Any:
        self.left -= int(dataset.nbytes)
        if self.left < 0:
            raise NetworkError(f"its fields unpack to more than {MAX_TOTAL_BYTES} bytes: damaged.")
        value = access.plain(access.raw(dataset))
        array = np.asarray(value)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NetworkError(f"field {dataset.name!r} holds NaN or infinity.")
        if isinstance(value, np.ndarray) and value.dtype.kind not in "biufOS":
            raise NetworkError(f"field {dataset.name!r} holds {value.dtype}, not numbers.")
        return value


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write_graph(graph: NirGraph, path: str | Path) -> None:
    """Write a graph atomically; the same graph gives the same bytes, nodes and edges in order.

    Raises
    ------
    InputError
        The path cannot be written. What was there before is still there.
    """

    def fill(file: h5py.File) -> None:
        _put(file, "version", graph.version)
        root = file.create_group("node", track_order=False)
        _put(root, "type", "NIRGraph")
        root.create_dataset("edges", data=np.array(graph.edges, dtype=np.bytes_))
        for key, value in graph.metadata.items():
            _put(root, f"metadata/{key}", value)
        for node in graph.nodes.values():
            group = root.create_group(f"nodes/{node.name}")
            _put(group, "type", node.type)
            for key, value in node.fields.items():
                _put(group, key, value)

    image = in_memory.image(fill)
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def _put(group: h5py.Group, key: str, value: Any) -> None:
    if isinstance(value, str):
        # of fixed length: where bytes are damaged, HDF5 crashes on those of variable length
        group.create_dataset(key, data=np.bytes_(value.encode("ascii")))
    elif isinstance(value, np.ndarray) and value.nbytes >= COMPRESSED_FROM:
        group.create_dataset(key, data=value, compression="gzip")
    else:
        group.create_dataset(key, data=value)
