"""What Lava has built for one run is gone before the next one in the same worker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from loihi_sca import lava_python, netx
from loihi_sca.engine import lava_worker
from loihi_sca.network import Cuba, Dense, Network

pytestmark = pytest.mark.lava

SCRIPT = """
import gc, importlib.util, os, sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("lava_worker", sys.argv[1])
worker = sys.modules["lava_worker"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)

class Guard:
    running = False

worker.Worker(worker.Job.load(Path.cwd()), Path.cwd(), Guard()).execute()
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
print("left", sum(isinstance(x, (AbstractProcess, Var)) for x in gc.get_objects()), flush=True)
os._exit(0)
"""


def test_nothing_of_a_build_is_left(tmp_path: Path) -> None:
    layer = Dense("only", (3,), np.full((2, 3), 38), neuron=Cuba(1024, 128, 60))
    netx.write(Network("small", (layer,)), tmp_path / "x.net")
    np.save(tmp_path / "source.npy", np.ones((2, 6, 3), dtype=np.uint8))  # of two runs
    np.save(tmp_path / "progress.npy", np.zeros(2, dtype=np.int64))
    lava_worker.Job(
        net="x.net", parent=0, shm_prefix="", skip_layers=0, input_shape=None,
        reset_interval=None, sinks=[0],
    ).save(tmp_path)  # fmt: skip
    done = subprocess.run(
        [lava_python.find().executable, "-I", "-c", SCRIPT, lava_worker.__file__],
        cwd=tmp_path, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["left 0"], done.stderr
    assert np.load(tmp_path / "sink-0.npy").shape[:2] == (2, 6)
