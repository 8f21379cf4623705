"""Design rules: one function per limit of the chip, all checked, all violations reported.

A rule takes a placement and yields a :class:`Violation` per layer that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from loihi_sca.errors import DoesNotFit
from loihi_sca.hardware.mapping.mapper import LayerPlacement, Placement
from loihi_sca.hardware.quantity import Sourced

NAMES = {
    "compartments": "compartments on a core",
    "synapse_words": "synapse words on a core",
    "in_axons": "input axons on a core",
    "out_axons": "output axons on a core",
    "pooled_words": "words of pooled memory on a core",
    "weight_bits": "bits per weight",
    "delay": "steps of delay",
    "threshold_bits": "bits for its threshold",
    "bias_bits": "bits for a bias mantissa",
    "decay_bits": "bits for a decay",
    "payload_bits": "bits of payload per spike",
    "kernel_edge": "positions along its kernel",
    "stride": "positions of stride",
}
"""What a layer needs, by the key of the limit in the profile."""


@dataclass(frozen=True)
class Violation:
    """A limit that a layer breaks.

    Attributes
    ----------
    layer : str
    rule : str
        Key of the limit in the profile, for example ``synapse_words``.
    actual, limit : int
    unit : str
    source : str
        Where the limit comes from.
    hint : str
        What to do.
    profile : str
    """

    layer: str
    rule: str
    actual: int
    limit: int
    unit: str
    source: str
    hint: str
    profile: str

    def __str__(self) -> str:
        actual, limit = (f"{n:,}".replace(",", " ") for n in (self.actual, self.limit))
        return (
            f"{self.layer} needs {actual} {NAMES[self.rule]}, limit {limit} "
            f"({self.profile}.limits.{self.rule}: {self.source}). {self.hint}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields with the message."""
        return {**self.__dict__, "message": str(self)}


Rule: TypeAlias = Callable[[Placement], Iterator[Violation]]


def compartments(placement: Placement) -> Iterator[Violation]:
    """Check that a core has room for so many neurons, each taking one or more compartments."""
    limit = placement.profile.limits.compartments
    for layer in placement.layers:
        each = placement.profile.compartments_per_neuron(layer.spec.geometry.neuron)
        actual = int(layer.neurons.max(initial=0)) * each
        if actual > int(limit):
            hint = "Use a neuron with fewer compartments."
            yield _violation(placement, layer, "compartments", actual, limit, hint)


def synapse_words(placement: Placement) -> Iterator[Violation]:
    """Check that the synapses of a core's neurons lie in the core's own memory."""
    limit = placement.profile.limits.synapse_words
    for layer in placement.layers:
        actual = int(layer.words.max(initial=0))
        if actual > int(limit):
            hint = f"No slice is small enough: {_prune_inputs(layer, actual, int(limit))}"
            yield _violation(placement, layer, "synapse_words", actual, limit, hint)


def in_axons(placement: Placement) -> Iterator[Violation]:
    """Check that a core listens to so many source neurons."""
    limit = placement.profile.limits.in_axons
    for layer in placement.layers:
        actual = int(layer.in_axons.max(initial=0))
        if actual > int(limit):
            hint = f"Every slice needs that many: {_prune_inputs(layer, actual, int(limit))}"
            yield _violation(placement, layer, "in_axons", actual, limit, hint)


def out_axons(placement: Placement) -> Iterator[Violation]:
    """Check that a core's neurons reach few cores, counted per neuron and destination."""
    limit = placement.profile.limits.out_axons
    if limit is None:
        return
    for layer in placement.layers:
        actual = int(layer.out_axons.max(initial=0))
        if actual > int(limit):
            hint = "Prune the layer after it, so that it takes fewer cores."
            yield _violation(placement, layer, "out_axons", actual, limit, hint)


def pooled_words(placement: Placement) -> Iterator[Violation]:
    """Check that synapses and axons share one memory, as far as the profile prices axons."""
    profile = placement.profile
    limit = profile.limits.pooled_words
    if limit is None:
        return
    per_axon = int(profile.synapses.words_per_in_axon)
    for layer in placement.layers:
        actual = int((layer.words + per_axon * layer.in_axons).max(initial=0))
        if actual > int(limit):
            hint = "Prune the layer before it, so that fewer axons and synapses arrive."
            yield _violation(placement, layer, "pooled_words", actual, limit, hint)


def weight_bits(placement: Placement) -> Iterator[Violation]:
    """Check that a weight, its layer's common power of two removed, is stored in few bits."""
    limit = placement.profile.limits.weight_bits
    for layer in placement.layers:
        geometry = layer.spec.geometry
        actual = max((*geometry.bits, *geometry.recurrent_bits), default=0)
        if actual > limit.values[-1]:
            hint = "Quantise the weights to even integers from -256 to 254."
            yield _violation(placement, layer, "weight_bits", actual, limit, hint)


def delay(placement: Placement) -> Iterator[Violation]:
    """Check that a synapse delays a spike by so many steps."""
    for layer in placement.layers:
        hint = "Clamp the delays while training."
        yield from _above(placement, layer, "delay", layer.spec.ranges.delay, hint)


def threshold(placement: Placement) -> Iterator[Violation]:
    """Check that the threshold is a mantissa of so many bits.

    The power of two just above is let through: it is out of any voltage's reach, and netx gives it
    to layers without a neuron, whose voltage is read out.
    """
    for layer in placement.layers:
        actual = max(0, layer.spec.ranges.threshold - 1).bit_length()
        hint = "Scale threshold, weights and bias down together."
        yield from _above(placement, layer, "threshold_bits", actual, hint)


def bias(placement: Placement) -> Iterator[Violation]:
    """Check that the bias is a signed mantissa of so many bits, times a power of two."""
    limits = placement.profile.limits
    largest_exponent = (1 << int(limits.bias_exponent_bits)) - 1
    for layer in placement.layers:
        needed = (
            bits + max(0, power - largest_exponent) for bits, power in layer.spec.ranges.biases
        )
        hint = "Scale threshold, weights and bias down together, or round the bias."
        yield from _above(placement, layer, "bias_bits", max(needed, default=0), hint)


def decay(placement: Placement) -> Iterator[Violation]:
    """Check that a decay has so many bits; the chip adds one, so full decay still fits."""
    for layer in placement.layers:
        actual = max(0, layer.spec.ranges.decay - 1).bit_length()
        hint = "Give decays in 1/4096."
        yield from _above(placement, layer, "decay_bits", actual, hint)


def payload(placement: Placement) -> Iterator[Violation]:
    """Check that a spike carries so many bits besides saying that it happened."""
    for layer in placement.layers:
        hint = "Use neurons with binary spikes, or a chip with graded ones."
        yield from _above(placement, layer, "payload_bits", layer.spec.ranges.payload_bits, hint)


def window(placement: Placement) -> Iterator[Violation]:
    """Check that kernels and strides are known to work, where the profile names such limits."""
    limits = placement.profile.limits
    for layer in placement.layers:
        geometry = layer.spec.geometry
        if limits.kernel_edge is not None:
            hint = "Use a smaller kernel, or two layers."
            yield from _above(placement, layer, "kernel_edge", max(geometry.kernel), hint)
        if limits.stride is not None:
            hint = "Use a smaller stride, or two layers."
            yield from _above(placement, layer, "stride", max(geometry.stride), hint)


RULES: tuple[Rule, ...] = (
    compartments, synapse_words, in_axons, out_axons, pooled_words, weight_bits, delay, threshold,
    bias, decay, payload, window,
)  # fmt: skip


def find_violations(placement: Placement) -> tuple[Violation, ...]:
    """Return every violation of every rule, in the order of :data:`RULES`."""
    return tuple(violation for rule in RULES for violation in rule(placement))


def require_fit(placement: Placement) -> None:
    """Raise :class:`DoesNotFit` with all violations, if there are any."""
    violations = find_violations(placement)
    if violations:
        raise DoesNotFit("\n".join(str(v) for v in violations))


def _prune_inputs(layer: LayerPlacement, actual: int, limit: int) -> str:
    """Return what to do about a layer whose single neurons have too many inputs."""
    inputs = layer.spec.geometry.in_shape[0]
    what = "inputs" if layer.spec.geometry.kind == "dense" else "input channels"
    return f"prune the layer before it to {inputs * limit // actual} {what} or fewer."


def _above(
    placement: Placement, layer: LayerPlacement, rule: str, actual: int, hint: str
) -> Iterator[Violation]:
    limit = getattr(placement.profile.limits, rule)
    if actual > int(limit):
        yield _violation(placement, layer, rule, actual, limit, hint)


def _violation(
    placement: Placement,
    layer: LayerPlacement,
    rule: str,
    actual: int,
    limit: Sourced,
    hint: str,
) -> Violation:
    value = getattr(limit, "values", None)
    most = value[-1] if value else int(limit)  # type: ignore[call-overload]
    return Violation(
        layer.spec.name, rule, actual, most, limit.unit.split("/")[0], limit.source, hint,
        placement.profile.name,
    )  # fmt: skip
