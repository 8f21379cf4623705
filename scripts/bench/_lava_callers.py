"""Lava runs from wherever a user may call them: threads, pools, clusters, tests, notebooks.

    _lava_callers.py CALLER FOLDER

Each caller runs a small network and compares it with the reference engine; an error is the exit
code. What a caller needs and is not installed makes it ``ModuleNotFoundError``, exit code 5.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOT_HERE = 5

NOTEBOOK = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import _lava_callers
_lava_callers.small()
"""

TEST = NOTEBOOK.replace("_lava_callers.small()", "def test_one():\n    _lava_callers.small()\n")
TEST += "\ndef test_two():\n    _lava_callers.small()\n"


def small(_: Any = None) -> int:
    """Run a network on Lava and on the reference engine; return its spikes."""
    import numpy as np

    from loihi_sca.engine import lava_cpu, reference
    from loihi_sca.network import Cuba, Dense, Network

    lava_cpu.SHM_PREFIX = os.environ.get("LAVA_FAULT_PREFIX", lava_cpu.SHM_PREFIX)
    layer = Dense("only", (3,), np.full((2, 3), 38), neuron=Cuba(1024, 128, 60))
    network, data = Network("small", (layer,)), np.ones((2, 3, 6), dtype=np.uint8)
    found, expected = (x.run(network, data).spikes for x in (lava_cpu, reference))
    if not (found == expected).all() or not expected.any():
        raise SystemExit("Lava has other spikes than the reference engine")
    return int(found.sum())


def in_threads(folder: Path) -> None:
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(small())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) != len(threads):
        raise SystemExit("a thread has failed")


def started_by(method: str) -> Callable[[Path], None]:
    """Return a caller whose user has set how processes start, and that has a pool of them."""

    def call(folder: Path) -> None:
        multiprocessing.set_start_method(method)
        small()
        with multiprocessing.Pool(1) as pool:
            pool.map(small, [0])

    return call


def in_pytest(folder: Path) -> None:
    import xdist  # noqa: F401  looks only

    (folder / "test_lava.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    subprocess.run([*command, folder / "test_lava.py"], check=True, cwd=folder)


def in_joblib(folder: Path) -> None:
    import joblib

    joblib.Parallel(n_jobs=2)(joblib.delayed(small)(x) for x in range(2))


def in_dask(folder: Path) -> None:
    from dask import distributed

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, local_directory=str(folder)
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.submit(small).result()


def in_ray(folder: Path) -> None:
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        ray.get(ray.remote(small).remote())
    finally:
        ray.shutdown()


def in_a_notebook(folder: Path) -> None:
    import ipykernel.kernelspec
    import nbclient
    import nbformat

    ipykernel.kernelspec.install(prefix=str(folder / "kernels"), user=False)
    os.environ["JUPYTER_PATH"] = str(folder / "kernels" / "share" / "jupyter")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbclient.NotebookClient(book, timeout=None, kernel_name="python3").execute()


CALLERS = {
    "two threads": in_threads, "start method spawn": started_by("spawn"),
    "start method forkserver": started_by("forkserver"), "pytest-xdist": in_pytest,
    "joblib": in_joblib, "Dask": in_dask, "Ray": in_ray, "a notebook": in_a_notebook,
}  # fmt: skip

if __name__ == "__main__":
    try:
        CALLERS[sys.argv[1]](Path(sys.argv[2]))
    except ModuleNotFoundError as error:
        print(error.name, file=sys.stderr)
        sys.exit(NOT_HERE)
