#!/usr/bin/env bash
# tonic's ToFrame(n_time_bins=N) drops events: the length of a bin is rounded down to whole time units, N bins are
# taken, and what comes after them is gone. In recordings in milliseconds that is much. A polarity of -1 lands
# in the last channel, that of 1. Seen: of 3000 events over 300 ms, 100 bins keep 2000, 160 keep 1600 and 400 none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_environment 3.11 tonic==1.7.0
"$python" -W ignore - <<'P'
import sys
import numpy as np
from tonic.transforms import ToFrame

events = np.zeros(3000, dtype=[("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
events["t"] = np.arange(3000) // 10
kept = {n: int(ToFrame(sensor_size=(4, 4, 2), n_time_bins=n)(events).sum()) for n in (100, 160, 299, 400)}
print("events kept by bins:", kept)
events["p"] = -1
channels = ToFrame(sensor_size=(4, 4, 2), n_time_bins=299)(events).sum(axis=(0, 2, 3)).tolist()
print("by channel, all of polarity -1:", channels)
if kept != {100: 2000, 160: 1600, 299: 2990, 400: 0} or channels != [0, 2990]:
    sys.exit("CHANGED")
P
