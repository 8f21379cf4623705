#!/usr/bin/env bash
# NIR's IF has no leak. snnTorch 1.0.0 imports it as Leaky with beta = 0.9, and with a subtracting reset whatever
# v_reset says. Seen: an input of 0.05 per step for 200 steps, threshold 1: 10 spikes by NIR's equation, none here.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 torch==2.13.0 snntorch==1.0.0 nir==1.0.8 nirtorch==2.6
"$python" -W ignore - > "$work/seen" <<'P'
import nir
import numpy as np
import snntorch
import torch
from snntorch.import_nir import import_from_nir

one = np.array([1.0])
graph = nir.NIRGraph(
    {"input": nir.Input(np.array([1])), "w": nir.Affine(np.array([[1.0]]), np.array([0.0])),
     "if": nir.IF(r=one, v_threshold=one), "output": nir.Output(np.array([1]))},
    [("input", "w"), ("w", "if"), ("if", "output")],
)
net = import_from_nir(graph)
cell = next(m for m in net.modules() if isinstance(m, snntorch.Leaky))
state, spikes = None, 0.0
for _ in range(200):
    (sent, _), state = net(torch.full((1, 1), 0.05), state)
    spikes += float(sent.sum())
print(f"beta {float(cell.beta):.2f}, reset {cell.reset_mechanism}, {spikes:.0f} spikes of 10")
print("AS BEFORE" if (round(float(cell.beta), 2), cell.reset_mechanism, spikes) == (0.9, "subtract", 0) else "CHANGED")
P
tail -n 2 "$work/seen"
grep -q "AS BEFORE" "$work/seen"
