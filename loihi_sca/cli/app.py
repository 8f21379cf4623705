"""Assemble the commands and turn exceptions into one clear line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape

import loihi_sca
from loihi_sca.cli.check import check
from loihi_sca.cli.cliffs import cliffs
from loihi_sca.cli.compile import compile_run
from loihi_sca.cli.data import data
from loihi_sca.cli.demo import demo
from loihi_sca.cli.doctor import doctor
from loihi_sca.cli.estimate import estimate
from loihi_sca.cli.evaluate import evaluate
from loihi_sca.cli.exchange import export_nir, import_nir
from loihi_sca.cli.kernels import CompilingNote
from loihi_sca.cli.lava import lava
from loihi_sca.cli.map import map_cores
from loihi_sca.cli.output import status
from loihi_sca.cli.plan import plan
from loihi_sca.cli.profiles import profiles
from loihi_sca.cli.prune import prune
from loihi_sca.cli.report import report
from loihi_sca.cli.simulate import simulate
from loihi_sca.cli.study import study
from loihi_sca.cli.sweep import sweep
from loihi_sca.cli.targets import keeping_apart
from loihi_sca.cli.train import train
from loihi_sca.cli.verify import verify
from loihi_sca.compiling import watched_by
from loihi_sca.errors import BackendError, LoihiScaError, is_interrupt
from loihi_sca.processor import let_threads_rest

app = typer.Typer(
    name="loihi-sca",
    help="Train spiking networks small, ship them to Lava bit for bit, "
    "know their cost on Loihi before you have the chip.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 does not fit the chip, 4 not bit-exact.",
)


NO_TORCH = "there is no torch here, which training needs: `pip install 'loihi-sca[train]'`."


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"loihi-sca {loihi_sca.__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True),
]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Version = False,
) -> None:
    """Train small, ship exactly, know before you have the chip."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Every error that a user can cause ends in one line on stderr and the exit code of its class;
    ``--debug`` shows the traceback instead.
    """
    let_threads_rest()
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # --debug works anywhere on the line, as one adds it after something failed
    arguments = [a for a in arguments if a != "--debug"]
    try:
        with watched_by(CompilingNote()):
            app(args=arguments)  # exits by itself: usage errors with 2, Ctrl-C with 130
    except LoihiScaError as error:
        _report(error, debug)
        sys.exit(error.exit_code)
    except MemoryError as error:
        _report(error, debug, prefix="out of memory: ", hint=" Take fewer samples or timesteps.")
        sys.exit(1)
    except Exception as error:  # a bug of ours: say so, and how to see more
        if is_interrupt(error):
            raise
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            _report(BackendError(NO_TORCH), debug)
            sys.exit(1)
        again = "" if debug else " Run again with --debug for the traceback."
        _report(error, debug, prefix=f"internal error ({type(error).__name__}): ", hint=again)
        sys.exit(1)


def _report(error: Exception, debug: bool, prefix: str = "", hint: str = "") -> None:
    if debug:
        status.print_exception()
    status.print(f"[bold red]error:[/] {escape(prefix + str(error) + hint)}", soft_wrap=True)


COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "data": data,
    "train": train,
    "check": check,
    "compile": compile_run,
    "verify": verify,
    "export": export_nir,
    "import": import_nir,
    "simulate": simulate,
    "evaluate": evaluate,
    "estimate": estimate,
    "map": map_cores,
    "cliffs": cliffs,
    "plan": plan,
    "prune": prune,
    "sweep": sweep,
    "study": study,
    "report": report,
    "profiles": profiles,
    "doctor": doctor,
}
"""In the order in which a user meets them."""

for name, command in COMMANDS.items():
    app.command(name)(keeping_apart(command))

app.add_typer(lava, name="lava")
