#!/usr/bin/env bash
# Dense weights of a netx file are not always the ones that Lava multiplies with. Where all weights of a layer are
# negative, -256 acts as -255 and a lone -2 beside zeros as 0; one positive weight in the layer, and both are exact.
# Both are values that SLAYER's quantisation gives. Seen: a bias of threshold + |weight| spikes at every step and must
# pause once after the spike that the weight belongs to; it does so only in the mixed layers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import dense, expect, run

spikes = np.zeros((2, 5), int)
spikes[0, 2] = 1
always, paused = [[1, 1, 1, 1, 1]], [[1, 1, 1, 0, 1]]
for weights, expected in (
    ([[-256, -100]], always),
    ([[-256, 2]], paused),
    ([[-2, 0]], always),
    ([[-2, 2]], paused),
):
    bias = np.array([100 - weights[0][0]])  # exact: 100 is left, which is not above the threshold
    expect(f"weights {weights[0]}", run(dense(weights, bias=bias), spikes).tolist(), expected)
P
