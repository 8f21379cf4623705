#!/usr/bin/env bash
# Of a sigma-delta layer netx 0.6.0 reads the threshold, and whether there is a field sigma_output, not what it says.
# The activation in the file is not read: tanh runs as ReLU. Seen: inputs of 1, -2 and 2 give messages of 1, -1, 1 with
# "relu" and with "tanh" (where they should be 0.76, -1.52, 1.52), and sigma_output = False switches it on.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import numpy as np
from netx_files import dense, expect, run

ONE = 1 << 12
neuron = {"type": "SDNN", "vThMant": 6, "activation": "relu"}
messages = np.zeros((1, 8), int)
messages[0, [1, 3, 5]] = ONE, -2 * ONE, 2 * ONE


def sent(**fields):
    return run(dense([[64]], {**neuron, **fields}), messages, message_bits=24).tolist()[0]


delta = [0, 0, ONE, 0, -ONE, 0, ONE, 0]
expect("relu", sent(), delta)
expect("tanh", sent(activation="tanh"), delta)
summed = [0, 0, 1, 1, -1, -1, 1, 1]
expect("sigma_output = False", [s / (1 << 18) for s in sent(sigma_output=False)], summed)
P
