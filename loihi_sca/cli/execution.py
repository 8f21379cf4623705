"""The options that say where work is done, and the executor that they mean."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.execution import Executor

On = Annotated[
    str | None,
    typer.Option(
        help="ray: many at once, each in a process of its own that is replaced if it dies; by "
        "default one after the other in this process.",
        metavar="ray",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT; by default a Ray is started "
        "here. All nodes need loihi-sca, and must see this folder, OUT and the data at the same "
        "paths.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="How many at once on Ray; by default one per CPU.", min=1)
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="CPU threads of each; on Ray by default one, or the share of each of --workers.",
        min=1,
    ),
]


@contextmanager
def executor(
    on: str | None,
    address: str | None,
    workers: int | None,
    threads: int | None,
    *,
    note: Callable[[str], None] | None = None,
    tick: Callable[[], None] | None = None,
) -> Iterator[Executor]:
    """Yield what does the work.

    Raises
    ------
    ConfigError
        The options do not go together.
    """
    from loihi_sca.execution import Local

    if on is None:
        for name, value in (("--address", address), ("--workers", workers)):
            if value is not None:
                raise ConfigError(f"{name} {value} is about Ray: add --on ray, or leave it out.")
        with Local(threads) as local:
            yield local
        return
    if on != "ray":
        raise ConfigError(f"--on {on!r}: ray, or leave it out to run in this process.")

    from loihi_sca.execution.on_ray import OnRay

    # Ray's driver prints what its daemon says to stdout, where our results go
    with (
        contextlib.redirect_stdout(io.StringIO()),
        OnRay(address, workers=workers, threads=threads, note=note, tick=tick) as ray,
    ):
        yield ray
