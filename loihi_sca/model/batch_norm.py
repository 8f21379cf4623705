"""Batch norm of the weighted current, which folds into the chip's integers.

In training every channel's current ``z`` is normed over samples, places and timesteps::

    x = s z + b,     s = gamma / sqrt(var + eps),     b = beta - mean s

(Ioffe and Szegedy, ICML 2015). While it learns, weights are floats and ``x`` is rounded to the
1/64 in which the chip counts. **Folding** freezes the statistics and quantises what they make of
the weights::

    weight = quantize_8bit(gain s w),    bias = quantize(gain b),    threshold = gain threshold

The ``gain``, one per layer, spends the 8 bits: at a threshold of 1 a normed layer of many inputs
has weights of a few steps of the quantiser. Parameters keep their values and their meaning, so an
optimizer's moments stay right, and a folded norm can be opened again. ``gamma`` is the scale that
gated blocks have anyway.

Ranks of a distributed training share the statistics of all their samples, each sample and place
counting alike, however many a rank has.
"""

from __future__ import annotations

from typing import Any

import torch

from loihi_sca.errors import TrainingError
from loihi_sca.network.fixed_point import MAX_BIAS, MIN_BIAS
from loihi_sca.slayer.dynamics import affine, layout, ranks
from loihi_sca.slayer.lava import slayer

PER_CHANNEL = ("beta", "running_mean", "running_var")
"""Tensors of a norm that have an entry for each channel."""

EPS = 1e-5
MOMENTUM = 0.1

MANTISSA = 64
"""Bias mantissa of a value of 1."""


class Thresholds:
    """The neurons whose threshold a gain multiplies: a block's own, or all that read a stream.

    Parameters
    ----------
    neurons : lava-dl CUBA neurons
        Of one threshold, without memory of their current: behind one a bias would have to come
        after the memory.
    """

    def __init__(self, *neurons: Any) -> None:
        self._neurons: list[tuple[Any, float, float]] = []
        for neuron in neurons:
            self.add(neuron)

    def add(self, neuron: Any) -> None:
        """Let the gain be that of one more neuron."""
        self._neurons.append((neuron, float(neuron.threshold), float(neuron.tau_rho)))

    @property
    def unit(self) -> float | None:
        """Threshold at a gain of 1; None where there are no neurons yet."""
        return self._neurons[0][1] if self._neurons else None

    @property
    def mantissa(self) -> int:
        """Threshold as it is, in 1/64."""
        return round(float(self._neurons[0][0].threshold) * MANTISSA)

    def adopt(self, gain: float) -> None:
        """Give the neurons their threshold, and a surrogate of the same shape relative to it."""
        for neuron, threshold, tau in self._neurons:
            neuron._threshold = round(threshold * gain * MANTISSA) / MANTISSA
            neuron.tau_rho = tau * gain


class BatchNorm(torch.nn.Module):
    """The norm of a block's current; see the module's text.

    Parameters
    ----------
    channels : int
    thresholds : Thresholds
        Of the neurons behind it; norms that share them share their gain.

    Attributes
    ----------
    beta : parameter (C,)
        In units of the threshold before the gain.
    running_mean, running_var : tensor (C,)
        Of the current; what evaluation and folding use.
    batches : int64 tensor
        How many batches they have seen.
    folded : int64 tensor
        1 if the statistics are frozen and the weights quantised.
    gain : tensor
        Of weights, biases and threshold; 1 until it is folded.
    cumulative : bool
        The running statistics are plain means over batches, as for measuring them.
    """

    def __init__(self, channels: int, thresholds: Thresholds) -> None:
        super().__init__()
        self.beta = torch.nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        for name in ("batches", "folded"):
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))
        self.register_buffer("gain", torch.ones(()))
        self.running_mean: torch.Tensor
        self.running_var: torch.Tensor
        self.batches: torch.Tensor
        self.folded: torch.Tensor
        self.gain: torch.Tensor
        self.cumulative = False
        self.thresholds = thresholds

    @property
    def is_folded(self) -> bool:
        """Whether the block computes with the integers that are exported."""
        return bool(self.folded)

    @property
    def varies(self) -> torch.Tensor:
        """Bool tensor (C,): channels whose current was seen to vary."""
        return self.running_var > 0

    def factor(self, gamma: torch.Tensor) -> torch.Tensor:
        """Return the factor (C,) of each channel's weights, 0 where the current never varied."""
        kept = gamma * torch.rsqrt(self.running_var + EPS) * self.gain
        return torch.where(self.varies, kept, torch.zeros_like(kept))

    def shift(self, gamma: torch.Tensor) -> torch.Tensor:
        """Return the bias (C,), not yet rounded, that the statistics and the gain amount to."""
        return self.gain * self.beta - self.running_mean * self.factor(gamma)

    def bias(self, gamma: torch.Tensor) -> torch.Tensor:
        """Return the bias (C,) as the chip has it, a multiple of 1/64 within 13 bits."""
        return held_bias(self.rounded_shift(gamma))

    def rounded_shift(self, gamma: torch.Tensor) -> torch.Tensor:
        """Return the bias (C,) as a multiple of 1/64, however large."""
        rounded: torch.Tensor = slayer.utils.quantize(self.shift(gamma), step=1 / MANTISSA)
        return rounded

    def set_folded(self, gain: float | None) -> None:
        """Freeze the statistics and spend a gain, or with None open the norm again."""
        self.folded.fill_(int(gain is not None))
        self.gain.fill_(1.0 if gain is None else gain)
        self.thresholds.adopt(float(self.gain))

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        super()._load_from_state_dict(*args, **options)  # type: ignore[no-untyped-call]
        self.thresholds.adopt(float(self.gain))

    def forward(self, weighted: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
        """Return the normed current, in multiples of 1/64.

        Parameters
        ----------
        weighted : tensor (N, C, ..., T)
            Of weights that are not scaled; laid out time-first, no copy is made.
        gamma : tensor (C,)

        Raises
        ------
        TrainingError
            A batch of one sample arrives before any other.
        """
        statistics = None
        if self.training:
            statistics = self._observe(weighted.detach())
        mean, var, count = statistics or (self.running_mean, self.running_var, None)
        normed: torch.Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            weighted, gamma, self.beta, mean, torch.rsqrt(var + EPS), count
        )
        return normed

    def _observe(self, weighted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, int] | None:
        """Return mean, variance and count of a batch on all ranks, and let them count.

        One sample says nothing about how samples differ: it is normed by what earlier batches said.
        """
        samples = int(ranks.total(torch.tensor(len(weighted))))
        seen = int(self.batches)
        if samples < 2:
            if seen:
                return None
            raise TrainingError(
                "batch norm cannot begin with a batch of one sample, which has no variance. Give "
                "batches of at least 2 samples: training.batch_size in a recipe."
            )
        mean, var, count = statistics_of(weighted)
        share = 1 / (seen + 1) if self.cumulative else 1.0 if seen == 0 else MOMENTUM
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)
        self.batches += 1
        return mean, var, count


def held_bias(bias: torch.Tensor) -> torch.Tensor:
    """Return a bias, in 64 mantissas, cut to 13 bits."""
    return bias.clamp(MIN_BIAS / MANTISSA, MAX_BIAS / MANTISSA)


def statistics_of(weighted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return mean and variance (C,) of a current (N, C, ..., T) over all ranks, and the count."""
    rows = layout.rows(weighted).flatten(0, -2)
    mean, var = torch.batch_norm_update_stats(rows, None, None, 0.0)
    if not ranks.there_are_others():
        return mean, var, len(rows)
    here, wide = len(rows), mean.double()
    sums = torch.cat([wide.new_tensor([here]), here * wide, here * (var.double() + wide**2)])
    sums = ranks.total(sums)
    mean_of_all, square = (sums[1:] / sums[0]).chunk(2)
    var_of_all = (square - mean_of_all**2).clamp(min=0)
    return mean_of_all.float(), var_of_all.float(), int(sums[0])


def _has_loops(rows: torch.Tensor) -> bool:
    """Tell whether there are compiled loops for a tensor."""
    return rows.device.type == "cpu" and rows.dtype == torch.float32


class _Normalise(torch.autograd.Function):
    """``round(gamma (z - mean) inverse + beta)``, straight through the rounding.

    The gradient of shared statistics is the sum over the ranks, those of gamma and beta are this
    rank's, as those of all parameters.
    """

    @staticmethod
    def forward(
        ctx: Any,
        weighted: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        mean: torch.Tensor,
        inverse: torch.Tensor,
        count: int | None,
    ) -> torch.Tensor:
        rows = layout.rows(weighted)
        scale = gamma * inverse
        shift = beta - mean * scale
        ctx.save_for_backward(rows, scale, mean, inverse)
        ctx.count = count
        if _has_loops(rows):
            return layout.from_rows(affine.rounded(rows, scale, shift, MANTISSA))
        normed = torch.addcmul(shift, rows, scale)
        return layout.from_rows(normed.mul_(MANTISSA).round_().div_(MANTISSA))

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, scale, mean, inverse = ctx.saved_tensors
        given, flat = (layout.rows(gradient).flatten(0, -2), rows.flatten(0, -2))
        if _has_loops(rows):
            of_beta, product = affine.sums(given, flat)
        else:
            of_beta, product = given.sum(dim=0), (given * flat).sum(dim=0)
        of_gamma = (product - mean * of_beta) * inverse
        if ctx.count is None:
            out = given * scale
        else:
            shared_beta, shared_gamma = ranks.total(torch.stack([of_beta, of_gamma]).double())
            slope = -(scale * inverse * shared_gamma / ctx.count)
            constant = (-(scale * shared_beta / ctx.count) - slope * mean).float()
            if _has_loops(rows):
                out = affine.combined(given, flat, scale, slope.float(), constant)
            else:
                out = torch.addcmul(constant, given, scale).addcmul_(flat, slope.float())
        return layout.from_rows(out.view(rows.shape)), of_gamma, of_beta, None, None, None
