"""Read a NIR file: ours bit for bit, those of others quantised with a report of what changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from loihi_sca.errors import ConfigError, LoihiScaError, NetworkError
from loihi_sca.exchange import own
from loihi_sca.exchange.imported import Change, Imported
from loihi_sca.exchange.measure import measure
from loihi_sca.exchange.neurons import Reading, require_dt
from loihi_sca.exchange.nir_export import as_graph as graph_of
from loihi_sca.exchange.nir_file import read_graph
from loihi_sca.exchange.nir_graph import NirGraph, chain_of, same_value
from loihi_sca.exchange.quantise import problems_of, quantise, quantise_readout
from loihi_sca.exchange.tools import TOOLS, NirTool, find_tool
from loihi_sca.exchange.walk import FloatNetwork, walk
from loihi_sca.hdf5_files import DAMAGE
from loihi_sca.network import Input, Network, Shape


def read_nir(
    path: str | os.PathLike[str],
    *,
    tool: NirTool = "nir",
    dt: float | None = None,
    reset: str | None = None,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
    as_graph: bool = False,
    data: npt.NDArray[Any] | None = None,
) -> Imported:
    """Read a NIR file.

    What :func:`loihi_sca.write_nir` wrote comes back bit for bit. Graphs of others are quantised
    to the chip's integers; :attr:`Imported.changes` says what became of each layer, and how many
    spikes differ from the graph in floating point.

    Parameters
    ----------
    path : path-like
        The file.
    tool : {"nir", "snntorch", "norse", "sinabs"}
        Who wrote it: NIR has no time step, and tools have habits.
    dt : float, optional
        Seconds per time step; known for tools, and for files of ours.
    reset : {"zero"}, optional
        Take neurons that subtract their threshold for ones that are reset to 0, and measure how
        many spikes differ. Else they are refused.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``, where the graph does not say it.
    timesteps : int, optional
        Steps per sample; by default what a file of ours says.
    as_graph : bool
        Read a file of ours by its nodes, as one of others: for graphs that were changed since.
    data : array (N, *in_shape, T), optional
        Spikes on which to compare with the graph; random ones by default.

    Raises
    ------
    NetworkError
        The file is not there, no NIR, or damaged, or was changed since we wrote it.
    UnsupportedLayer
        The graph has cycles, branches, or nodes that the chip has nothing for, all by name; or its
        neurons are not reset to 0.
    ConfigError
        The time step is not known, or an option is none.
    InputError
        The data do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import loihi_sca
    >>> from loihi_sca.network import Cuba, Dense, Network
    >>> weight = np.full((10, 64), 2, np.int32)
    >>> output = Dense("output", (1, 8, 8), weight, neuron=Cuba(4096, 0, 60))
    >>> network = Network("tiny", (output,), timesteps=4)
    >>> loihi_sca.write_nir(network, "tiny.nir", tool="snntorch")
    ()
    >>> loihi_sca.read_nir("tiny.nir").exact
    True
    >>> loihi_sca.read_nir("tiny.nir", as_graph=True).changes[0].changed_weights
    0
    """
    path = Path(path)
    if reset not in (None, "zero"):
        raise ConfigError(f"reset {reset!r}: 'zero', or nothing.")
    known = find_tool(tool)
    graph = read_graph(path)
    try:
        if own.is_ours(graph) and not as_graph:
            return _read_own(graph, timesteps)
        if own.is_ours(graph):
            written_for, written_dt = own.settings(graph)
            # what we write for Norse it reads as it stands; its own files are another matter
            known = TOOLS["sinabs"] if written_for == "sinabs" else TOOLS["nir"]
            dt = written_dt if dt is None else dt
        reading = Reading(known, require_dt(known, dt), zero_reset=reset == "zero")
        return _quantised(path.stem, walk(chain_of(graph), reading, input_shape), reading,
                          timesteps, data)  # fmt: skip
    except LoihiScaError as error:
        raise _about(path, error) from error
    except DAMAGE as error:
        raise NetworkError(f"{path}: damaged NIR file ({error}).") from error


def _about(path: Path, error: LoihiScaError) -> LoihiScaError:
    """Return an error with the file before it."""
    return type(error)(f"{path}: {error}") if not isinstance(error, ConfigError) else error


def _read_own(graph: NirGraph, timesteps: int | None) -> Imported:
    """Return the network that a graph of ours says it is, if its nodes still say the same."""
    network = own.network_of(graph)
    tool, dt = own.settings(graph)
    _require_unchanged(graph, graph_of(network, find_tool(tool), dt))
    if timesteps is not None:
        network = network.replace(timesteps=timesteps)
    return Imported.of(network, exact=True, dt=dt)


def _require_unchanged(graph: NirGraph, written: NirGraph) -> None:
    changed = [
        f"{node}: {key}"
        for name, node in written.nodes.items()
        for key, value in node.fields.items()
        if name not in graph.nodes
        or graph.nodes[name].type != node.type
        or key not in graph.nodes[name].fields
        or not same_value(graph.nodes[name].fields[key], value)
    ]
    changed += [f"node {name!r} is new" for name in graph.nodes if name not in written.nodes]
    if set(graph.edges) != set(written.edges):
        changed.append("its edges")
    if changed:
        shown = "; ".join(changed[:5]) + ("; ..." if len(changed) > 5 else "")
        raise NetworkError(
            f"the graph was changed since loihi-sca wrote it ({shown}), and the integers in its "
            "metadata are those of before. Read the nodes: as_graph=True, --as-graph."
        )


def _quantised(
    name: str, found: FloatNetwork, reading: Reading, timesteps: int | None, data: Any
) -> Imported:
    layers, changes = [], []
    for layer in found.layers:
        made, change = quantise(layer)
        layers.append(made)
        changes.append(change)
    readout, said = quantise_readout(found.readout)
    network = Network(
        name, (Input("input", found.in_shape), *_unique(layers)), timesteps=timesteps,
        readout=readout,
    )  # fmt: skip
    measured = measure(network, found.layers, data)
    changes = [
        replace(change, spikes_differ=differ, spikes=spikes)
        for change, (differ, spikes) in zip(changes, measured.layers, strict=True)
    ]
    notes = [*found.notes, *problems_of(tuple(changes)), *said, *measured.notes]
    if reading.tool.name == "snntorch":
        notes.append(
            "snnTorch writes v_reset 0 for neurons that subtract their threshold too, its default; "
            "if yours do, spikes differ more than is said here"
        )
    return Imported.of(
        network, dt=reading.dt, changes=tuple(changes), notes=tuple(notes),
        compared=measured.compared,
    )  # fmt: skip


def _unique(layers: list[Any]) -> list[Any]:
    """Rename a layer that is called as the input is."""
    return [replace(x, name=f"{x.name}_layer") if x.name == "input" else x for x in layers]


__all__ = ["Change", "Imported", "read_nir"]
