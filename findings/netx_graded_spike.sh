#!/usr/bin/env bash
# A CUBA block with graded_spike=True sends its voltage in SLAYER, and its file says gradedSpike = True. netx 0.6.0
# reads the field nowhere: Lava's LIF sends 1. Seen: weight 120, threshold 100 sends 1 either way, not 120.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import NEURON, dense, expect, run

spikes = np.zeros((1, 4), int)
spikes[0, 1] = 1
for graded in (False, True):
    sent = run(dense([[120]], {**NEURON, "gradedSpike": graded}), spikes).tolist()
    expect(f"gradedSpike = {graded}", sent, [[0, 0, 1, 0]])
P
