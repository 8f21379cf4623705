#!/usr/bin/env bash
# A netx file holds integers for the fixed-point models. Loihi2SimCfg() without select_tag="fixed_pt" runs them on the
# floating-point models, without a warning, and gives other spikes: there a threshold of 100 is not aligned by six bits.
# Seen: weights 60 and 30 under a threshold of 100 never spike in fixed point, and spike at each input otherwise.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import dense, expect, run

spikes = np.zeros((2, 5), int)
spikes[0, 1] = 1
spikes[:, 3] = 1
path = [[60, 30]]
expect('select_tag="fixed_pt"', run(dense(path), spikes).tolist(), [[0, 0, 0, 0, 0]])
seen = run(dense(path), spikes, tag=None).tolist()
expect("no select_tag", seen, [[0, 0, 1, 0, 1]])
P
