#!/usr/bin/env bash
# NeuroBench's SynapticOperations counts through the module's stored weight. Where torch computes the weight when it is
# used (pruning masks, weight_norm) the count has nothing to do with the operations, and can be negative. Seen: eight
# samples of binary input into 40 -> 10, half of the rows pruned: 105.6 operations a sample with zeros written into
# the weight, which is right, -0.75 with the same mask from torch.nn.utils.prune, 0.6 instead of 211 under weight_norm.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 torch==2.13.0 neurobench==2.3.0
"$python" -W ignore - <<'P'
import sys
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.workload import SynapticOperations
from neurobench.models import TorchModel
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = (torch.rand(8, 40) < 0.5).float()
data = TensorDataset(x, torch.zeros(8, dtype=torch.long))


def linear():
    return nn.Linear(40, 10, bias=False)


def count(layer):
    model = TorchModel(nn.Sequential(layer))
    run = Benchmark(model, DataLoader(data, batch_size=8), [], [], [[], [SynapticOperations]])
    with torch.no_grad():
        return run.run(verbose=False, quiet=True)["SynapticOperations"]["Effective_ACs"]


written, masked = linear(), linear()
written.weight.data[5:] = 0
mask = torch.ones(10, 40)
mask[5:] = 0
prune.custom_from_mask(masked, "weight", mask)
by_hand = float(x.sum() * 5 / 8)
zeros, pruned, normed = count(written), count(masked), count(parametrizations.weight_norm(linear()))
print(f"by hand {by_hand}, zeros in the weight {zeros}, mask {pruned}, weight_norm {normed} of {2 * by_hand}")
if zeros != by_hand or abs(pruned) > 2 or abs(normed) > 2:
    sys.exit("CHANGED")
P
