"""``loihi-sca demo``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loihi_sca.cli.options import LavaPythonOption
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json, status

if TYPE_CHECKING:
    from loihi_sca.config import Recipe


def demo(
    out: Annotated[Path, typer.Option(help="Run folder; an interrupted demo goes on.")] = Path(
        "runs/demo"
    ),
    recipe: Annotated[
        str, typer.Option(help="A recipe with a pruning section, shipped or from a file.")
    ] = "digits",
    samples: Annotated[
        int, typer.Option(help="Test samples that run on SLAYER, reference and Lava.", min=1)
    ] = 64,
    lava_python: LavaPythonOption = None,
    as_csv: Annotated[Path | None, csv_option("figure of both networks")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the whole pipeline on real images: train, prune, compile, prove, estimate, report.

    Trains a dense and a pruned network on scikit-learn's handwritten digits, writes both as netx
    files, proves SLAYER = reference = Lava spike for spike, and estimates cores, energy, latency.

    Example:

        loihi-sca demo --out runs/demo
    """
    from loihi_sca.config import load_recipe
    from loihi_sca.errors import ConfigError

    parsed = load_recipe(recipe)
    if parsed.pruning is None:
        raise ConfigError(f"--recipe {recipe}: the demo compares dense and pruned; add [pruning].")
    from loihi_sca.reporting.comparison import comparison

    summary = _run(parsed, out, samples)
    emit_csv(as_csv, [row.as_json() for row in comparison(summary)])
    if as_json:
        emit_json(json.loads((out / "summary.json").read_text("utf-8")))
        return
    from loihi_sca.reporting.comparison import headline

    for sentence in headline(summary):
        console.print(f"[bold]{sentence}[/]", highlight=False)
    console.print(_table(summary))
    console.print(
        f"[green]{summary['mismatches']} mismatching spikes[/] between SLAYER, both engines and "
        f"Lava over {summary['samples_verified']} samples, every layer, both networks.",
    )
    console.print(
        f"{summary['total_time_s']:.0f} s in all. Everything is in {out}: dense.net, pruned.net, "
        "summary.json, report.html",
        highlight=False,
    )


def _run(recipe: Recipe, out: Path, samples: int) -> dict[str, Any]:
    with status.status("loading lava-dl") if status.is_terminal else nullcontext():
        from loihi_sca.cli.progress import TrainingProgress
        from loihi_sca.pipeline.demo import Narrator, run_demo
        from loihi_sca.training.epoch import Epoch

    with TrainingProgress(recipe.training.epochs) as shown:

        class Terminal(Narrator):
            def step(self, text: str) -> None:
                status.print(f"[bold]{text}[/]")

            def epoch(self, label: str, epoch: Epoch) -> None:
                shown.epoch(label, epoch)

            def batch(self, done: int, total: int) -> None:
                shown.batch(done, total)

        return run_demo(recipe, out, verify_samples=samples, narrator=Terminal())


def _table(summary: dict[str, Any]) -> Table:
    from loihi_sca.reporting.comparison import comparison

    table = Table(title=f"{summary['recipe']}, seed {summary['seed']}")
    table.add_column("")
    for name in ("dense", "pruned", "change"):
        table.add_column(name, justify="right")
    for row in comparison(summary):
        table.add_row(row.name, row.dense, row.pruned, row.change)
    return table
