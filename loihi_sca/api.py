"""The functions of the package itself; each imports what it needs when it is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from loihi_sca.compiler.verify import Verification
    from loihi_sca.network import Network, Shape
    from loihi_sca.problems import Problem


def compile_slayer(
    module: Any,
    input_shape: Shape,
    timesteps: int | None,
    *,
    name: str = "network",
    delay_shift: Literal["exact", "drop"] = "exact",
    unroll_delays: bool = False,
    profile: str = "loihi2",
    proof_samples: int | None = None,
    seed: int = 0,
) -> Network:
    """Compile a model of lava-dl blocks; see :func:`loihi_sca.frontend.compile.compile_slayer`."""
    from loihi_sca.frontend import compile as slayer_compile

    return slayer_compile.compile_slayer(
        module, input_shape, timesteps, name=name, delay_shift=delay_shift,
        unroll_delays=unroll_delays, profile=profile, proof_samples=proof_samples, seed=seed,
    )  # fmt: skip


def verify(network: Network | str | os.PathLike[str], **options: Any) -> Verification:
    """Compare a network on several engines; see :func:`loihi_sca.compiler.verify.verify`."""
    from loihi_sca.compiler import verify as compiler_verify

    return compiler_verify.verify(network, **options)


def check(
    model: Any,
    input_shape: Shape | None = None,
    *,
    delay_shift: Literal["exact", "drop"] = "exact",
    profile: str = "loihi2",
) -> tuple[Problem, ...]:
    """Return all that keeps a model from running exactly on the chip, trained or not.

    Parameters
    ----------
    model : module, list of blocks, Network or path
        A SLAYER model, an integer network, or a netx file.
    input_shape : tuple of int, optional
        ``(C, H, W)`` or ``(N,)``, where the model does not say it.
    delay_shift : {"exact", "drop"}
        See :mod:`loihi_sca.frontend.export`.
    profile : str
        The chip whose ranges of weights, thresholds, decays and delays hold.

    Returns
    -------
    tuple of Problem
        Each with the block's name, the reason and what to do instead; empty if all is well.
    """
    from loihi_sca.compiler.pipeline import PASSES, run_passes
    from loihi_sca.compiler.refuse import problems
    from loihi_sca.network import Network

    if isinstance(model, str | os.PathLike):
        from loihi_sca import netx

        model = netx.read(model, input_shape=input_shape)
    if isinstance(model, Network):
        return problems(run_passes(model, PASSES).network, profile)

    from loihi_sca.frontend.compile import check_slayer

    shape = input_shape or getattr(model, "in_shape", None)
    return check_slayer(model, shape, delay_shift=delay_shift, profile=profile)
