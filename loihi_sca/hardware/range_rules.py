"""Design rules about single values of a layer: no core map is needed to check them.

A rule takes a layer and a profile and yields a :class:`Violation` if the layer breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from loihi_sca.errors import DoesNotFit
from loihi_sca.hardware.ranges import payload_bits_of
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import LayerSpec
from loihi_sca.hardware.violations import Violation, violation

RangeRule: TypeAlias = Callable[[LayerSpec, Profile], Iterator[Violation]]


def weight_bits(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that a weight, its layer's common power of two removed, is stored in few bits."""
    limit = profile.limits.weight_bits
    actual = spec.geometry.widest_bits
    if actual > limit.values[-1]:
        hint = "Quantise the weights to even integers from -256 to 254."
        yield violation(profile, spec, "weight_bits", actual, limit, hint)


def delay(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that a synapse delays a spike by so many steps."""
    hint = "Clamp the delays while training."
    yield from _above(profile, spec, "delay", spec.ranges.delay, hint)


def threshold(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that the threshold is a mantissa of so many bits.

    The power of two just above is let through: it is out of any voltage's reach, and netx gives it
    to layers without a neuron, whose voltage is read out.
    """
    actual = max(0, spec.ranges.threshold - 1).bit_length()
    hint = "Scale threshold, weights and bias down together."
    yield from _above(profile, spec, "threshold_bits", actual, hint)


def bias(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that the bias is a signed mantissa of so many bits, times a power of two."""
    largest_exponent = (1 << int(profile.limits.bias_exponent_bits)) - 1
    needed = (bits + max(0, power - largest_exponent) for bits, power in spec.ranges.biases)
    hint = "Scale threshold, weights and bias down together, or round the bias."
    yield from _above(profile, spec, "bias_bits", max(needed, default=0), hint)


def decay(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that a decay has so many bits; the chip adds one, so full decay still fits."""
    actual = max(0, spec.ranges.decay - 1).bit_length()
    yield from _above(profile, spec, "decay_bits", actual, "Give decays in 1/4096.")


def window(spec: LayerSpec, profile: Profile) -> Iterator[Violation]:
    """Check that kernels and strides are known to work, where the profile names such limits."""
    if profile.limits.kernel_edge is not None:
        hint = "Use a smaller kernel, or two layers."
        yield from _above(profile, spec, "kernel_edge", _largest(spec, "kernel"), hint)
    if profile.limits.stride is not None:
        hint = "Use a smaller stride, or two layers."
        yield from _above(profile, spec, "stride", _largest(spec, "stride"), hint)


def payload_of_all(specs: Iterable[LayerSpec], profile: Profile) -> Iterator[Violation]:
    """Check that a spike carries so many bits besides saying that it happened; said once."""
    limit = profile.limits.payload_bits
    found = [spec for spec in specs if _payload_bits(spec) > int(limit)]
    if found:
        others = f" So do {len(found) - 1} other layers." if len(found) > 1 else ""
        hint = f"Use neurons with binary spikes, or a chip with graded ones.{others}"
        actual = _payload_bits(found[0])
        yield violation(profile, found[0], "payload_bits", actual, limit, hint)


def _payload_bits(spec: LayerSpec) -> int:
    """Return what a spike carries; an outline says it by the name of the neuron only."""
    return max(spec.ranges.payload_bits, payload_bits_of(spec.geometry.neuron))


RANGE_RULES: tuple[RangeRule, ...] = (
    weight_bits, delay, threshold, bias, decay, window,
)  # fmt: skip


def find_out_of_range(specs: Iterable[LayerSpec], profile: Profile) -> tuple[Violation, ...]:
    """Return what no other number of channels or cores mends: single values that no chip holds."""
    layers = tuple(specs)
    of_layers = (found for rule in RANGE_RULES for spec in layers for found in rule(spec, profile))
    return (*payload_of_all(layers, profile), *of_layers)


def require_in_range(specs: Iterable[LayerSpec], profile: Profile) -> None:
    """Raise :class:`DoesNotFit` with all that :func:`find_out_of_range` finds, if anything."""
    found = find_out_of_range(specs, profile)
    if found:
        told = "\n".join(str(violation) for violation in found)
        raise DoesNotFit(f"does not fit {profile.name}, whatever its size:\n{told}")


def _largest(spec: LayerSpec, what: str) -> int:
    return int(max(max(getattr(table, what)) for table in spec.geometry.tables))


def _above(
    profile: Profile, spec: LayerSpec, rule: str, actual: int, hint: str
) -> Iterator[Violation]:
    limit = getattr(profile.limits, rule)
    if actual > int(limit):
        yield violation(profile, spec, rule, actual, limit, hint)
