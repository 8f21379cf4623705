"""From a row of SpikingJelly modules to the integer network.

Synapses wait for what follows: a batch norm is folded in, and neurons close the layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from loihi_sca.compiler.translation import Translation
from loihi_sca.errors import NetworkError
from loihi_sca.frontend.spikingjelly import synapses as syn
from loihi_sca.frontend.spikingjelly.blocks import block_problem, synapse_kind, weighing_of
from loihi_sca.frontend.spikingjelly.layers import layer_of
from loihi_sca.frontend.spikingjelly.modules import NORMS, kind_of, unknown
from loihi_sca.frontend.spikingjelly.neurons import (
    NEURONS,
    dynamics_of,
    neuron_problems,
)
from loihi_sca.frontend.spikingjelly.route import Call, Route, find_route
from loihi_sca.frontend.spikingjelly.synapses import Synapses, Window
from loihi_sca.network import Cuba, Input, Layer, Network, Pool, Readout, Shape
from loihi_sca.network.fixed_point import MAX_DECAY
from loihi_sca.problems import Problem, raise_for

OR_WEIGHT = 2
"""Of a max pool: any one spike lifts a neuron without memory over its threshold."""


@dataclass(frozen=True)
class Conversion:
    """A model as far as it could be translated.

    Attributes
    ----------
    network : Network or None
        None where there are problems.
    problems : tuple of Problem
    route : Route
    translations : tuple of Translation
        One per layer with neurons.
    senders : tuple of str
        The module, by layer, that sends its spikes.
    """

    network: Network | None
    problems: tuple[Problem, ...]
    route: Route
    translations: tuple[Translation, ...]
    senders: tuple[str, ...]

    def sound(self) -> Network:
        """Return the network, or raise with all problems."""
        raise_for(self.problems)
        if self.network is None:
            raise NetworkError("the model has no layer with neurons.")
        return self.network


def translate(
    model: Any, shape: Shape, timesteps: int | None = None, name: str = "network"
) -> Conversion:
    """Translate as far as possible, and collect all that is in the way."""
    route = find_route(model, shape)
    row = _Row(shape)
    with torch.no_grad():
        for call in route.calls:
            row.add(call)
    row.end()
    # modules that are refused are why a forward pass fails
    beside = () if route.failed and row.problems else route.problems
    problems = (*beside, *row.problems)
    if not problems and not row.translations:
        problems = (Problem(name, "the model has no neurons", "Put IFNode behind the weights."),)
    done = (tuple(row.translations), tuple(row.senders))
    if problems:
        return Conversion(None, problems, route, *done)
    layers = (Input("input", shape), *row.layers)
    return Conversion(Network(name, layers, timesteps, row.readout), (), route, *done)


@dataclass
class _Row:
    """What has been translated so far.

    Attributes
    ----------
    shape : tuple of int or None
        Of the spikes that arrive; None behind something that could not be translated.
    waiting : Synapses or None
        Weights that no neurons have closed yet.
    window : (str, Window, tuple of int) or None
        An average pool that nothing has taken up yet: its name, and what it takes.
    lost : bool
        Whether something before was refused, and no neurons have followed it yet.
    behind : tuple of int or None
        What the module at hand gives when it runs.
    """

    shape: Shape | None
    layers: list[Layer] = field(default_factory=list)
    translations: list[Translation] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    readout: Readout = field(default_factory=Readout)
    waiting: Synapses | None = None
    window: tuple[str, Window, Shape] | None = None
    voted: str | None = None
    lost: bool = False
    behind: Shape | None = None

    def add(self, call: Call) -> None:
        """Take the next module."""
        name, module, self.behind = call.name, call.module, call.shape
        kind = kind_of(module)
        if kind is None:
            self.refuse(unknown(name, module))
            return
        if module._forward_pre_hooks:
            self.refuse(
                Problem(
                    name, "a hook changes its weights or its input before it runs",
                    "Make it permanent: torch.nn.utils.remove_weight_norm, prune.remove.",
                )
            )  # fmt: skip
        elif self.voted:
            self.refuse(Problem(name, f"it follows the vote of {self.voted}", "End with the vote."))
            self.voted = None  # told once
        elif kind in NEURONS:
            self._neurons(name, kind, module)
        elif kind == "BlockContainer":
            self._block(name, module)
        elif kind in NORMS:
            self._norm(name, module)
        elif kind in ("Conv2d", "Linear"):
            self._synapses(name, kind, module)
        elif kind in ("AvgPool2d", "AdaptiveAvgPool2d", "MaxPool2d"):
            self._pool(name, kind, module)
        elif kind == "VotingLayer":
            self._vote(name, module)
        elif self.waiting is None and self.window is None and self.shape is not None:
            self.shape = (int(np.prod(self.shape)),)  # Flatten; otherwise it is between two parts

    def end(self) -> None:
        """Say what is missing at the end."""
        if self.waiting is not None or self.window is not None:
            name = self.waiting.name if self.waiting is not None else self.window[0]  # type: ignore[index]
            self.refuse(
                Problem(
                    name, "no neurons follow it, so that it gives values, not spikes",
                    "End with neurons, or leave it to the host: compile what is before it.",
                )
            )  # fmt: skip

    def refuse(self, *problems: Problem) -> None:
        """Remember problems, and go on behind the module, to find all there are."""
        if problems:
            self.problems.extend(problems)
            self.shape, self.waiting, self.window, self.lost = self.behind, None, None, True

    def _synapses(self, name: str, kind: str, module: Any) -> None:
        if self.waiting is not None:
            return self.refuse(
                Problem(
                    name, f"it follows {self.waiting.name} without neurons between them",
                    "Put neurons between them, or multiply their weights.",
                )
            )  # fmt: skip
        if self.shape is None:
            return None
        shape = self.shape
        if self.window is not None:
            shape = syn.after_pool(*self.window[1:])
        found: list[Problem] = []
        if self.window is not None:
            dilated = kind == "Conv2d" and set(module.dilation) != {1}
            found.extend(syn.behind_pool_problems(*self.window, dilated))
        if not found:  # a pool that does not fit leaves another shape than the model's
            problems = syn.dense_problems if kind == "Linear" else syn.conv_problems
            found.extend(problems(name, module, shape))
        if found:
            return self.refuse(*found)
        made = syn.dense_of if kind == "Linear" else syn.conv_of
        self.waiting = made(name, module, shape)
        if self.window is not None:
            self.waiting = syn.behind_pool(self.waiting, *self.window[1:])
            self.window = None
        return None

    def _block(self, name: str, block: Any) -> None:
        """Take a block of lava_exchange apart."""
        if problem := block_problem(name, block):
            return self.refuse(problem)
        if (kind := synapse_kind(block)) == "Flatten":
            if self.shape is not None:
                self.shape = (int(np.prod(self.shape)),)
            return None
        self._synapses(name, kind, weighing_of(block))
        return self._neurons(name, "CubaLIFNode", block.neuron)

    def _norm(self, name: str, norm: Any) -> None:
        if norm.running_mean is None:
            self.refuse(
                Problem(
                    name, "track_running_stats=False: it depends on the batch",
                    "Use running statistics.",
                )
            )  # fmt: skip
        elif self.waiting is not None:
            self.waiting = self.waiting.with_norm(norm)
        elif not self.lost:
            self.refuse(
                Problem(
                    name, "it is not straight behind a convolution or linear layer, into whose "
                    "weights it could be folded",
                    "Put it between the weights and the neurons.",
                )
            )  # fmt: skip

    def _pool(self, name: str, kind: str, pool: Any) -> None:
        if self.waiting is not None or self.window is not None:
            before = self.waiting.name if self.waiting is not None else self.window[0]  # type: ignore[index]
            return self.refuse(
                Problem(
                    name, f"it pools the values that {before} gives, and the chip has spikes only",
                    "Put it behind the neurons, over spikes.",
                )
            )  # fmt: skip
        if self.shape is None:
            return None
        found = list(syn.pool_problems(name, kind, pool, self.shape))
        if found:
            return self.refuse(*found)
        window = syn.window_of(kind, pool, self.shape)
        if kind == "MaxPool2d":
            self._any_of(name, window, self.shape)
        else:
            self.window = (name, window, self.shape)
        return None

    def _any_of(self, name: str, window: Window, shape: Shape) -> None:
        """Add neurons without memory that fire where any spike arrives: the maximum of spikes."""
        layer = Pool(
            name, shape, np.full(window.kernel, OR_WEIGHT), stride=window.stride,
            padding=window.padding, dilation=window.dilation,
            neuron=Cuba(MAX_DECAY, MAX_DECAY, OR_WEIGHT - 1),
        )  # fmt: skip
        row = Translation(name, True, float(OR_WEIGHT), 0.0, None, 0.0, 1.0, 0.0, 1.0, 0.0)
        self._close(layer, row, name)

    def _neurons(self, name: str, kind: str, node: Any) -> None:
        biased = self.waiting is not None and self.waiting.bias is not None
        found = list(neuron_problems(name, kind, node, biased))
        if self.window is not None:
            pool, window, shape = self.window
            self.waiting = syn.pooled(pool, window, shape, torch.float32)
        if self.waiting is None and not self.lost:
            found.append(
                Problem(
                    name, "no weights are before it, and neurons of netx have their own",
                    "Put a Conv2d or Linear before it; encode input into spikes on the host.",
                )
            )  # fmt: skip
        if self.waiting is not None:
            found.extend(syn.value_problems(self.waiting))
        if found or self.waiting is None:
            self.refuse(*found)
            self.shape, self.lost = self.behind, False
            return
        layer, row = layer_of(self.waiting, dynamics_of(kind, node, self.waiting.dtype))
        self._close(layer, row, name)

    def _close(self, layer: Layer, row: Translation, sender: str) -> None:
        self.layers.append(layer)
        self.translations.append(row)
        self.senders.append(sender)
        self.shape, self.waiting, self.window, self.lost = layer.out_shape, None, None, False

    def _vote(self, name: str, vote: Any) -> None:
        if self.waiting is not None or self.window is not None:
            return self.refuse(
                Problem(name, "it votes on values, not on spikes", "Put it behind neurons.")
            )
        if self.shape is not None:
            outputs = int(np.prod(self.shape))
            if len(self.shape) != 1 or outputs % vote.voting_size:
                return self.refuse(
                    Problem(
                        name, f"its voting_size={vote.voting_size} does not divide shape "
                        f"{self.shape}", "Use outputs without a map, a multiple of it.",
                    )
                )  # fmt: skip
            self.readout = Readout("average", groups=outputs // vote.voting_size)
        self.voted = name
        return None
