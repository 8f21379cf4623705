#!/usr/bin/env bash
# A Lava network that was run, stopped and let go of stays in memory until the interpreter ends: ProcessServer and
# VarServer of lava-nc 0.10.0 list every process and variable that was ever made, and stop() takes none off. A loop that
# builds a network per sample grows by all of its weights. Seen: each of three networks that were run and stopped is
# still alive after gc.collect(), and none once both lists are cleared.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment"
make_lava_environment
"$python" - <<'P'
import gc

import numpy as np
from lava.magma.core.process.process import ProcessServer
from lava.magma.core.process.variable import VarServer
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.lif.process import LIF
from netx_files import expect

SHAPE = (256, 512)


def run_once():
    dense, lif = Dense(weights=np.ones(SHAPE)), LIF(shape=SHAPE[:1])
    dense.a_out.connect(lif.a_in)
    lif.run(condition=RunSteps(1), run_cfg=Loihi2SimCfg())
    lif.stop()


def alive():
    gc.collect()
    return sum(isinstance(x, Dense) for x in gc.get_objects())


seen = []
for _ in range(3):
    run_once()
    seen.append(alive())
expect("networks alive after one, two and three were stopped", seen, [1, 2, 3])
ProcessServer().processes.clear()
VarServer().vars.clear()
expect("once the lists are cleared", alive(), 0)
P
