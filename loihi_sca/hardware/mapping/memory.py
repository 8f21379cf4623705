"""What a core holds and what synapses take of it: the formulas, with every number in a budget.

A :class:`CoreBudget` is the part of a profile that decides how many cores a layer takes, as plain
integers, so that a pruner can ask many thousand times.
"""

from __future__ import annotations

import bisect
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from loihi_sca.hardware.quantity import Quantity
from loihi_sca.hardware.schema import DenseSplit, Profile, Strategy
from loihi_sca.hardware.shapes import Geometry

Size = TypeVar("Size", int, npt.NDArray[np.int64])
"""A number of synapses or neurons, or an array of them."""


class CoreBudget(NamedTuple):
    """One core's room and the cost of synapses, taken from a profile.

    ``None`` for a limit that the chip does not have. Units are those of the profile's sections
    ``limits`` and ``synapses``.
    """

    strategy: Strategy
    dense_split: DenseSplit
    dense_split_after_map: DenseSplit
    compartments: int
    synapse_words: int
    in_axons: int
    out_axons: int | None
    axon_map: int | None
    default_compartments: int
    compartments_of: tuple[tuple[str, int], ...]
    weight_bits: tuple[int, ...]
    word_bits: int
    header_bits: int
    index_bits: int
    delay_bits: int
    entry_synapses: int | None

    @property
    def shared_kernels(self) -> bool:
        """Whether a convolution's kernels are stored once per core, for all positions."""
        return self.strategy != "loihi1"

    @property
    def couples_neighbours(self) -> bool:
        """Whether what a layer takes depends on how its neighbours are cut, by output axons."""
        return self.strategy == "loihi1"

    def neurons_per_core(self, neuron: str) -> int:
        """Return how many neurons of a type the compartments of one core allow."""
        return max(1, self.compartments // self.compartments_per_neuron(neuron))

    def compartments_per_neuron(self, neuron: str) -> int:
        """Return the compartments of one neuron of a type."""
        for name, count in self.compartments_of:
            if name == neuron:
                return count
        return self.default_compartments

    def stored_bits(self, needed: int) -> int:
        """Return the bits that a weight is stored in; what does not fit is stored as it is."""
        at = bisect.bisect_left(self.weight_bits, needed)
        return self.weight_bits[at] if at < len(self.weight_bits) else needed

    def widest_bits(self, geometry: Geometry) -> int:
        """Return the bits that a layer's widest weight is stored in, 0 without weights."""
        return self.stored_bits(geometry.widest_bits) if geometry.widest_bits else 0

    def axon_words(self, synapses: Size, bits: int) -> Size:
        """Return the words of the synapses of one in-axon, ``ceil((n * bits + header) / word)``.

        Where entries are limited to some number of synapses, as many entries as needed.
        Source: nengo-loihi ``block.py`` (Loihi 1), Intel compiler tables (Loihi 2).
        """
        if self.entry_synapses is None:
            return -(-(synapses * bits + self.header_bits) // self.word_bits)
        full, rest = divmod(synapses, self.entry_synapses)
        words = full * -(-(self.entry_synapses * bits + self.header_bits) // self.word_bits)
        return words + (rest > 0) * -(-(rest * bits + self.header_bits) // self.word_bits)

    def dense_words(self, geometry: Geometry, neurons: int) -> int:
        """Return the words of a dense layer's tables for so many neurons on one core.

        ``n_pre * ceil((n_post (b + index) + header) / word)`` per table; zeros are stored.
        Source: closed form of the Intel compiler tables.
        """
        arriving = geometry.in_shape[0] * self.table_words(geometry, geometry.bits, neurons)
        own = geometry.neurons * self.table_words(geometry, geometry.recurrent_bits, neurons)
        return arriving + own

    def table_words(self, geometry: Geometry, tables: tuple[int, ...], neurons: Size) -> Size:
        """Return the words of one input of a dense layer in some tables, given by their bits."""
        words = 0 * neurons
        for needed in tables:
            words += self.axon_words(neurons, self.synapse_bits(geometry, needed, True))
        return words

    def shared_words(self, geometry: Geometry, channels: Size) -> Size:
        """Return the words of a convolution's kernels for so many output channels on one core.

        Shared between positions, so the spatial tile does not matter:
        ``Kh Kw Cin sum_p ceil((p b + header) / word)`` over the powers of two ``p`` that make up
        the channels. Source: closed form of the Intel compiler tables.
        """
        words = 0 * channels
        if not geometry.bits:
            return words
        bits = self.synapse_bits(geometry, geometry.bits[0], False)
        for power in range(int(np.max(channels)).bit_length()):
            words += (channels >> power & 1) * self.axon_words(1 << power, bits)
        return geometry.kernel[0] * geometry.kernel[1] * geometry.in_per_group * words

    def synapse_bits(self, geometry: Geometry, needed: int, indexed: bool) -> int:
        """Return the bits of one synapse: weight, index of the target and delay."""
        delay = self.delay_bits if geometry.delays else 0
        return self.stored_bits(needed) + delay + (self.index_bits if indexed else 0)


@lru_cache(maxsize=1 << 6)
def core_budget_of(profile: Profile, fewest_compartments: bool = False) -> CoreBudget:
    """Return the budget of a profile.

    Parameters
    ----------
    profile : Profile
    fewest_compartments : bool
        Take the lower edge of what a neuron takes, instead of the best known value.
    """
    limits, synapses, mapping = profile.limits, profile.synapses, profile.mapping

    def each(quantity: Quantity) -> int:
        return int(quantity.band.low if fewest_compartments else quantity.value)

    return CoreBudget(
        strategy=mapping.strategy,
        dense_split=mapping.dense_split,
        dense_split_after_map=mapping.dense_split_after_map,
        compartments=int(limits.compartments),
        synapse_words=int(limits.synapse_words),
        in_axons=int(limits.in_axons),
        out_axons=None if limits.out_axons is None else int(limits.out_axons),
        axon_map=None if limits.axon_map is None else int(limits.axon_map),
        default_compartments=each(profile.neurons.default),
        compartments_of=tuple((k, each(v)) for k, v in profile.neurons.types.items()),
        weight_bits=limits.weight_bits.values,
        word_bits=int(synapses.word_bits),
        header_bits=int(synapses.header_bits),
        index_bits=int(synapses.index_bits),
        delay_bits=int(synapses.delay_bits),
        entry_synapses=None if synapses.entry_synapses is None else int(synapses.entry_synapses),
    )
