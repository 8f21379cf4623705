"""Folding the batch norms of a model into its weights, biases and thresholds.

See :mod:`loihi_sca.model.batch_norm` for the equations. Here the gain of each layer is chosen, what
does not fit is found, and what it costs is measured: per layer the signal to noise ratio of the
current, each layer hearing the spikes of the open model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from loihi_sca.errors import TrainingError
from loihi_sca.model.batch_norm import MANTISSA, BatchNorm
from loihi_sca.model.blocks import Gated
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_WEIGHT, MIN_BIAS, MIN_WEIGHT
from loihi_sca.results import Result, add_numbers, open_table

if TYPE_CHECKING:
    from rich.table import Table

MOST_THRESHOLD = 1024
"""Mantissa beyond which a gain is not raised: states stay far within the 32 bits of fast scans."""

STEPS, PER_OCTAVE = 17, 8
"""Gains that are tried, from the one at which the largest weight just fits, to four times it."""

NAMED = 8
"""Channels that a message lists."""


@dataclass(frozen=True)
class FoldedBlock:
    """What folding has made of a block.

    Attributes
    ----------
    name : str
    threshold : int
        Mantissa; the gain is its ratio to the one before.
    snr_db : float or None
        Variance of the open norm's current over the mean square of what folding changed; None
        without samples, or where nothing arrives.
    cut_weights : dict of int to int
        Channels with weights that 8 bits do not hold, and the mantissa that the largest needs.
    cut_biases : dict of int to int
        Channels whose bias needs more than 13 bits, and the mantissa that it needs.
    constant : tuple of int
        Channels whose current never varied: they keep a bias only.
    """

    name: str
    threshold: int
    snr_db: float | None
    cut_weights: dict[int, int]
    cut_biases: dict[int, int]
    constant: tuple[int, ...]

    def warnings(self) -> Iterator[str]:
        """Yield what does not fit, with the channels."""
        if self.cut_weights:
            yield (
                f"{self.name}: weights of {_listed(self.cut_weights)} go beyond the "
                f"{MIN_WEIGHT}..{MAX_WEIGHT} of 8 bits at threshold {self.threshold}, and are cut"
            )
        if self.cut_biases:
            yield (
                f"{self.name}: biases of {_listed(self.cut_biases)} go beyond the "
                f"{MIN_BIAS}..{MAX_BIAS} of 13 bits, and are cut"
            )
        if self.constant:
            channels = _some([str(channel) for channel in self.constant])
            yield (
                f"{self.name}: the current of channels {channels} never varied; their weights are "
                "0, and their bias stays"
            )


@dataclass(frozen=True, repr=False)
class Folding(Result):
    """What folding has made of a model.

    Attributes
    ----------
    layers : tuple of FoldedBlock
    samples : int
        On which noise was measured.
    accuracy_before, accuracy_after : float or None
        On the validation split, with open and with folded norms.
    """

    layers: tuple[FoldedBlock, ...]
    samples: int = 0
    accuracy_before: float | None = None
    accuracy_after: float | None = None

    def about(self) -> str:
        """Return a line without the name of the class."""
        parts = [f"{len(self.layers)} layers folded"]
        noises = [layer.snr_db for layer in self.layers if layer.snr_db is not None]
        if noises:
            parts.append(f"signal to noise {min(noises):.1f} dB or more")
        if self.accuracy_before is not None and self.accuracy_after is not None:
            parts.append(
                f"validation accuracy {100 * self.accuracy_before:.2f} % before, "
                f"{100 * self.accuracy_after:.2f} % after"
            )
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return asdict(self)

    def tables(self) -> Sequence[Table]:
        """Return the one table."""
        table = open_table("batch norm folded", "layer")
        add_numbers(table, "threshold", "signal to noise, dB", "cut", "constant")
        for layer in self.layers:
            noise = "-" if layer.snr_db is None else f"{layer.snr_db:.1f}"
            cut = len(layer.cut_weights) + len(layer.cut_biases)
            table.add_row(
                layer.name, str(layer.threshold), noise, str(cut), str(len(layer.constant))
            )
        return [table]

    def as_text(self) -> str:
        """Return everything in lines: the summary, noise per layer, and what does not fit."""
        noise = ", ".join(
            f"{x.name} {x.snr_db:.1f} dB at threshold {x.threshold}"
            for x in self.layers
            if x.snr_db is not None
        )
        warned = [text for layer in self.layers for text in layer.warnings()]
        return "\n".join(line for line in (f"folded: {self.about()}", noise, *warned) if line)

    def measured(self, before: float, after: float) -> Folding:
        """Return the same with validation accuracies."""
        return replace(self, accuracy_before=before, accuracy_after=after)


def open_norms(model: torch.nn.Module) -> list[tuple[str, Gated]]:
    """Return the blocks, by name, whose batch norm is not folded."""
    return [
        (name, block)
        for name, block in model.named_modules()
        if isinstance(block, Gated)
        and block.batch_norm is not None
        and not block.batch_norm.is_folded
    ]


def unfold(model: torch.nn.Module) -> None:
    """Open all batch norms again, in place: they learn as before they were folded."""
    for block in model.modules():
        if isinstance(block, BatchNorm):
            block.set_folded(None)


@contextmanager
def measuring(model: torch.nn.Module) -> Iterator[None]:
    """Let batch norms measure statistics afresh, for the length of a ``with`` block.

    They are then plain means over the batches that run through the model, each layer normed by the
    batch at hand, as in training; nothing else of the model learns or watches.
    """
    was_training = model.training
    norms = [block.batch_norm for _, block in open_norms(model) if block.batch_norm is not None]
    model.eval()
    for norm in norms:
        norm.train()
        norm.cumulative = True
        norm.batches.zero_()
    try:
        with torch.no_grad():
            yield
    finally:
        for norm in norms:
            norm.cumulative = False
        model.train(was_training)


def fold_norms(model: torch.nn.Module, samples: torch.Tensor | None = None) -> Folding:
    """Fold all batch norms of our own blocks, in place.

    Parameters
    ----------
    model : module
        With blocks whose norm is ``"batch"``; parameters keep their values.
    samples : tensor (N, *in_shape, T), optional
        On which noise is measured.

    Raises
    ------
    TrainingError
        There is nothing to fold, a norm has not seen data yet, or nothing varies in a layer; the
        model is then unchanged.
    """
    blocks = open_norms(model)
    if not blocks:
        raise TrainingError(
            "there is no batch norm to fold: all are folded already, or the model has none "
            '(norm = "batch" in a recipe).'
        )
    chosen = {name: _choose(name, block) for name, block in blocks}
    noise: dict[str, float | None] = dict.fromkeys(chosen)
    if samples is not None:
        noise = _noise(model, blocks, chosen, samples)
    for name, block in blocks:
        _norm_of(block).set_folded(chosen[name])
    layers = tuple(_found(name, block, noise[name]) for name, block in blocks)
    return Folding(layers, 0 if samples is None else len(samples))


def _norm_of(block: Gated) -> BatchNorm:
    if block.batch_norm is None:
        raise TrainingError(f"{type(block).__name__} has no batch norm.")
    return block.batch_norm


def _choose(name: str, block: Gated) -> float:
    """Return the gain that quantises the weights of a block with the least square error."""
    norm = _norm_of(block)
    if not int(norm.batches):
        raise TrainingError(
            f"{name}: its batch norm has not seen data yet, so there is nothing to fold. Train it, "
            "or run samples through the model in training mode first."
        )
    with torch.no_grad():
        weight = block.scaled_weight[block.alive & norm.varies]
    if not weight.numel() or not bool(weight.any()):
        raise TrainingError(
            f"{name}: the current of none of its channels varies, so that folding would leave no "
            "weights. Look at the firing rates of the layers before it, and at their weights."
        )
    return gain_for(weight, norm.unit_threshold, block.synapse.pre_hook_fx)


def gain_for(
    weight: torch.Tensor, threshold: float, quantise: Callable[[torch.Tensor], torch.Tensor]
) -> float:
    """Return the gain at which quantising a weight changes it least, in squares.

    Parameters
    ----------
    weight : tensor
        At a gain of 1.
    threshold : float
        At a gain of 1; with the gain it is a whole mantissa.
    quantise : callable
        lava-dl's ``quantize_8bit`` of the neuron.
    """
    unit = threshold * MANTISSA
    fits = MAX_WEIGHT / MANTISSA / float(weight.abs().max()) * unit
    found: list[tuple[float, float]] = []
    for number in range(STEPS):
        mantissa = min(MOST_THRESHOLD, max(1, round(fits * 2 ** (number / PER_OCTAVE))))
        gain = mantissa / unit
        error = float((quantise(weight * gain) / gain - weight).double().square().sum())
        found.append((error, gain))
    return min(found)[1]


def _noise(
    model: torch.nn.Module,
    blocks: Sequence[tuple[str, Gated]],
    gains: dict[str, float],
    samples: torch.Tensor,
) -> dict[str, float | None]:
    """Return the signal to noise ratio of each block's current, in dB."""
    found: dict[str, float | None] = dict.fromkeys(gains)

    def compare(name: str) -> Callable[..., None]:
        def hook(block: Gated, inputs: tuple[torch.Tensor, ...]) -> None:
            norm, gain = _norm_of(block), gains[name]
            alive = block.alive
            wanted = block.current(*inputs)[:, alive]
            norm.folded.fill_(1)  # the threshold does not matter to the current
            norm.gain.fill_(gain)
            given = block.current(*inputs)[:, alive] / gain
            norm.folded.zero_()
            norm.gain.fill_(1)
            signal, noise = float(wanted.var()), float((given - wanted).square().mean())
            if signal > 0 and noise > 0:
                found[name] = 10 * float(torch.log10(torch.tensor(signal / noise)))

        return hook

    was_training = model.training
    hooks = [block.register_forward_pre_hook(compare(name)) for name, block in blocks]
    try:
        model.eval()
        with torch.no_grad():
            model(samples)
    finally:
        for handle in hooks:
            handle.remove()
        model.train(was_training)
    return found


def _found(name: str, block: Gated, snr_db: float | None) -> FoldedBlock:
    """Return what a folded block has lost."""
    norm, alive = _norm_of(block), block.alive
    with torch.no_grad():
        weight = block.scaled_weight * alive.reshape(-1, *[1] * (block.synapse.weight.dim() - 1))
        shift = norm.shift(block.scale) * alive
    return FoldedBlock(
        name=name,
        threshold=round(block.neuron.threshold * MANTISSA),
        snr_db=snr_db,
        cut_weights=cut_channels(weight, MIN_WEIGHT, MAX_WEIGHT, step=2),
        cut_biases=cut_channels(shift, MIN_BIAS, MAX_BIAS, step=1),
        constant=tuple((~norm.varies & alive).nonzero().flatten().tolist()),
    )


def cut_channels(values: torch.Tensor, low: int, high: int, *, step: int) -> dict[int, int]:
    """Return the channels with values that a range of mantissas does not hold.

    Parameters
    ----------
    values : tensor (C, ...)
        In units of 64 mantissas.
    low, high, step : int
        The range, and how far its mantissas are apart.

    Returns
    -------
    dict of int to int
        By channel, the mantissa that its largest value needs.
    """
    needed = (values.detach() * (MANTISSA / step)).round().reshape(len(values), -1) * step
    outside = ((needed < low) | (needed > high)).any(dim=1)
    peaks = needed.gather(1, needed.abs().argmax(dim=1, keepdim=True)).flatten()
    return {int(i): int(peaks[i]) for i in outside.nonzero().flatten()}


def _listed(values: dict[int, int]) -> str:
    return "channels " + _some([f"{channel} ({value})" for channel, value in values.items()])


def _some(items: Sequence[str]) -> str:
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")
