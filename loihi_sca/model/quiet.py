"""Channels whose current hardly ever varied before a batch norm."""

from __future__ import annotations

import torch

HARDLY = 1e-2
"""Variance of a channel's normed current, over the largest of its layer, below which it has no say
in the gain; its weights are cut where they do not fit, and that is told."""


def has_a_say(variance: torch.Tensor, eps: float) -> torch.Tensor:
    """Return the channels, bool tensor (C,), whose normed current varies beside that of others.

    Parameters
    ----------
    variance : tensor (C,)
        Of the current before the norm.
    eps : float
        Of the norm.
    """
    share = variance / (variance + eps)
    return share > HARDLY * share.max() if len(share) else share > 0
