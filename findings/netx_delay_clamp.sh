#!/usr/bin/env bash
# Synaptic delays in a netx file beyond 62 steps are cut to 62 when the file is loaded, without a word: a network
# trained with delays of 64 runs with others. Seen: a spike of step 1 arrives at 63, 64, 64 and 64 for delays of 61,
# 62, 63 and 80.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import dense, expect, run

spikes = np.zeros((1, 90), int)
spikes[0, 1] = 1
arrivals = {}
for delay in (61, 62, 63, 80):
    sent = run(dense([[120]], delay=np.array([delay])), spikes)
    arrivals[delay] = np.flatnonzero(sent[0]).tolist()
expect("arrival by delay", arrivals, {61: [63], 62: [64], 63: [64], 80: [64]})
P
