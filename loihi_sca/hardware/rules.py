"""Design rules about cores: one function per limit, all checked, all violations reported.

A rule takes a placement and yields a :class:`Violation` per layer that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from loihi_sca.errors import DoesNotFit
from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.range_rules import find_out_of_range
from loihi_sca.hardware.violations import Violation, violation

Rule: TypeAlias = Callable[[Placement], Iterator[Violation]]


def compartments(placement: Placement) -> Iterator[Violation]:
    """Check that a core has room for so many neurons, each taking one or more compartments."""
    limit = placement.profile.limits.compartments
    for layer in placement.layers:
        each = placement.profile.compartments_per_neuron(layer.spec.geometry.neuron)
        actual = int(layer.neurons.max(initial=0)) * each
        if actual > int(limit):
            hint = "Use a neuron with fewer compartments."
            yield violation(placement.profile, layer.spec, "compartments", actual, limit, hint)


def synapse_words(placement: Placement) -> Iterator[Violation]:
    """Check that the synapses of a core's neurons lie in the core's own memory."""
    limit = placement.profile.limits.synapse_words
    for layer in placement.layers:
        actual = int(layer.words.max(initial=0))
        if actual > int(limit):
            hint = f"No slice is small enough: {_prune_inputs(layer, actual, int(limit))}"
            yield violation(placement.profile, layer.spec, "synapse_words", actual, limit, hint)


def in_axons(placement: Placement) -> Iterator[Violation]:
    """Check that the table of what a core listens to has room for all of it."""
    limit = placement.profile.limits.in_axons
    for layer in placement.layers:
        actual = int(layer.in_axons.max(initial=0))
        if actual > int(limit):
            hint = f"Every slice needs that many: {_prune_inputs(layer, actual, int(limit))}"
            yield violation(placement.profile, layer.spec, "in_axons", actual, limit, hint)


def out_axons(placement: Placement) -> Iterator[Violation]:
    """Check that a core's neurons reach few cores, counted per neuron and destination."""
    limit = placement.profile.limits.out_axons
    if limit is None:
        return
    for layer in placement.layers:
        actual = int(layer.out_axons.max(initial=0))
        if actual > int(limit):
            hint = "Prune the layer after it, so that it takes fewer cores."
            yield violation(placement.profile, layer.spec, "out_axons", actual, limit, hint)


def axon_map(placement: Placement) -> Iterator[Violation]:
    """Check that a core's table of destinations has room for all of them."""
    limit = placement.profile.limits.axon_map
    if limit is None:
        return
    for layer in placement.layers:
        actual = int(layer.axon_map.max(initial=0))
        if actual > int(limit):
            hint = "Use a neuron with more compartments, so that fewer share a core."
            yield violation(placement.profile, layer.spec, "axon_map", actual, limit, hint)


def neuron_groups(placement: Placement) -> Iterator[Violation]:
    """Check that a layer's neurons are described by so many groups."""
    limit = placement.profile.limits.neuron_groups
    if limit is None:
        return
    for layer in placement.layers:
        if layer.neuron_groups > int(limit):
            hint = "Use a neuron that takes fewer groups."
            yield violation(
                placement.profile, layer.spec, "neuron_groups", layer.neuron_groups, limit, hint
            )


RULES: tuple[Rule, ...] = (
    compartments, synapse_words, in_axons, out_axons, axon_map, neuron_groups,
)  # fmt: skip
"""About cores; :mod:`loihi_sca.hardware.range_rules` is about single values."""


def find_violations(placement: Placement) -> tuple[Violation, ...]:
    """Return every violation of every rule, those about cores first."""
    of_cores = [found for rule in RULES for found in rule(placement)]
    specs = [layer.spec for layer in placement.layers]
    return (*of_cores, *find_out_of_range(specs, placement.profile))


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
