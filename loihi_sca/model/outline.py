"""The outline of a model that is there already, for the mapper: shapes, but no weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from loihi_sca.hardware.ranges import SIGMA_DELTA, SIGMA_OUTPUT
from loihi_sca.hardware.shapes import Architecture, Geometry, LayerSpec, Volume
from loihi_sca.model.kinds import CONV, DENSE, INPUT, POOL, RECURRENT
from loihi_sca.model.sigma_delta import is_graded
from loihi_sca.network import Shape
from loihi_sca.network.fixed_point import WEIGHT_BITS
from loihi_sca.planning.outline import Outline
from loihi_sca.slayer.lava import slayer

Output = slayer.block.sigma_delta.Output


@dataclass(frozen=True)
class Seen:
    """A block as it was seen at work.

    Attributes
    ----------
    name : str
    block : module
    given, sent : tuple of int
        Shapes of what it took and what it sent, without samples and time.
    """

    name: str
    block: Any
    given: Shape
    sent: Shape


def outline_of_row(
    row: Sequence[Seen], in_shape: Shape, prunable: Iterable[str], timesteps: int | None = None
) -> Outline:
    """Return the outline of blocks in a row, none of which is residual.

    Weights are taken to need 8 bits, trainable delays to be used, and no norm of a recurrent block
    to be zero in all channels, which would need no constant channel.

    Parameters
    ----------
    row : sequence of Seen
        In the order in which they run.
    in_shape : tuple of int
        Of a sample, without time.
    prunable : iterable of str
        Names of blocks.
    timesteps : int, optional
        Steps of a sample.
    """
    volume = _volume(in_shape)
    specs = [LayerSpec("input", "input", in_shape, Geometry("port", volume, volume, neuron="none"))]
    late = False  # whether spikes come delayed, which a dense layer takes up in its synapses
    for seen in row:
        block = seen.block
        if isinstance(block, INPUT):
            if block.neuron is not None:
                geometry = Geometry("input", volume, volume, neuron=_neuron(block))
                specs[0] = replace(specs[0], geometry=geometry)
        elif isinstance(block, (*CONV, *DENSE, *RECURRENT, *POOL, Output)):
            spec = _spec(seen, specs[-1])
            if spec.geometry.kind == "dense" and late:
                spec = replace(spec, geometry=replace(spec.geometry, delays=True))
            specs.append(spec)
            late = block.delay is not None
    normed = [x.name for x in row if isinstance(x.block, RECURRENT) and x.block.neuron.norm]
    last = normed[-1] if normed else None
    architecture = Architecture("model", tuple(specs), timesteps, constant=last)
    return Outline(architecture, frozenset(prunable))


def _spec(seen: Seen, before: LayerSpec) -> LayerSpec:
    block, sent = seen.block, _volume(seen.sent)
    given = _volume(seen.given)
    bits = (WEIGHT_BITS,)
    if isinstance(block, RECURRENT):
        geometry = Geometry(
            "dense", (math.prod(given), 1, 1), (math.prod(sent), 1, 1), bits=bits,
            recurrent_bits=bits, from_map=before.geometry.kind == "conv",
        )  # fmt: skip
        return LayerSpec(seen.name, "recurrent", (math.prod(sent),), geometry)
    if isinstance(block, (*DENSE, Output)):
        window = tuple(block.synapse.weight.shape[2:4])
        if len(seen.given) == 1 or window == tuple(seen.given[1:]):
            geometry = Geometry(
                "dense", (math.prod(given), 1, 1), (math.prod(sent), 1, 1), bits=bits,
                from_map=before.geometry.kind == "conv", neuron=_neuron(block),
            )  # fmt: skip
            return LayerSpec(seen.name, "dense", (math.prod(sent),), geometry)
    synapse = block.synapse
    pools = isinstance(block, POOL)
    geometry = Geometry(
        "conv", given, sent, _pair(synapse.kernel_size), _pair(synapse.stride),
        _pair(synapse.padding), _pair(synapse.dilation),
        groups=given[0] if pools else int(synapse.groups), bits=bits,
        neuron=_neuron(block),
    )  # fmt: skip
    return LayerSpec(seen.name, "pool" if pools else "conv", sent, geometry)


def _neuron(block: torch.nn.Module) -> str:
    if not is_graded(block):
        return "cuba"
    return SIGMA_OUTPUT if isinstance(block, Output) else SIGMA_DELTA


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def _volume(shape: Shape) -> Volume:
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (math.prod(shape), 1, 1)


def share_sent(values: torch.Tensor) -> float:
    """Return the share of places and steps at which there is a spike or a message."""
    return float((values != 0).float().mean())


class Watch:
    """Notes what blocks take and send while a model runs: shapes, and spikes per neuron and step.

    Parameters
    ----------
    row : mapping of str to module
        Blocks by name.
    """

    def __init__(self, row: Mapping[str, torch.nn.Module]) -> None:
        self.shapes: dict[str, tuple[Shape, Shape]] = {}
        self.rates: dict[str, float] = {}
        self._hooks = [
            block.register_forward_hook(self._noting(name)) for name, block in row.items()
        ]

    def _noting(self, name: str) -> Any:
        def note(_block: torch.nn.Module, given: tuple[Any, ...], output: Any) -> None:
            sent = output[0] if isinstance(output, tuple) else output
            self.shapes[name] = tuple(given[0].shape[1:-1]), tuple(sent.shape[1:-1])
            self.rates[name] = share_sent(sent)

        return note

    def stop(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()
