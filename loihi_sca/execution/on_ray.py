"""Work on Ray: a local one of our own, or a cluster.

A local Ray listens on the loopback interface only (unless the program had imported Ray before),
writes to a temporary folder, shows no dashboard, sends no statistics, and is gone when the ``with``
block is left, however that is.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

from loihi_sca.errors import BackendError, ConfigError, Interrupted
from loihi_sca.execution import Failure, attempt, local_ray

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 2
"""How often an item is tried again after its worker has died."""

STARTS = 4
"""How often a local Ray is started: it gives up if a helper needs 15 s, as on a busy machine."""

CONNECT_S = 10.0
"""Time that the head of a cluster gets to answer."""

TICK_S = 1.0
GRACE_S = 20.0
"""Time that work under way gets to save what it has, before its process is ended."""


@dataclass(frozen=True)
class _Task:
    function: Callable[[Any], Any]
    item: Any
    tries: int = 1


class OnRay:
    """Many pieces of work at once, each in a worker process of Ray.

    An item whose worker dies (killed, out of memory, its machine gone) is tried again. On a
    cluster, loihi-sca must be installed on all nodes, and the working folder and the data must lie
    on storage that all of them see at the same path.

    Parameters
    ----------
    address : str, optional
        Of a cluster: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``. Without it a Ray is started
        on this machine.
    workers : int, optional
        Pieces of work at once; by default as many as there are CPUs for.
    threads : int, optional
        CPUs per piece of work; by default one, or, if ``workers`` is given for this machine, its
        share of them.
    retries : int
        How often an item is tried again after its worker has died.
    note : callable, optional
        Called with what a user should know, such as a worker that died.
    tick : callable, optional
        Called about once a second while waiting.

    Raises
    ------
    ConfigError
        Ray is not installed.
    BackendError
        It does not start, or the cluster does not answer.
    """

    in_process = False

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        threads: int | None = None,
        retries: int = RETRIES,
        note: Callable[[str], None] | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.address, self.retries = address, retries
        cpus = len(os.sched_getaffinity(0))
        self.threads = threads or (max(1, cpus // workers) if workers and not address else 1)
        self.workers = workers or max(1, cpus // self.threads)
        self._all_of_cluster = address is not None and workers is None
        self._note, self._tick = note or _ignore, tick or _nothing
        self._ray: Any = None
        self._is_ours = False
        self._running: dict[Any, _Task] = {}
        self._before: dict[str, str] = {}
        self._on_sigterm: Any = None
        self._folder = ""

    def __enter__(self) -> Self:
        """Start Ray, or connect to it."""
        if threading.current_thread() is threading.main_thread():
            self._on_sigterm = signal.getsignal(signal.SIGTERM)  # Ray puts its own
        self._before = local_ray.environment()
        if not self.address:
            os.environ.update(local_ray.variables(self.threads))
        try:
            if self.address:
                _check_reachable(self.address)
            self._ray = _imported()
            self._connect()
        except BaseException:
            self._leave()
            raise
        self._remote = self._ray.remote(num_cpus=self.threads, max_retries=0)(_work)
        if self.address:
            variables = dict.fromkeys(local_ray.THREAD_VARIABLES, str(self.threads))
            self._remote = self._remote.options(runtime_env={"env_vars": variables})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop work that is under way after its step, and end Ray, or the connection to it."""
        try:
            if self._running:
                self._note("stopping; what is under way is saved first")
                references = list(self._running)
                for reference in references:
                    self._ray.cancel(reference)
                self._ray.wait(references, num_returns=len(references), timeout=GRACE_S)
        finally:
            self._running.clear()
            self._leave()

    def map(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[tuple[T, R | Failure]]:
        """Yield (item, value or Failure), in the order in which they finish."""
        waiting = iter(items)
        while True:
            while len(self._running) < self.workers:
                try:
                    self._start(_Task(function, next(waiting)))
                except StopIteration:
                    break
            if not self._running:
                return
            ready, _ = self._ray.wait(list(self._running), timeout=TICK_S)
            self._tick()
            for reference in ready:
                task = self._running.pop(reference)
                outcome = self._outcome(reference, task)
                if outcome is None:
                    self._start(replace(task, tries=task.tries + 1))
                else:
                    yield task.item, outcome[0]

    def _start(self, task: _Task) -> None:
        reference = self._remote.remote(task.function, task.item, os.getcwd())
        self._running[reference] = task

    def _outcome(self, reference: Any, task: _Task) -> tuple[Any] | None:
        """Return what a task came to, None if its worker died and it is to be tried again."""
        errors = self._ray.exceptions
        try:
            return (self._ray.get(reference),)
        except Interrupted:
            reason = "somebody told it to stop"
        except errors.RayTaskError as error:  # it could not even begin, such as without a module
            last = str(error).strip().splitlines()[-1]
            return (Failure(type(error).__name__, last, str(error)),)
        except errors.RayError as error:
            reason = str(error).strip().splitlines()[0]
        if task.tries > self.retries:
            message = f"its worker died {task.tries} times; the last time: {reason}"
            return (Failure("WorkerDied", message),)
        self._note(
            f"{task.item}: its worker died ({reason}). Going on with it in another one, "
            f"{self.retries - task.tries + 1} tries left."
        )
        return None

    def _connect(self) -> None:
        """Start a local Ray, or connect to a cluster.

        Raises
        ------
        BackendError
            Neither is possible.
        """
        if self._ray.is_initialized():
            raise BackendError("this process uses a Ray already. Leave that first: ray.shutdown().")
        for attempt_number in range(1, 2 if self.address else STARTS + 1):
            if attempt_number > 1:
                self._note(f"Ray does not start; trying again ({attempt_number} of {STARTS})")
            with warnings.catch_warnings():  # Ray forgets the processes that it has started
                warnings.simplefilter("ignore", ResourceWarning)
                problem = self._started()
                if problem is None:
                    break
                self._end()
                gc.collect()
        else:
            where = f"at {self.address}" if self.address else "on this machine"
            busy = "" if self.address else " It needs some 10 s of a CPU; is the machine too busy?"
            raise BackendError(f"no Ray {where}: {problem}{busy}")
        if self._all_of_cluster:
            cpus = self._ray.cluster_resources().get("CPU", 1.0)
            self.workers = max(1, int(cpus) // self.threads)

    def _started(self) -> str | None:
        """Start Ray, or connect, and return what went wrong, if something did."""
        options = self._remote_options() if self.address else self._local_options()
        self._is_ours = True
        try:
            self._ray.init(**options)
        except Exception as error:  # whatever Ray raises: RuntimeError, ConnectionError, ...
            return str(error)
        return None

    def _local_options(self) -> dict[str, Any]:
        self._folder = local_ray.make_folder()
        return local_ray.options(self._folder, self.workers * self.threads)

    def _remote_options(self) -> dict[str, Any]:
        return {"address": self.address, "log_to_driver": False, "logging_level": "ERROR"}

    def _end(self) -> None:
        """End Ray, with all that has been started of it, and remove what it wrote."""
        try:
            if self._is_ours:
                self._ray.shutdown()
        finally:
            if self._folder:
                local_ray.remove(self._folder)

    def _leave(self) -> None:
        """Leave the process and the machine as they were."""
        try:
            self._end()
        finally:
            local_ray.restore(self._before)
            if self._on_sigterm is not None:
                signal.signal(signal.SIGTERM, self._on_sigterm)


def _check_reachable(address: str) -> None:
    """Raise unless somebody listens there: Ray itself would knock for more than five minutes.

    Raises
    ------
    BackendError
        Nobody does.
    ConfigError
        It is no address.
    """
    if address == "auto":
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (host and colon and port.isdigit()):
        raise ConfigError(f"--address {address!r}: give auto, HOST:PORT or ray://HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise BackendError(
            f"no Ray at {address}: {error}. Is the cluster up, and the port that of its head?"
        ) from error


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"--on ray needs Ray ({error}): pip install 'loihi-sca[ray]'.") from error
    return ray


def _work(function: Callable[[T], R], item: T, folder: str) -> R | Failure:
    """Do a piece of work in a worker, where paths mean what they mean to its user."""
    os.chdir(folder)
    return attempt(function, item)


def _ignore(_text: str) -> None:
    """Say nothing."""


def _nothing() -> None:
    """Do nothing."""
