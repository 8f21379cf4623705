"""Child side of the Lava engine: run one job folder and leave the spikes there.

Started by :mod:`loihi_sca.engine.lava_job` as ``python -I lava_worker.py FOLDER``, in whatever
Python has Lava: neither this file nor the one beside it imports anything of ours.
Lava forks one process per Lava process, talks over shared memory, and hangs on many an error; so
this process leads a process group of its own, names its shared memory so that others can find it,
never tries to tidy up after a failure (its parent kills the group), and kills itself when its
parent is gone.
"""

from __future__ import annotations

import dataclasses
import gc
import glob
import json
import multiprocessing.shared_memory
import os
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

PHASES, STEPS = 0, 1
"""Places in the progress array: imports and builds done, timesteps done."""

SHM_FOLDER = "/dev/shm"  # noqa: S108
WATCH_INTERVAL_S = 0.25
MESSAGE_BITS = 16  # of a sigma-delta network's input; 0 would make it binary

STATES = {"SigmaDelta": ("sigma", "act", "residue"), "Sigma": ("sigma",)}
"""Variables of Lava's sigma-delta processes that outlive a step."""

CHANNEL_SLOTS = 8
"""Messages that each channel can hold. One per timestep is under way; Lava's own 64 need more
shared memory than a container usually has (71 MB instead of 9 for PilotNet, of 64)."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What the parent asks for; the input spikes lie beside it in ``source.npy``.

    Attributes
    ----------
    net : str
        Path of the netx file.
    parent : int
        Process id of the parent.
    shm_prefix : str
        How the names of this job's shared memory blocks begin.
    skip_layers : int
        Blocks of the file to leave out.
    input_shape : list of int or None
        ``(W, H, C)`` of the input, where the first layer needs it.
    reset_interval : int or None
        Steps between resets of the neurons' state; None for no reset.
    sinks : list of int
        Synapse layers, counted from 0, whose spikes are written to ``sink-N.npy``, each of shape
        ``(runs, steps, *shape)`` with ``shape`` in Lava's order. The first one is the output.
    graded : bool  (layers send messages of 32 bits)
    depths : list of int or None  (of a file of ours: when each layer starts)
    zeroed : bool  (sigma-delta neurons of each layer are put to rest when its first input is due)
    """

    net: str
    parent: int
    shm_prefix: str
    skip_layers: int
    input_shape: list[int] | None
    reset_interval: int | None
    sinks: list[int]
    graded: bool = False
    depths: list[int] | None = None
    zeroed: bool = False

    def save(self, folder: Path) -> None:
        """Write the job into its folder."""
        (folder / "job.json").write_text(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def load(folder: Path) -> Job:
        """Read the job from its folder."""
        return Job(**json.loads((folder / "job.json").read_text()))


def remove_shared_memory(prefix: str) -> None:
    """Remove the shared memory blocks of a job; where the system does not show them, do nothing."""
    for path in glob.glob(os.path.join(SHM_FOLDER, glob.escape(prefix) + "*")):
        Path(path).unlink(missing_ok=True)


class Guard:
    """Names the shared memory of this process and ends it when its parent or a child has died.

    Attributes
    ----------
    running : bool
        Set while Lava computes, when none of its processes may end.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self.running = False
        self._job, self._folder = job, folder
        self._naming, self._named = threading.Lock(), 0
        multiprocessing.shared_memory._make_filename = self._shm_name  # type: ignore[attr-defined]
        threading.Thread(target=self._watch, daemon=True).start()

    def _shm_name(self) -> str:
        with self._naming:
            self._named += 1
            return f"/{self._job.shm_prefix}{os.getpid()}_{self._named}"

    def _watch(self) -> None:
        while True:
            if os.getppid() != self._job.parent or not self._folder.exists():
                self._end_without_parent()
            died = _killed_child() if self.running else None
            if died is not None:
                _give_up(
                    f"a process of the Lava run was killed by {died}; is memory, {SHM_FOLDER} or "
                    "the temporary folder full?"
                )
            time.sleep(WATCH_INTERVAL_S)

    def _end_without_parent(self) -> None:
        self._naming.acquire()  # from here on nobody creates shared memory
        remove_shared_memory(self._job.shm_prefix)
        shutil.rmtree(self._folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)


def _killed_child() -> str | None:
    """Return the signal that killed a child not yet waited for, if there is one."""
    if sys.platform != "linux":
        return None
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if found is None or found.si_code not in (os.CLD_KILLED, os.CLD_DUMPED):
        return None
    return signal.Signals(found.si_status).name


def _give_up(message: str) -> NoReturn:
    """Leave at once: stopping Lava after an error can hang, and the parent kills the rest."""
    sys.stdout.flush()
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    os._exit(1)


def _io_models() -> dict[Any, Any]:
    """Return models of Lava's own source and sink that stream from and to files.

    The stock models hold all steps in memory, and reading them back sends each number by itself.
    """
    from lava.proc.io import sink, source

    class FileSource(source.PySendModelFixed):  # type: ignore[misc]
        def __init__(self, proc_params: Any) -> None:
            super().__init__(proc_params)
            self.steps = np.load(proc_params["file"], mmap_mode="r")[proc_params["run"]]

        def run_spk(self) -> None:
            self.s_out.send(self.steps[self.time_step - 1].astype(np.int32))

    class FileSink(sink.PyReceiveModelFixed):  # type: ignore[misc]
        def __init__(self, proc_params: Any) -> None:
            super().__init__(proc_params)
            self.steps = np.load(proc_params["file"], mmap_mode="r+")[proc_params["run"]]
            self.progress = proc_params["progress"]

        def run_spk(self) -> None:
            self.steps[self.time_step - 1] = self.a_in.recv()
            if self.progress is not None:
                self.progress[STEPS] += 1

    return {source.RingBuffer: FileSource, sink.RingBuffer: FileSink}


class Worker:
    """Runs a job, one Lava build per run."""

    def __init__(self, job: Job, folder: Path, guard: Guard) -> None:
        self.job, self.folder, self.guard = job, folder, guard
        self.source = np.load(folder / "source.npy", mmap_mode="r")
        # shared with the forked processes and with the parent, through the file
        self.progress: npt.NDArray[np.int64] = np.load(folder / "progress.npy", mmap_mode="r+")
        self.progress[PHASES] += 1
        self.shims: list[str] = []

    def execute(self) -> float:
        """Run everything and return the seconds that Lava computed."""
        # by its path: the file beside this one is in no package here
        shims = runpy.run_path(str(Path(__file__).with_name("lava_shims.py")))
        _, self.shims = shims["import_netx"]()
        self.progress[PHASES] += 1
        models = _io_models()
        elapsed = 0.0
        for run in range(len(self.source)):
            elapsed += self._run(run, models)
            _forget()
        return elapsed

    def _run(self, run: int, models: dict[Any, Any]) -> float:
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.io.source import RingBuffer

        source = RingBuffer(data=np.zeros((*self.source.shape[2:], 1), dtype=np.int32))
        source.proc_params["file"] = str(self.folder / "source.npy")
        source.proc_params["run"] = run
        net, outputs = self._network(source)
        for number, layer in enumerate(self.job.sinks):
            self._attach_sink(outputs[layer], number, run)
        config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)
        net.create_runtime(run_cfg=config, compile_config={"pypy_channel_size": CHANNEL_SLOTS})
        self.progress[PHASES] += 1
        self.guard.running = True
        started = time.perf_counter()
        try:
            self._advance(net)
        except RuntimeError as error:
            raise RuntimeError(_model_errors(net)) from error
        elapsed = time.perf_counter() - started
        self.guard.running = False
        net.stop()
        return elapsed

    def _advance(self, net: Any) -> None:
        """Run all steps; layer by layer, begin at rest where that is asked for.

        What a bias has done before messages can arrive is forgotten; what a synapse holds back is
        not, and has to be what the layer before sends in its first step.
        """
        from lava.magma.core.run_conditions import RunSteps

        steps = self.source.shape[1]
        for layer in net.layers if self.job.zeroed else ():
            net.run(RunSteps(num_steps=1))
            steps -= 1
            for name in STATES[type(layer.neuron).__name__]:
                state = getattr(layer.neuron, name)
                state.set(np.zeros(state.shape, dtype=np.int32))
        net.run(RunSteps(num_steps=steps))

    def _network(self, source: Any) -> tuple[Any, list[Any]]:
        """Return a process to run the network by, and the output ports of its layers."""
        if self.job.depths is not None:
            graph = runpy.run_path(str(Path(__file__).with_name("lava_graph.py")))
            return source, graph["build"](
                self.job.net, source.s_out, self.job.depths, self.job.reset_interval
            )
        from lava.lib.dl.netx import hdf5

        reset = {}
        if self.job.reset_interval is not None:
            reset = {"reset_interval": self.job.reset_interval, "reset_offset": 1}
        net = hdf5.Network(
            net_config=self.job.net,
            num_layers=_blocks_before_readout(hdf5.NetDict(self.job.net)),
            skip_layers=self.job.skip_layers,
            input_shape=None if self.job.input_shape is None else tuple(self.job.input_shape),
            input_message_bits=MESSAGE_BITS if self.job.graded else 0,
            **reset,
        )
        net.net_config.f.close()  # netx never does
        source.s_out.connect(net.inp)
        return net, [layer.out for layer in net.layers]

    def _attach_sink(self, output: Any, number: int, run: int) -> None:
        from lava.proc.io.sink import RingBuffer

        path = self.folder / f"sink-{number}.npy"
        shape = tuple(int(n) for n in output.shape)
        if run == 0:
            runs, steps = self.source.shape[:2]
            kind = np.int32 if self.job.graded else np.uint8
            np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
                path, mode="w+", dtype=kind, shape=(runs, steps, *shape)
            )
        sink = RingBuffer(shape=shape, buffer=1)
        sink.proc_params["file"] = str(path)
        sink.proc_params["run"] = run
        sink.proc_params["progress"] = self.progress if number == 0 else None
        output.connect(sink.a_in)


def _forget() -> None:
    """Let go of what was built: Lava lists all that it has ever made, weights included."""
    from lava.magma.core.process.process import ProcessServer
    from lava.magma.core.process.variable import VarServer

    ProcessServer().processes.clear()
    VarServer().vars.clear()
    gc.collect()  # they refer to each other


def _blocks_before_readout(config: Any) -> int:
    """Count the blocks of a file up to an average, which netx refuses and the host computes."""
    blocks = config["layer"]
    kinds = [blocks[i]["type"] for i in range(len(blocks))]
    config.f.close()
    return kinds.index("average") if "average" in kinds else len(kinds)


def _model_errors(net: Any) -> str:
    """Return what went wrong in the forked processes; Lava keeps it to itself."""
    actors = net.runtime._messaging_infrastructure.actors
    return "\n".join(actor.exception[1] for actor in actors if actor.exception)


def main(arguments: list[str]) -> None:
    """Run the job in the folder given; anything but a ``result.json`` means failure."""
    if os.getpgrp() != os.getpid():  # it will kill its whole process group
        _give_up("this is the Lava engine's worker, which loihi_sca.engine.lava_cpu starts")
    folder = Path(arguments[0])
    job = Job.load(folder)
    guard = Guard(job, folder)
    # multiprocessing leaves a folder behind when it is killed: have it in ours, which is where we
    # are; relative, since the name of a socket must be short
    tempfile.tempdir = "."
    try:
        worker = Worker(job, folder, guard)
        result = {"wall_time_s": worker.execute(), "shims": worker.shims}
        (folder / "result.json").write_text(json.dumps(result))
    except BaseException:
        _give_up(traceback.format_exc())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # nothing of Lava's is left to tidy up, and its destructors can hang


if __name__ == "__main__":
    main(sys.argv[1:])
