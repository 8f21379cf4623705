#!/usr/bin/env bash
# A depthwise convolution of 128 channels and more loads and runs, and sends nothing at all: Lava keeps the number of
# groups in eight bits with sign. Seen: one spike into each channel, weight 120, threshold 100: 127 spikes come out
# of 127 channels, and none of 128 and 256.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import expect, run, write

pair = np.array([1, 1])
sent = {}
for channels in (127, 128, 256):
    layer = {"type": "conv", "shape": np.array([channels, 1, 1]), "inChannels": channels,
             "outChannels": channels, "kernelSize": pair, "stride": pair, "padding": 0 * pair,
             "dilation": pair, "groups": channels, "weight": np.full((channels, 1, 1, 1), 120)}
    spikes = np.zeros((1, 1, channels, 4), int)
    spikes[..., 1] = 1
    sent[channels] = int(run(write((channels, 1, 1), layer), spikes).sum())
expect("spikes by channels", sent, {127: 127, 128: 0, 256: 0})
P
