#!/usr/bin/env bash
# snnTorch 1.0.0 writes the same NIR for a neuron that subtracts its threshold (its default) and for one that is reset
# to zero, with v_reset = 0 in both; read back, both are reset to zero. Seen: a round trip changes the default neuron.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 torch==2.13.0 snntorch==1.0.0 nir==1.0.8 nirtorch==2.6
"$python" -W ignore - > "$work/seen" <<'P'
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir

seen = {}
for reset in ("subtract", "zero"):
    torch.manual_seed(0)
    values = torch.full((3,), 0.9), torch.full((3,), 1.0)
    cell = snntorch.Leaky(beta=values[0], threshold=values[1], reset_mechanism=reset, init_hidden=True)
    graph = export_to_nir(torch.nn.Sequential(torch.nn.Linear(4, 3), cell), torch.ones(1, 4), ignore_dims=[0])
    node = next(n for n in graph.nodes.values() if hasattr(n, "v_threshold"))
    back = next(m for m in import_from_nir(graph).modules() if isinstance(m, snntorch.Leaky))
    seen[reset] = (node.v_reset.tolist(), back.reset_mechanism)
print("v_reset written, reset read back:", seen,
      "AS BEFORE" if set(map(str, seen.values())) == {"([0.0, 0.0, 0.0], 'zero')"} else "CHANGED")
P
tail -n 2 "$work/seen"
grep -q "AS BEFORE" "$work/seen"
