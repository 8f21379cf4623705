"""From a SpikingJelly model to a network that runs on the chip, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from loihi_sca.compiler.pipeline import PASSES, compile_with_report, run_passes
from loihi_sca.compiler.random_data import random_data
from loihi_sca.compiler.refuse import find_problems
from loihi_sca.compiler.report import Compiled, remember
from loihi_sca.frontend.input_shape import input_shape_of
from loihi_sca.frontend.proof import check_samples
from loihi_sca.frontend.spikingjelly.measure import measure
from loihi_sca.frontend.spikingjelly.translate import Conversion, translate
from loihi_sca.network import Shape
from loihi_sca.problems import Findings, Problem
from loihi_sca.whole import check_seed

SAMPLES, STEPS = 4, 16
"""On which a model is compared with its network, where the caller does not say."""


def compile_spikingjelly(
    model: Any,
    input_shape: Shape | None = None,
    timesteps: int | None = None,
    *,
    name: str = "network",
    profile: str = "loihi2",
    proof_samples: int | None = None,
    proof_data: npt.NDArray[Any] | None = None,
    seed: int = 0,
) -> Compiled:
    """Compile a model of SpikingJelly's own modules to an integer network.

    Parameters
    ----------
    model : module or list of modules
        Of ``spikingjelly.activation_based``, in either step mode; it is not changed. A forward pass
        of its own may wrap the row of modules.
    input_shape : tuple of int
        ``(C, H, W)`` or ``(N,)`` of the spikes at one timestep.
    timesteps : int, optional
        Steps T per sample.
    name : str
        Name of the network.
    profile : str
        The chip whose ranges hold.
    proof_samples : int, optional
        Random samples on which model and network are compared; 4 by default, 0 for none.
    proof_data : int array (N, *in_shape, T), optional
        Spikes to compare on instead.
    seed : int
        Of random samples.

    Returns
    -------
    Compiled
        With a :class:`loihi_sca.compiler.translation.Translation` per layer in ``translations``.
        Its ``proof`` is there only where every layer is exact.

    Raises
    ------
    UnsupportedLayer, DoesNotFit
        Modules have no counterpart, or break a limit of the chip; all of it is listed.
    NotBitExact
        What should be exact is not, on the samples.
    """
    check_seed(seed)
    check_samples(proof_samples)
    conversion = translate(model, input_shape_of(model, input_shape), timesteps, name)
    source = conversion.sound()
    compiled = compile_with_report(source, profile=profile)
    rows, proof, notes = conversion.translations, None, conversion.route.notes
    samples = SAMPLES if proof_samples is None else proof_samples
    if proof_data is not None or samples:
        data, origin = proof_data, "given"
        if data is None:
            data, origin = (
                random_data(source, samples, timesteps or STEPS, seed),
                f"random, seed {seed}",
            )
        found = measure(model, conversion, compiled, data, origin)
        rows, proof, notes = found.translations, found.proof, (*notes, *found.notes)
    return remember(compiled, proof, notes, rows)


def check_spikingjelly(
    model: Any, input_shape: Shape | None = None, *, profile: str = "loihi2"
) -> Findings:
    """Return all that keeps a SpikingJelly model from being compiled; what is rounded is a note.

    Parameters
    ----------
    model, input_shape, profile
        As for :func:`compile_spikingjelly`.
    """
    conversion = translate(model, input_shape_of(model, input_shape))
    return Findings(_all_problems(conversion, profile), _notes(conversion))


def _all_problems(conversion: Conversion, profile: str) -> Iterable[Problem]:
    if conversion.network is None:
        return conversion.problems
    return find_problems(run_passes(conversion.network, PASSES).network, profile)


def _notes(conversion: Conversion) -> tuple[str, ...]:
    rounded = (str(row) for row in conversion.translations if not row.exact)
    return (*conversion.route.notes, *rounded)
