"""Folding the batch norms of a model into its weights, biases and thresholds.

See :mod:`loihi_sca.model.batch_norm` for the equations. Here the gain of each layer is chosen, one
for all convolutions on a residual stream, what does not fit is found, and what it costs is
measured: per layer the signal to noise ratio of the current, each layer hearing the spikes of the
open model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch

from loihi_sca.errors import TrainingError
from loihi_sca.model.batch_norm import EPS, MANTISSA, BatchNorm
from loihi_sca.model.folded import FoldedBlock, Folding
from loihi_sca.model.normed import Normed
from loihi_sca.model.quiet import has_a_say
from loihi_sca.network.fixed_point import MAX_BIAS, MAX_WEIGHT, MIN_BIAS, MIN_WEIGHT

MOST_THRESHOLD = 1024
"""Mantissa beyond which a gain is not raised: states stay far within the 32 bits of fast scans."""

FOLD_SAMPLES, NOISE_SAMPLES = 2048, 32
"""Training samples that statistics are measured on before folding, and validation samples on which
its noise is."""

STEPS, PER_OCTAVE = 17, 8
"""Gains that are tried, from the one at which the largest weight just fits, to four times it."""


def open_norms(model: torch.nn.Module) -> list[tuple[str, Normed]]:
    """Return the blocks, by name, whose batch norm is not folded."""
    return [
        (name, block)
        for name, block in model.named_modules()
        if isinstance(block, Normed)
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


def measure_and_fold(
    model: torch.nn.Module, batches: Iterable[torch.Tensor], samples: torch.Tensor
) -> Folding:
    """Measure the statistics of batch norms afresh on batches, and fold them.

    Running statistics lag behind, most of all behind the last update of the structure.
    """
    with measuring(model):
        for batch in batches:
            model(batch)
    return fold_norms(model, samples)


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
    chosen = _chosen(blocks)
    noise: dict[str, float | None] = dict.fromkeys(chosen)
    if samples is not None:
        noise = _noise(model, blocks, chosen, samples)
    for name, block in blocks:
        _norm_of(block).set_folded(chosen[name])
    layers = tuple(_found(name, block, noise[name]) for name, block in blocks)
    return Folding(layers, 0 if samples is None else len(samples))


def _norm_of(block: Normed) -> BatchNorm:
    if block.batch_norm is None:
        raise TrainingError(f"{type(block).__name__} has no batch norm.")
    return block.batch_norm


def _chosen(blocks: Sequence[tuple[str, Normed]]) -> dict[str, float]:
    """Return the gain that quantises the weights of each block with the least square error.

    What adds up on a residual stream is quantised in the same units, so that it has one gain.
    """
    together: dict[int, list[tuple[str, Normed]]] = {}
    for name, block in blocks:
        together.setdefault(id(_norm_of(block).thresholds), []).append((name, block))
    chosen: dict[str, float] = {}
    for members in together.values():
        (name, first), *_ = members
        weights = torch.cat([_weight_that_counts(n, b).flatten() for n, b in members])
        unit = _norm_of(first).thresholds.unit
        if unit is None:
            raise TrainingError(f"{name}: no neurons read its stream. End it with StreamNeurons.")
        gain = gain_for(weights, unit, first.weighing.pre_hook_fx)
        chosen |= dict.fromkeys((n for n, _ in members), gain)
    return {name: chosen[name] for name, _ in blocks}


def _weight_that_counts(name: str, block: Normed) -> torch.Tensor:
    """Return the scaled weights of the channels that are alive and whose current varies."""
    norm = _norm_of(block)
    if not int(norm.batches):
        raise TrainingError(
            f"{name}: its batch norm has not seen data yet, so there is nothing to fold. Train it, "
            "or run samples through the model in training mode first."
        )
    counted = block.counted & norm.varies
    with torch.no_grad():
        weight = weights_that_vary(block.scaled_weight[counted], norm.running_var[counted], EPS)
    if not weight.numel() or not bool(weight.any()):
        raise TrainingError(
            f"{name}: the current of none of its channels varies, so that folding would leave no "
            "weights. Look at the firing rates of the layers before it, and at their weights."
        )
    return weight


def weights_that_vary(weight: torch.Tensor, variance: torch.Tensor, eps: float) -> torch.Tensor:
    """Return the weights of the channels whose range a gain should be chosen for.

    Behind a norm a channel's current has the variance ``var / (var + eps)``, times gamma squared.
    Where it is next to nothing beside that of others, as of a channel that never heard anything and
    whose running variance has decayed, the norm has made its weights so large that a gain at which
    they fit would leave all others none.

    Parameters
    ----------
    weight : tensor (C, ...)
    variance : tensor (C,)
        Of the current before the norm.
    eps : float
        Of the norm.
    """
    chosen = weight[has_a_say(variance, eps)]
    return chosen if bool(chosen.any()) else weight


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
    blocks: Sequence[tuple[str, Normed]],
    gains: dict[str, float],
    samples: torch.Tensor,
) -> dict[str, float | None]:
    """Return the signal to noise ratio of each block's current, in dB."""
    found: dict[str, float | None] = dict.fromkeys(gains)

    def compare(name: str) -> Callable[..., None]:
        def hook(block: Normed, inputs: tuple[torch.Tensor, ...]) -> None:
            norm, gain = _norm_of(block), gains[name]
            alive = block.counted
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


def _found(name: str, block: Normed, snr_db: float | None) -> FoldedBlock:
    """Return what a folded block has lost."""
    norm, alive = _norm_of(block), block.counted
    with torch.no_grad():
        weight = block.scaled_weight * alive.reshape(-1, *[1] * (block.float_weight.dim() - 1))
        shift = block.needed_bias() * alive
    return FoldedBlock(
        name=name,
        threshold=norm.thresholds.mantissa,
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
