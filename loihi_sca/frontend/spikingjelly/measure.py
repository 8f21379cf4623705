"""Running a SpikingJelly model, and counting the spikes that its network does not give alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from loihi_sca.compiler.compare import assert_same_spikes, layer_spikes
from loihi_sca.compiler.report import Proof
from loihi_sca.compiler.translation import Translation
from loihi_sca.engine import fast, reference
from loihi_sca.engine.result import check_data
from loihi_sca.frontend.spikingjelly.modules import as_row, fresh_copy
from loihi_sca.frontend.spikingjelly.translate import Conversion
from loihi_sca.network import Network

BETWEEN = "the SpikingJelly model and the network"

Spikes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Measured:
    """What the comparison has found.

    Attributes
    ----------
    translations : tuple of Translation
        With the spikes that differ.
    proof : Proof or None
        Where all layers are exact and nothing differs.
    notes : tuple of str
    """

    translations: tuple[Translation, ...]
    proof: Proof | None
    notes: tuple[str, ...]


def spikes_of(model: Any, conversion: Conversion, data: npt.NDArray[Any]) -> dict[str, Spikes]:
    """Run a model in evaluation, from its reset state, and return what each layer sends.

    Parameters
    ----------
    model : module or list of modules
        Not changed: a copy runs.
    conversion : Conversion
        Of it.
    data : array (N, *in_shape, T)
        Spikes.

    Returns
    -------
    dict of layer name to uint8 array (N, *out_shape, T)
    """
    module = as_row(model)
    replica = fresh_copy(module)
    copies = dict(zip(module.modules(), replica.modules(), strict=True))
    modules = {call.name: copies[call.module] for call in conversion.route.calls}
    names = dict(zip(conversion.senders, conversion.translations, strict=True))
    heard: dict[str, list[torch.Tensor]] = {row.layer: [] for row in conversion.translations}
    for sender, row in names.items():
        flow = heard[row.layer]
        modules[sender].register_forward_hook(lambda _m, _g, out, flow=flow: flow.append(out))
    dtype = next((p.dtype for p in replica.parameters()), torch.float32)
    steps = torch.from_numpy(np.moveaxis(np.asarray(data), -1, 0).copy()).to(dtype)
    with torch.no_grad():
        if conversion.route.step_mode == "m":
            replica(steps)
        else:
            for step in steps:
                replica(step)
    shapes = {layer.name: layer.out_shape for layer in conversion.sound()}
    return {
        # (T, N, ...) at once, or (N, ...) at every step
        name: _in_our_order(torch.cat(flow).reshape(*steps.shape[:2], *shapes[name]))
        for name, flow in heard.items()
    }


def _in_our_order(flow: torch.Tensor) -> Spikes:
    """Return (T, N, ...) as (N, ..., T)."""
    return np.ascontiguousarray(np.moveaxis(flow.numpy().astype(np.uint8), 0, -1))


def measure(
    model: Any, conversion: Conversion, compiled: Network, data: npt.NDArray[Any], origin: str
) -> Measured:
    """Run a model and its network on the same spikes, and compare every layer.

    Parameters
    ----------
    model : module or list of modules
    conversion : Conversion
        Of it, with the network before the passes.
    compiled : Network
        After them.
    data : int array (N, *in_shape, T)
        Spikes.
    origin : str
        Of them, for the record.

    Raises
    ------
    NotBitExact
        A layer that should be exact, with exact ones before it only, differs.
    InputError
        The data are no spikes of that shape.
    """
    source = conversion.sound()
    values = check_data(source, data)
    theirs = spikes_of(model, conversion, values)
    run = fast.run if len(values) > 1 else reference.run
    ours = layer_spikes(source, run(source, values, record=[x.name for x in source]))
    last = conversion.translations[-1].layer
    assert_same_spikes(
        {last: ours[last]}, {last: run(compiled, values).spikes},
        "the network before and after the passes",
    )  # fmt: skip
    sure = _leading_exact(conversion.translations)
    assert_same_spikes({name: theirs[name] for name in sure}, ours, BETWEEN)
    rows = tuple(
        replace(
            row,
            spikes=int(theirs[row.layer].sum(dtype=np.int64)),
            differ=int((theirs[row.layer] != ours[row.layer]).sum()),
            compared=theirs[row.layer].size,
        )
        for row in conversion.translations
    )
    if len(sure) < len(rows):
        return Measured(rows, None, tuple(_told(rows, origin)))
    compared = sum(sent.size for sent in theirs.values())
    proof = Proof(
        data=origin, samples=len(values), timesteps=values.shape[-1], outputs=(last,),
        layers=tuple(sure), compared=compared, spikes=rows[-1].spikes or 0,
    )  # fmt: skip
    return Measured(rows, proof, ())


def _leading_exact(rows: tuple[Translation, ...]) -> list[str]:
    first = next((i for i, row in enumerate(rows) if not row.exact), len(rows))
    return [row.layer for row in rows[:first]]


def _told(rows: tuple[Translation, ...], origin: str) -> list[str]:
    inexact = [str(row) for row in rows if not row.exact]
    last = rows[-1]
    return [
        *inexact,
        f"{last.layer}: {last.differ:,} of {last.compared:,} spikes or silences differ from the "
        f"SpikingJelly model's, which sends {last.spikes:,} spikes ({origin})",
    ]
