#!/usr/bin/env bash
# lava-dl 0.6.0: slayer.block.cuba.Recurrent writes persistent_state = True into the dictionary of neuron parameters that
# it is given, so that every block made from the same dictionary after it keeps its state from one sample to the next, in
# training and in evaluation. Seen: a Dense made before it sends the same spikes for the same sample, one made after it
# does not.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 --no-deps --ignore-requires-python lava-dl==0.6.0 lava-nc==0.10.0 -- \
  torch==2.13.0 numpy==2.4.6 h5py==3.16.0 scipy==1.17.1 matplotlib==3.10.9 tqdm==4.70.1
"$python" -W ignore - > "$work/seen" 2> "$work/err" <<'P' || { cat "$work/err" >&2; exit 1; }
import sys
import types

# wants OpenCV and torchvision
sys.modules["lava.lib.dl.slayer.object_detection"] = types.ModuleType("object_detection")
import torch
from lava.lib.dl import slayer

block = slayer.block.cuba
neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}


def sent_twice():
    dense = block.Dense(neuron, 1, 1, delay_shift=False).eval()
    torch.nn.init.constant_(dense.synapse.weight, 0.25)
    with torch.no_grad():
        return [dense(torch.ones(1, 1, 4)).int().flatten().tolist() for _ in range(2)]


before = sent_twice()
block.Recurrent(neuron, 1, 1)
after = sent_twice()
as_before = before == [[0, 0, 0, 1]] * 2 and after == [[0, 0, 0, 1], [0, 0, 1, 0]]
print(f"the same sample twice: before {before}, after {after}, and the dictionary says {neuron}:",
      "AS BEFORE" if as_before and neuron["persistent_state"] is True else "CHANGED")
P
tail -n 1 "$work/seen"
grep -q "AS BEFORE" "$work/seen"
