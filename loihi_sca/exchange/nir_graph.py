"""A graph of the Neuromorphic Intermediate Representation (NIR) as it stands in its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.problems import Problem, raise_for

Edge: TypeAlias = tuple[str, str]

NEURONS = ("LIF", "CubaLIF", "IF")
SYNAPSES = ("Linear", "Affine", "Conv2d")
READOUTS = ("LI", "CubaLI")
POOLS = ("SumPool2d", "AvgPool2d")

_LEAKY = "r v_leak"
_FIRES = "v_threshold v_reset"
KNOWN = {
    "LIF": f"tau {_LEAKY} {_FIRES}",
    "CubaLIF": f"tau_mem tau_syn w_in {_LEAKY} {_FIRES}",
    "IF": f"r {_FIRES}",
    "LI": f"tau {_LEAKY}",
    "CubaLI": f"tau_mem tau_syn w_in {_LEAKY}",
    "Linear": "weight",
    "Affine": "weight bias",
    "Conv2d": "input_shape weight bias stride padding dilation groups",
    "SumPool2d": "kernel_size stride padding",
    "AvgPool2d": "kernel_size stride padding",
    "Input": "shape",
    "Output": "shape",
    "Flatten": "input_type start_dim end_dim",
    "Scale": "scale",
    "Delay": "delay",
}
"""Types of nodes that are understood, with their fields; any other might change what they do."""

INSTEAD = {
    "NIRGraph": "Graphs within graphs are what tools write for recurrent layers; see there.",
    "Conv1d": "Write it as Conv2d with a height of 1.",
    "I": "It integrates and never spikes; as a read-out write LI.",
    "Threshold": "Write LIF or IF, which fire by themselves.",
}
"""What to do about types that one may well meet."""


@dataclass(frozen=True)
class NirNode:
    """One node.

    Attributes
    ----------
    name, type : str
    fields : mapping of str to array, number or str
        As in the file, without the type. A field that is absent is absent here: what the
        package ``nir`` would fill in is not known to be true.
    metadata : mapping of str to array, number or str
    """

    name: str
    type: str
    fields: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.type})"


@dataclass(frozen=True)
class NirGraph:
    """Nodes and edges.

    Attributes
    ----------
    nodes : mapping of str to NirNode
    edges : tuple of (str, str)
    version : str
        Of the package that wrote it, or that we write for.
    metadata : mapping of str to array, number or str
    """

    nodes: Mapping[str, NirNode]
    edges: tuple[Edge, ...]
    version: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def chain_of(graph: NirGraph) -> tuple[NirNode, ...]:
    """Return the nodes from Input to Output, in the order of the edges and not of the names.

    Raises
    ------
    UnsupportedLayer
        Nodes of unknown types, cycles, branches, nodes on their own: all of them, by name.
    """
    problems = [*_unknown_nodes(graph), *_bad_edges(graph)]
    if not problems:
        problems = [*_cycles(graph), *_branches(graph)]
    raise_for(problems)
    after = dict(graph.edges)
    [first] = set(graph.nodes) - set(after.values())
    order = [first]
    while order[-1] in after:
        order.append(after[order[-1]])
    return tuple(graph.nodes[name] for name in order)


def _unknown_nodes(graph: NirGraph) -> Iterator[Problem]:
    for node in graph.nodes.values():
        if node.type not in KNOWN:
            instead = INSTEAD.get(node.type, "")
            yield Problem(
                str(node), f"a node of type {node.type} is not supported",
                f"{instead} Supported are {', '.join(KNOWN)}.".strip(),
            )  # fmt: skip
            continue
        for key in sorted(set(node.fields) - set(KNOWN[node.type].split())):
            yield Problem(
                str(node), f"its field {key!r} is not known, and may change what it does",
                f"Known are {', '.join(KNOWN[node.type].split())}.",
            )  # fmt: skip


def _bad_edges(graph: NirGraph) -> Iterator[Problem]:
    for edge in graph.edges:
        for name in edge:
            if name not in graph.nodes:
                yield Problem(
                    f"edge {edge[0]!r} -> {edge[1]!r}", f"there is no node {name!r}",
                    f"There are {', '.join(map(repr, sorted(graph.nodes)[:20]))}.",
                )  # fmt: skip
    for edge in sorted({e for e in graph.edges if graph.edges.count(e) > 1}):
        yield Problem(
            f"edge {edge[0]!r} -> {edge[1]!r}", "it is there twice, so that its spikes count twice",
            "Delete one, and double the weights if that is what is meant.",
        )  # fmt: skip


def _cycles(graph: NirGraph) -> Iterator[Problem]:
    """Take away what has nothing before it until nothing goes; do the same from the end."""
    left = set(graph.nodes)
    edges = set(graph.edges)
    for end in (1, 0):
        while free := left - {edge[end] for edge in edges}:
            left -= free
            edges = {e for e in edges if e[0] in left and e[1] in left}
    if left:
        names = ", ".join(f"{name!r} ({graph.nodes[name].type})" for name in sorted(left))
        yield Problem(
            "the graph", f"these nodes form a cycle: {names}",
            "Recurrent layers come back from files of ours only; of others, train without them.",
        )  # fmt: skip


def _branches(graph: NirGraph) -> Iterator[Problem]:
    for end, what in ((0, "sends to"), (1, "receives from")):
        for name, node in graph.nodes.items():
            others = sorted(edge[1 - end] for edge in graph.edges if edge[end] == name)
            if len(others) > 1:
                yield Problem(
                    str(node), f"{what} {', '.join(map(repr, others))}, and networks are chains",
                    "Branches, sums and skips come back from files of ours only.",
                )  # fmt: skip
    starts = sorted(set(graph.nodes) - {edge[1] for edge in graph.edges})
    if len(starts) > 1:
        yield Problem(
            "the graph", f"nothing leads to {', '.join(map(repr, starts))}",
            "A network has one input; connect or delete the others.",
        )  # fmt: skip
    if not graph.nodes:
        raise UnsupportedLayer("the graph has no nodes")


def same_value(a: Any, b: Any) -> bool:
    """Tell whether two fields say the same, whatever their types; floats up to rounding."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    one, other = np.asarray(a), np.asarray(b)
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "iub" and other.dtype.kind in "iub":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=1e-5, atol=0))
