#!/usr/bin/env bash
# SpikingJelly 0.0.0.0.14: what lava_exchange.to_lava_blocks makes of an IFNode fires above the threshold, the node at it,
# and begins a sample with what the one before it left. Seen: a spike per step becomes one in two, then other ones.
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
from spikingjelly.activation_based import functional, lava_exchange, layer, neuron

linear = layer.Linear(1, 1, bias=False)
torch.nn.init.constant_(linear.weight, 1.0)
model = torch.nn.Sequential(linear, neuron.IFNode(v_threshold=1.0))
functional.set_step_mode(model, "m")
spikes = torch.ones(5, 1, 1)  # T, N, C; each of them lifts the voltage to the threshold
blocks = lava_exchange.to_lava_blocks(model)
with torch.no_grad():
    theirs = model(spikes).flatten().int().tolist()
    runs = [blocks[0](spikes.permute(1, 2, 0)).flatten().int().tolist() for _ in range(2)]
as_before = theirs == [1] * 5 and runs == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]
print(f"SpikingJelly {theirs}, its Lava block {runs[0]}, the same sample again {runs[1]}:",
      "AS BEFORE" if as_before else "CHANGED")
P
tail -n 1 "$work/seen"
grep -q "AS BEFORE" "$work/seen"
