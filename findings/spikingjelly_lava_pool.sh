#!/usr/bin/env bash
# SpikingJelly 0.0.0.0.14: lava_exchange.to_lava_blocks makes an AvgPool2d a sum and divides the weights of the linear
# layer behind it, in place, by the kernel area of the layer *behind* the pool, not of the pool. Seen: a pool of 2x2
# before a 3x3 convolution divides by 9, in the user's own model; before a linear layer it fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 --no-deps --ignore-requires-python lava-dl==0.6.0 lava-nc==0.10.0 spikingjelly==0.0.0.0.14 -- \
  torch==2.13.0 numpy==2.4.6 h5py==3.16.0 scipy==1.17.1 matplotlib==3.10.9 tqdm==4.70.1
"$python" -W ignore - > "$work/seen" 2> "$work/err" <<'P' || { cat "$work/err" >&2; exit 1; }
import sys
import types

# wants OpenCV and torchvision
sys.modules["lava.lib.dl.slayer.object_detection"] = types.ModuleType("object_detection")
import torch
from spikingjelly.activation_based import lava_exchange, layer, neuron


def build(*behind):
    return torch.nn.Sequential(layer.AvgPool2d(2), neuron.IFNode(), *behind)


conv = (layer.Conv2d(1, 1, 3, bias=False), neuron.IFNode(), layer.Flatten())
model = build(*conv, layer.Linear(4, 2, bias=False), neuron.IFNode())
torch.nn.init.constant_(model[5].weight, 1.0)
lava_exchange.to_lava_blocks(model)
divided = 1 / float(model[5].weight[0, 0].detach())
try:
    lava_exchange.to_lava_blocks(build(layer.Flatten(), layer.Linear(4, 2, bias=False), neuron.IFNode()))
    failed = "converted"
except AttributeError as error:
    failed = str(error)
as_before = abs(divided - 9) < 1e-4 and "kernel_size" in failed
print(f"the model's own linear weights divided by {divided:.4g} behind a 2x2 pool; pool, flatten, linear: {failed}:",
      "AS BEFORE" if as_before else "CHANGED")
P
tail -n 1 "$work/seen"
grep -q "AS BEFORE" "$work/seen"
