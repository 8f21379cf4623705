"""How important channels are in a model that is trained already."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from loihi_sca.data import Dataset
from loihi_sca.model.build import SpikingNet
from loihi_sca.pruning.criteria import Criterion
from loihi_sca.pruning.evidence import Observation

Scores = npt.NDArray[np.float32]


def importance_of(
    model: SpikingNet, dataset: Dataset, criterion: Criterion, batch_size: int = 64
) -> dict[str, Scores]:
    """Return the mean score of every channel of the prunable blocks, 0 for pruned ones.

    Parameters
    ----------
    model : SpikingNet
        Trained. It is left as it is: a copy learns what the samples would teach it.
    dataset : Dataset
        Samples to observe it on.
    criterion : callable
        What is measured.
    batch_size : int
        Samples at a time.
    """
    model = copy.deepcopy(model)
    blocks = {name: block for name, block in model.gated if block.prunable}
    observation = Observation(blocks, criterion)
    model.train()
    for start in range(0, len(dataset), batch_size):
        part = slice(start, start + batch_size)
        spikes = torch.from_numpy(dataset.spikes(part)).to(model.device).float()
        labels = torch.from_numpy(dataset.labels[part]).to(model.device)
        loss = functional.cross_entropy(model(spikes).sum(dim=-1), labels)
        torch.autograd.backward(loss)
        observation.after_backward()
        model.zero_grad()
    found = {}
    for name, scores in observation.averages("score").items():
        found[name] = (scores * blocks[name].alive.cpu()).numpy()
    return found
