"""Loihi 1: the fewest cores for a whole chain of layers, with out-axons coupling neighbours.

The cuts of neighbouring layers cannot be chosen apart: a core's output axons are its neurons times
the cores they reach, which the next layer's cut decides. For a chain the best choice is found
exactly by dynamic programming over candidate tilings.

Tile edges are powers of two or the whole axis. That keeps the candidates few and is what the
published map (DVS-gesture, SNN-Toolbox/NxTF) consists of.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from loihi_sca.hardware.mapping.memory import CoreBudget
from loihi_sca.hardware.mapping.tiling import Counts, Tiling, axes_of, sum_by_tile
from loihi_sca.hardware.mapping.usage import (
    connections,
    largest_read_neurons,
    largest_words,
)
from loihi_sca.hardware.shapes import Geometry

SPREAD = 4
"""A layer may take this many times its fewest cores, if its neighbour saves more by that."""

MOST_CANDIDATES = 1 << 6
"""Tilings that are looked at per layer."""

CORE = 1 << 25
VIOLATION = 1 << 41
"""Weights of the cost: one axon or word over a limit outweighs any number of cores, one core any
number of output axons."""


class Candidates(NamedTuple):
    """Ways to cut one layer that keep its own limits, or the nearest to that.

    Attributes
    ----------
    tilings : tuple of Tiling
    cores : int array (candidates,)
    excess : int array (candidates,)
        By how much limits are broken; zero but for layers that cannot fit.
    """

    tilings: tuple[Tiling, ...]
    cores: Counts
    excess: Counts


@lru_cache(maxsize=1 << 10)
def tile_chain(geometries: tuple[Geometry, ...], budget: CoreBudget) -> tuple[Tiling, ...]:
    """Return the tilings of a chain of layers that together take the fewest cores.

    Breaking a limit comes first in the cost, then cores, then output axons: a layer that cannot fit
    is cut as far as it goes, and the rules say what is wrong.
    """
    options = [candidates(geometry, budget) for geometry in geometries]
    # best[i] is the cost of everything behind the layer, given its candidate i
    best = _own_cost(options[-1])
    choices: list[Counts] = []
    for at in range(len(geometries) - 2, -1, -1):
        out = out_axons(geometries[at], options[at], geometries[at + 1], options[at + 1])
        cost = _coupled_cost(out, budget) + best[None, :]
        choice = cost.argmin(axis=1)
        choices.append(choice)
        best = _own_cost(options[at]) + cost[np.arange(len(choice)), choice]
    picked = [int(best.argmin())]
    for choice in reversed(choices):
        picked.append(int(choice[picked[-1]]))
    return tuple(o.tilings[p] for o, p in zip(options, picked, strict=True))


@lru_cache(maxsize=1 << 12)
def candidates(geometry: Geometry, budget: CoreBudget) -> Candidates:
    """Return the ways to cut one layer, fewest cores first."""
    if geometry.kind == "port":
        whole = (Tiling(*geometry.out_shape),)
        return Candidates(whole, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    options = _tilings(geometry, budget)
    bound = _fewest_by_memory(geometry, budget)
    kept: list[tuple[int, Tiling]] = []
    for cores, tiling in options:
        if cores < bound:
            continue
        if len(kept) == MOST_CANDIDATES or (kept and cores > SPREAD * (kept[0][0] + 1)):
            break
        if _fits(geometry, tiling, budget):
            kept.append((cores, tiling))
    excess = 0
    if not kept:
        excess, at = min((_excess(geometry, t, budget), i) for i, (_, t) in enumerate(options))
        kept = [options[at]]
    cores_of, tilings = zip(*kept, strict=True)
    return Candidates(tilings, np.array(cores_of), np.full(len(kept), excess, dtype=np.int64))


@lru_cache(maxsize=1 << 16)
def fewest_cores(geometry: Geometry, budget: CoreBudget) -> Tiling:
    """Return the cut with the fewest cores of one layer by itself."""
    bound = _fewest_by_memory(geometry, budget)
    for cores, tiling in _tilings(geometry, budget):
        if cores >= bound and _fits(geometry, tiling, budget):
            return tiling
    return candidates(geometry, budget).tilings[0]


def _fewest_by_memory(geometry: Geometry, budget: CoreBudget) -> int:
    """Return cores that the bare bits of the synapses fill: no tiling with fewer can fit."""
    bits = sum(
        connections(table) * min(map(budget.stored_bits, table.bits), default=0)
        for table in geometry.tables
    )
    return -(-bits // (budget.synapse_words * budget.word_bits))


def _fits(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> bool:
    return (
        largest_read_neurons(geometry, tiling) <= budget.in_axons
        and largest_words(geometry, tiling, budget) <= budget.synapse_words
    )


def _tilings(geometry: Geometry, budget: CoreBudget) -> list[tuple[int, Tiling]]:
    """Return the tilings that the compartments allow with their cores, fewest cores first."""
    cap = budget.neurons_per_core(geometry.neuron)
    channels, height, width = geometry.out_shape
    if geometry.kind == "dense":
        fewest = -(-channels // cap)
        most = min(channels, SPREAD * fewest + MOST_CANDIDATES)
        sizes = {-(-channels // n) for n in range(fewest, most + 1)} | set(_edges(channels, cap))
        found = [Tiling(n, 1, 1) for n in sizes]
    else:
        found = [
            Tiling(c, r, w)
            for c in _edges(channels, cap)
            for r in _edges(height, cap // c)
            for w in _edges(width, cap // (c * r))
        ]
    return sorted(((t.cores(geometry.out_shape), t) for t in found), key=_fewest_then_widest)


def _fewest_then_widest(option: tuple[int, Tiling]) -> tuple[int, int, int, int]:
    cores, tiling = option
    return cores, -tiling.columns, -tiling.rows, -tiling.channels


def _edges(length: int, at_most: int) -> list[int]:
    """Return the powers of two below a length and the length itself, none above a maximum."""
    powers = [1 << i for i in range((length - 1).bit_length())]
    return [edge for edge in (*powers, length) if edge <= at_most]


def _excess(geometry: Geometry, tiling: Tiling, budget: CoreBudget) -> int:
    """Return by how many axons and words the fullest core exceeds its limits, 0 if it fits."""
    in_axons = largest_read_neurons(geometry, tiling)
    words = largest_words(geometry, tiling, budget)
    return max(0, in_axons - budget.in_axons) + max(0, words - budget.synapse_words)


def out_axons(
    geometry: Geometry, options: Candidates, following: Geometry, next_options: Candidates
) -> Counts:
    """Return the output axons of the fullest core, (candidates, candidates of the next layer)."""
    own = options.tilings
    if geometry.kind == "port":
        return np.zeros((len(own), len(next_options.tilings)), dtype=np.int64)
    if following.kind != "conv":
        neurons = np.array([_product(t) for t in own])
        return np.multiply.outer(neurons, next_options.cores)
    total = np.ones((len(own), len(next_options.tilings)), dtype=np.int64)
    for axis in range(3):
        edges = np.array([t[axis] for t in own])
        next_edges = np.array([t[axis] for t in next_options.tilings])
        table = _axis_table(following, axis, tuple(np.unique(edges)), tuple(np.unique(next_edges)))
        total *= table[
            np.searchsorted(np.unique(edges), edges)[:, None],
            np.searchsorted(np.unique(next_edges), next_edges)[None, :],
        ]
    return total


@lru_cache(maxsize=1 << 12)
def _axis_table(
    following: Geometry, axis: int, edges: tuple[int, ...], next_edges: tuple[int, ...]
) -> Counts:
    """Return, per own and next tile edge, the destinations of the fullest tile along one axis."""
    whole = list(following.out_shape)
    table = np.empty((len(edges), len(next_edges)), dtype=np.int64)
    for j, next_edge in enumerate(next_edges):
        tiling = Tiling(*(next_edge if i == axis else n for i, n in enumerate(whole)))
        readers = axes_of(following, tiling)[axis].readers
        for i, edge in enumerate(edges):
            table[i, j] = sum_by_tile(readers, edge).max()
    return table


def _own_cost(options: Candidates) -> Counts:
    cost: Counts = options.excess * VIOLATION + options.cores * CORE
    return cost


def _coupled_cost(out: Counts, budget: CoreBudget) -> Counts:
    limit = budget.out_axons or 0
    cost: Counts = np.maximum(out - limit, 0) * VIOLATION + np.minimum(out, limit)
    return cost


def _product(tiling: Tiling) -> int:
    return tiling.channels * tiling.rows * tiling.columns
