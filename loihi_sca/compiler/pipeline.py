"""The list of passes, and running it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from loihi_sca.compiler.passes.hold_branches import hold_branches
from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.compiler.passes.move_delays import move_delays
from loihi_sca.compiler.passes.relay_biases import bias_problems, relay_biases
from loihi_sca.compiler.passes.repair_weights import repair_weights
from loihi_sca.compiler.passes.share_decays import share_decays
from loihi_sca.compiler.passes.shrink import shrink
from loihi_sca.compiler.passes.split_groups import split_groups
from loihi_sca.compiler.passes.unroll_delays import unroll_delays
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.report import Compiled, Step, changes, remarks
from loihi_sca.hardware.schema import Profile
from loihi_sca.network import Network
from loihi_sca.problems import Problem, raise_for

Pass: TypeAlias = Callable[[Network], Network]

PASSES: tuple[Pass, ...] = (
    lower_pool, share_decays, shrink, move_delays, hold_branches, split_groups, repair_weights,
)  # fmt: skip
"""In the order in which they run."""

PASSES_UNROLLING: tuple[Pass, ...] = (
    lower_pool, share_decays, shrink, unroll_delays, move_delays, hold_branches, split_groups,
    repair_weights,
)  # fmt: skip
"""The same, with convolutions that take delayed spikes made dense."""


def passes_of(*, unroll_delays: bool = False, relay: bool = False) -> tuple[Pass, ...]:
    """Return the passes for these options of :func:`compile_with_report`."""
    passes = PASSES_UNROLLING if unroll_delays else PASSES
    return (relay_biases, *passes) if relay else passes


def compile_network(
    network: Network,
    *,
    unroll_delays: bool = False,
    relay: bool = False,
    profile: str | Profile = "loihi2",
) -> Network:
    """Run all passes; see :func:`compile_with_report`."""
    return compile_with_report(
        network, unroll_delays=unroll_delays, relay=relay, profile=profile
    ).network


def compile_with_report(
    network: Network,
    *,
    unroll_delays: bool = False,
    relay: bool = False,
    profile: str | Profile = "loihi2",
) -> Compiled:
    """Run all passes and say what each of them did.

    Parameters
    ----------
    network : Network
        Not changed.
    unroll_delays : bool
        Make convolutions that take delayed spikes dense, at the cost of many synapses, instead of
        refusing them.
    relay : bool
        Make biases of sigma-delta neurons weights of a constant channel first, so that on Lava's
        clock every layer sends what it sends on local time, only later
        (:mod:`loihi_sca.compiler.passes.relay_biases`).
    profile : str or Profile
        The chip whose ranges hold.

    Raises
    ------
    UnsupportedLayer, DoesNotFit
        Something cannot be exact, or breaks a limit of the chip; all of it is listed.
    """
    compiled = run_passes(network, passes_of(unroll_delays=unroll_delays, relay=relay))
    raise_for(find_problems(compiled.network, profile))
    return compiled


def problems_of(
    network: Network,
    *,
    unroll_delays: bool = False,
    relay: bool = False,
    profile: str | Profile = "loihi2",
) -> tuple[Problem, ...]:
    """Return all that :func:`compile_with_report` would refuse."""
    found = bias_problems(network) if relay else ()
    if found:
        return found
    passes = passes_of(unroll_delays=unroll_delays, relay=relay)
    return find_problems(run_passes(network, passes).network, profile)


def run_passes(network: Network, passes: tuple[Pass, ...]) -> Compiled:
    """Run some passes, refusing nothing."""
    source, steps = network, []
    for run in passes:
        after = run(network)
        steps.append(Step(run.__name__, changes(network, after)))
        network = after
    return Compiled.of(network, steps=tuple(steps), notes=remarks(network), source=source)
