"""Run networks as stock lava-dl does, in a child process: what our compiler saves its users from.

On Pythons that Lava was not made for, it is stock but for the shims that it takes to import it.

``run_stock(cases, folder)`` from a test; the child is this very file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

TIMEOUT_S = 240


def export(model: Any, path: Path) -> None:
    """Write a model as lava-dl's tutorials do."""
    import h5py

    with h5py.File(path, "w") as file:
        layers = file.create_group("layer")
        for i, block in enumerate(model):
            block.export_hdf5(layers.create_group(f"{i}"))


def run_stock(cases: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Load and run netx files with stock lava-dl; each case a build and a run of its own.

    Parameters
    ----------
    cases : dict of name to case
        With ``net`` (path), ``spikes`` (C, H, W, T) or (C, T), and optionally ``tag`` (of the
        run configuration) and ``load_only``.

    Returns
    -------
    dict of name to spikes (C, H, W, T) or (C, T), or to the text of an exception
    """
    jobs = {}
    for name, case in cases.items():
        np.save(folder / f"{name}-in.npy", case["spikes"].astype(np.int32))
        jobs[name] = {**{k: v for k, v in case.items() if k != "spikes"}, "net": str(case["net"])}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    with open(folder / "output.txt", "wb") as output:
        child = subprocess.Popen(
            [sys.executable, __file__, str(folder)], cwd=folder, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        try:
            child.wait(TIMEOUT_S)
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
    assert child.returncode == 0, (folder / "output.txt").read_text()[-2000:]
    found = json.loads((folder / "errors.json").read_text())
    for name in cases.keys() - found.keys():
        found[name] = np.load(folder / f"{name}-out.npy")
    return found


def _run(job: dict[str, Any], spikes: np.ndarray) -> np.ndarray:
    from lava.lib.dl.netx import hdf5
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    lava_order = (*range(spikes.ndim - 2, -1, -1), spikes.ndim - 1)
    shape = spikes.shape[:-1][::-1]
    net = hdf5.Network(net_config=job["net"], input_shape=shape if len(shape) == 3 else None)
    if job.get("load_only"):
        return np.array(int(bool(net.net_config.f)))
    source = Source(data=spikes.transpose(lava_order))
    sink = Sink(shape=net.out.shape, buffer=spikes.shape[-1])
    source.s_out.connect(net.inp)
    net.out.connect(sink.a_in)
    tag = job.get("tag", "fixed_pt")
    config = Loihi2SimCfg(select_tag=tag) if tag else Loihi2SimCfg()
    net.run(condition=RunSteps(num_steps=spikes.shape[-1]), run_cfg=config)
    out = sink.data.get()
    net.stop()
    return out.transpose((*range(out.ndim - 2, -1, -1), out.ndim - 1)).astype(int)


def _main(folder: Path) -> None:
    from loihi_sca.engine.lava_shims import import_netx

    import_netx()
    jobs, errors = json.loads((folder / "jobs.json").read_text()), {}
    for name, job in jobs.items():
        try:
            np.save(folder / f"{name}-out.npy", _run(job, np.load(folder / f"{name}-in.npy")))
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {error}"
        (folder / "errors.json").write_text(json.dumps(errors))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
