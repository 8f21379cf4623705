"""``loihi-sca sweep``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from loihi_sca.cli.execution import Address, On, Threads, Workers, executor
from loihi_sca.cli.options import RecipeName
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.config import Recipe, TrainingConfig
    from loihi_sca.runs.job import Job
    from loihi_sca.runs.sweep import Swept

COSTS = {"cores": "cores", "energy_uj": "total energy per sample, uJ"}


def sweep(
    recipe: RecipeName,
    budgets: Annotated[
        list[str], typer.Option(help="NAME=AMOUNT,AMOUNT,... such as cores=8,16,32; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the runs and the results.")],
    criteria: Annotated[str, typer.Option(help="Criteria, with commas.")] = "sca",
    objectives: Annotated[
        str | None, typer.Option(help="Objectives, with commas; by default the recipe's.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, ...", min=1)] = 1,
    prune_epochs: Annotated[
        int | None,
        typer.Option(
            help="Prune the trained dense network of the same seed in so many epochs, instead of "
            "training every run from scratch.",
            min=1,
        ),
    ] = None,
    prune_rate: Annotated[
        float | None,
        typer.Option(help="Learning rate of --prune-epochs; by default half the recipe's."),
    ] = None,
    profiles: Annotated[
        str | None,
        typer.Option(
            help="Chips to estimate for; by default those of loihi1 and loihi2 that hold the "
            "network."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Test samples to prove each network on.", min=1)
    ] = 16,
    lava: Annotated[
        int, typer.Option(help="Test samples to run on Lava's CPU backend too.", min=0)
    ] = 0,
    on: On = None,
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    as_csv: Annotated[
        Path | None, csv_option("budget, criterion and objective, means over seeds")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train, deploy and measure a grid of budgets, criteria and seeds, and the dense network.

    The same command again goes on where it was stopped, and tries what failed. Accuracies are
    those of the integers.

    Examples
    --------
        loihi-sca sweep digits --budgets cores=4,5,6 --criteria sca,random --seeds 3 --out runs/s

        loihi-sca sweep digits --budgets keep=0.2,0.4 --out runs/s --on ray --workers 2

        loihi-sca sweep digits --budgets keep=0.2,0.4 --prune-epochs 5 --out runs/s
    """
    from loihi_sca.config import load_recipe

    parsed = load_recipe(recipe)

    from loihi_sca.pipeline.deploy import chips_for
    from loihi_sca.runs.sweep import grid, parse_budgets

    chips = list(chips_for(parsed)) if profiles is None else profiles.split(",")
    _check_profiles(chips)
    jobs = grid(
        parsed,
        parse_budgets(budgets),
        criteria.split(","),
        range(seeds),
        objectives.split(",") if objectives else (),
        tuning=_tuning(parsed, prune_epochs, prune_rate),
    )
    swept = _run(jobs, out, chips, (samples, lava), on, address, workers, threads)
    _show(swept, parsed.name, chips, out, as_csv, as_json)
    swept.check()


def _check_profiles(chips: list[str]) -> None:
    from loihi_sca import hardware

    for chip in chips:
        hardware.load_profile(chip)


def _run(
    jobs: list[Job],
    out: Path,
    chips: list[str],
    samples: tuple[int, int],
    on: On,
    address: Address,
    workers: Workers,
    threads: Threads,
) -> Swept:
    """Run the grid with progress; ``samples`` are those to prove on, and those for Lava."""
    from loihi_sca.cli.runs import RunProgress
    from loihi_sca.runs.job import Runner
    from loihi_sca.runs.sweep import run_sweep

    epochs = sum(job.recipe.training.epochs for job in jobs)
    with (
        RunProgress(epochs, Runner(out).epochs_done) as shown,
        executor(on, address, workers, threads, note=shown.note, tick=shown.tick) as where,
    ):
        return run_sweep(
            jobs,
            out,
            profiles=chips,
            verify_samples=samples[0],
            lava_samples=samples[1],
            watcher=shown,
            executor=where,
        )


def _tuning(recipe: Recipe, epochs: int | None, rate: float | None) -> TrainingConfig | None:
    """Return how pruned runs train if they start from the dense network."""
    if epochs is None:
        if rate is not None:
            raise ConfigError(f"--prune-rate {rate} goes with --prune-epochs; give that too.")
        return None

    from loihi_sca.config import TrainingConfig
    from loihi_sca.toml_files import validate

    rate = recipe.training.learning_rate / 2 if rate is None else rate
    values = {**recipe.training.model_dump(), "epochs": epochs, "learning_rate": rate}
    return validate(TrainingConfig, values, "--prune-epochs and --prune-rate")


def _show(
    swept: Swept, name: str, chips: list[str], out: Path, as_csv: Path | None, as_json: bool
) -> None:
    """Draw, and print a table or JSON, of what there is; a CSV only if there is something."""
    from loihi_sca.files import write_text
    from loihi_sca.reporting.sweeps import pareto, summary

    rows = summary(swept.results)
    if rows:
        for figure, label in COSTS.items():
            for chip in chips:
                picture = pareto(rows, f"{figure}_{chip}", f"{label}, {chip}")
                write_text(out / f"pareto-{figure}-{chip}.svg", picture.svg())
        picture = pareto(rows, "synops", "synops per sample")
        write_text(out / "pareto-synops.svg", picture.svg())
    if rows:
        emit_csv(as_csv, rows)
    if as_json:
        failed = {run: f"{f.kind}: {f.message}" for run, f in swept.failures.items()}
        runs = len(swept.results)
        emit_json({"schema": 1, "recipe": name, "runs": runs, "failed": failed, "rows": rows})
    elif rows:
        for table in _tables(rows, chips):
            console.print(table)
        console.print(f"results.jsonl and pareto-*.svg are in {escape(str(out))}", highlight=False)


def _tables(rows: list[dict[str, Any]], chips: list[str]) -> list[Table]:
    """Return what networks are good for, and what they take of the chips, each 80 columns wide."""
    named = _names(rows)
    quality = _started(named, ["accuracy", "connections", "synops"])
    costs = _started(
        named, [*(f"cores {chip}" for chip in chips), *(f"total uJ {chip}" for chip in chips)]
    )
    costs.caption = "uJ: total energy per sample, static power included"
    costs.caption_justify = "left"
    for row in rows:
        name = [_budget(row), *(row[key] or "" for key in named[1:])]
        quality.add_row(
            *name,
            _accuracy(row),
            *(
                # without the dense network of the same seed there is nothing to compare with
                f"{100 * row[share]:.1f} %" if share in row else "-"
                for share in ("connections_share", "synops_share")
            ),
        )
        costs.add_row(
            *name,
            *(f"{row[f'cores_{chip}']:.1f}" for chip in chips),
            *(_or_unknown(row.get(f"energy_uj_{chip}")) for chip in chips),
        )
    return [quality, costs]


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns that tell rows apart: the budget, and whatever there are several of."""
    several = [k for k in ("criterion", "objective") if len({r[k] for r in rows if r[k]}) > 1]
    return ["budget", *several]


def _budget(row: dict[str, Any]) -> str:
    amount = "" if row["amount"] is None else f"={row['amount']}"
    return f"{row['budget']}{amount}"


def _accuracy(row: dict[str, Any]) -> str:
    mean = f"{100 * row['accuracy']:.2f}"
    # one seed has no spread
    return f"{mean} %" if row["seeds"] == 1 else f"{mean} ± {100 * row['accuracy_std']:.2f} %"


def _started(named: Iterable[str], heads: Iterable[str]) -> Table:
    table = Table()
    for name in named:
        table.add_column(name, no_wrap=name == "budget", overflow="fold")
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    return table


def _or_unknown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
