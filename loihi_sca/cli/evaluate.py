"""``loihi-sca evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from loihi_sca.cli.execution import Address, On, Threads, Workers, executor
from loihi_sca.cli.hardware import note
from loihi_sca.cli.options import (
    DATA_HELP,
    VALIDATION,
    InputShape,
    NetFile,
    StateOption,
    one_of,
    parse_shape,
)
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json, progress_bar
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.data import Split
    from loihi_sca.network import Network
    from loihi_sca.pipeline.evaluate import EngineName
    from loihi_sca.pipeline.evaluation import Evaluation

ENGINES = ("fast", "reference")
SPLITS = ("train", "validation", "test")


def evaluate(
    net: NetFile,
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    split: Annotated[
        str,
        typer.Option(
            help=f"One of {', '.join(SPLITS)}. {VALIDATION}", callback=one_of("--split", *SPLITS)
        ),
    ] = "test",
    engine: Annotated[
        str,
        typer.Option(help=f"One of {', '.join(ENGINES)}.", callback=one_of("--engine", *ENGINES)),
    ] = "fast",
    root: Annotated[
        Path | None, typer.Option(help="Folder with the files of the dataset, if it has any.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first samples.", min=1)] = None,
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample, where the file does not say.", min=1)
    ] = None,
    state: StateOption = "fresh",
    input_shape: InputShape = None,
    on: On = None,
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    as_csv: Annotated[
        Path | None,
        csv_option(
            "layer, with what it did (rate: spikes per neuron and step); the confusion is in --json"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure the accuracy and the activity of a network on a dataset.

    On Ray, each worker takes parts of the samples; the result is the same.

    Examples
    --------
        loihi-sca evaluate digits.net --data digits

        loihi-sca evaluate vgg.net --data cifar10 --root data --on ray --address auto
    """
    from loihi_sca.engine.windows import check_state
    from loihi_sca.pipeline import evaluate as library
    from loihi_sca.pipeline.shards import Source, evaluate_sharded

    check_state(state)
    name, part = cast("EngineName", engine), cast("Split", split)
    source = Source(net, data, part, root, limit, steps, parse_shape(input_shape))
    network, dataset = source.load()
    with progress_bar() as bar, executor(on, address, workers, threads, note=bar.print) as where:
        task = bar.add_task("samples", total=len(dataset))

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if where.in_process:
            result = library.evaluate(
                network, dataset, library.engine_of(name, threads), show,
                state=state,  # type: ignore[arg-type]
            )  # fmt: skip
        elif state == "carried":
            raise ConfigError("--state carried is one run after the other: leave --on out.")
        else:
            library.check_answers(network, dataset)
            result = evaluate_sharded(source, len(dataset), where, name, show)
    summary = _summarise(network, result, split, engine)
    emit_csv(as_csv, result)
    if as_json:
        emit_json(summary)
    else:
        _show(result, summary)


def _summarise(network: Network, result: Evaluation, split: str, engine: str) -> dict[str, Any]:
    from loihi_sca import netx
    from loihi_sca.compiler.silence import explain_silence

    spikes = {a.name: a.spikes for a in result.activity}
    notes = [*netx.notes_of(network), *explain_silence(network, spikes)]
    about = {"network": network.name, "notes": notes, "split": split, "engine": engine}
    return {**result.as_json(), **about}


def _show(result: Evaluation, summary: dict[str, Any]) -> None:
    console.print(
        f"[bold]{escape(summary['network'])}[/] on {escape(summary['data'])} ({summary['split']}, "
        f"{summary['samples']} samples of {summary['timesteps']} steps, "
        f"{'state carried on, ' if summary['state'] == 'carried' else ''}{summary['engine']} "
        f"engine, {summary['wall_time_s']:.2f} s): accuracy [bold]"
        f"{100 * summary['accuracy']:.2f} %[/]",
        highlight=False,
    )
    console.print(result.table())
    for text in summary["notes"]:
        note(text)
