#!/usr/bin/env bash
# lava-dl's WgtScaleBatchNorm divides the current by a power of two and exports it as neuron/weight_exp.
# netx 0.6.0 never reads the field: with it and without it a file runs alike, so that the scale is gone without a word.
# Seen: weight 120, threshold 100, weight_exp -2 (a quarter of the current): it spikes as if there were no exponent.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import NEURON, dense, expect, run

spikes = np.zeros((1, 4), int)
spikes[0, 1] = 1
plain = run(dense([[120]]), spikes).tolist()
scaled = run(dense([[120]], {**NEURON, "weight_exp": np.array([-2.0])}), spikes).tolist()
expect("without weight_exp", plain, [[0, 0, 1, 0]])
expect("with weight_exp = -2", scaled, [[0, 0, 1, 0]])
P
