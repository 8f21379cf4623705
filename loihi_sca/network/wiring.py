"""Which layer hears which: what makes a network a graph, and when spikes arrive in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loihi_sca.errors import NetworkError
from loihi_sca.network.dense import ComplexDense, Dense
from loihi_sca.network.layers import Input, Layer, OtherLayer

RELAY = "~"
"""Between the name of a layer and the steps after which a relay repeats it."""


def relay_name(source: str, steps: int) -> str:
    """Return the name of the layer that repeats another so many steps later."""
    return f"{source}{RELAY}{steps}"


def repeated_by(name: str) -> str | None:
    """Return the name of the layer that a relay repeats, None for what is no relay's name."""
    source, _, steps = name.rpartition(RELAY)
    return source if source and steps.isdecimal() else None


@dataclass(frozen=True)
class Link:
    """One table of synapses, and whose spikes it weighs.

    Attributes
    ----------
    table : Layer
        The layer itself, or one of its :attr:`Layer.added`.
    source : int or None
        Place of the layer that sends; None for the input of the network.
    hold : int
        Timesteps by which spikes must be held back on their way to arrive together with those of
        the layer's longest way.
    """

    table: Layer
    source: int | None
    hold: int


@dataclass(frozen=True)
class Wiring:
    """All links of a network.

    Attributes
    ----------
    links : tuple of tuple of Link
        Of each layer, its own table first.
    depths : tuple of int
        Per layer, the synapses on the longest way to it: the step at which the first spike of a
        sample can arrive on the chip.
    ended : tuple of tuple of int or None
        Per layer, those (None: the input) that nobody hears any more once it has run.
    heads : tuple of int
        The layers that no other hears; the last is the network's output.
    """

    links: tuple[tuple[Link, ...], ...]
    depths: tuple[int, ...]
    ended: tuple[tuple[int | None, ...], ...]
    heads: tuple[int, ...]

    @property
    def is_chain(self) -> bool:
        """Whether every layer hears the one before it, and no other."""
        return all(
            len(links) == 1 and links[0].source == (i - 1 if i else None)
            for i, links in enumerate(self.links)
        )

    def listeners(self, index: int) -> tuple[tuple[int, int], ...]:
        """Return who hears a layer: pairs of a layer and which of its tables."""
        return tuple(
            (i, k)
            for i, links in enumerate(self.links)
            for k, link in enumerate(links)
            if link.source == index
        )


def wire(name: str, layers: Sequence[Layer]) -> Wiring:
    """Find the links of a network's layers.

    Raises
    ------
    NetworkError
        A table names no earlier layer, or one of another shape.
    """
    places = {layer.name: i for i, layer in enumerate(layers)}
    links: list[tuple[Link, ...]] = []
    depths: list[int] = []
    for index, layer in enumerate(layers):
        sources = [_source(name, table, index, places) for table in layer.tables]
        for table, source in zip(layer.tables, sources, strict=True):
            before = layers[0].in_shape if source is None else layers[source].out_shape
            told = "the input" if source is None else f"{layers[source].name} before it"
            if not _fits(before, table) or (isinstance(table, Input) and index):
                raise NetworkError(
                    f"{table.name} takes {table.in_shape}, but {told} gives {before}."
                )
        reached = [0 if source is None else depths[source] for source in sources]
        depths.append(0 if isinstance(layer, Input) else max(reached) + 1)
        links.append(
            tuple(
                Link(table, source, max(reached) - at)
                for table, source, at in zip(layer.tables, sources, reached, strict=True)
            )
        )
    last_use = {link.source: i for i, those in enumerate(links) for link in those}
    ended = tuple(
        tuple(j for j in (None, *range(i + 1)) if last_use.get(j, j) == i)
        for i in range(len(layers))
    )
    heads = tuple(i for i in range(len(layers)) if i not in last_use)
    return Wiring(tuple(links), tuple(depths), ended, heads)


def _source(name: str, table: Layer, index: int, places: dict[str, int]) -> int | None:
    if table.source is None:
        return index - 1 if index else None
    source = places.get(table.source)
    if source is None or source >= index:
        raise NetworkError(
            f"{table.name} hears {table.source!r}, and there is no layer of that name before it "
            f"in network {name!r}."
        )
    return source


def _fits(arriving: tuple[int, ...], table: Layer) -> bool:
    flattens = isinstance(table, Dense | ComplexDense | OtherLayer)
    return arriving == table.in_shape or (
        flattens and math.prod(arriving) == math.prod(table.in_shape)
    )
