"""``loihi-sca sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from loihi_sca.cli.output import JsonFlag, console, emit_json, progress_bar, status
from loihi_sca.errors import ConfigError

if TYPE_CHECKING:
    from loihi_sca.sweep import Job, Result, Watcher

COSTS = {"cores": "cores", "energy_uj": "energy per sample, uJ"}


def sweep(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")],
    budgets: Annotated[
        list[str], typer.Option(help="NAME=AMOUNT,AMOUNT,... such as cores=8,16,32; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the runs and the results.")],
    criteria: Annotated[str, typer.Option(help="Criteria, with commas.")] = "sca",
    objectives: Annotated[
        str | None, typer.Option(help="Objectives, with commas; by default the recipe's.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, ...", min=1)] = 1,
    profiles: Annotated[str, typer.Option(help="Chips to estimate for.")] = "loihi1,loihi2",
    samples: Annotated[
        int, typer.Option(help="Test samples to prove each network on.", min=1)
    ] = 16,
    lava: Annotated[
        int, typer.Option(help="Test samples to run on Lava's CPU backend too.", min=0)
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Train, deploy and measure a grid of budgets, criteria and seeds, and the dense network.

    The same command again goes on where it was stopped. Accuracies are those of the integers.

    Example:

        loihi-sca sweep digits --budgets cores=4,5,6 --criteria sca,random --seeds 3 --out runs/s
    """
    from loihi_sca.config import load_recipe

    chips = profiles.split(",")
    parsed = load_recipe(recipe)

    from loihi_sca import hardware
    from loihi_sca.files import write_text
    from loihi_sca.report.sweeps import pareto, summary
    from loihi_sca.sweep import grid, parse_budgets, run_sweep

    for chip in chips:
        hardware.load_profile(chip)
    jobs = grid(
        parsed,
        parse_budgets(budgets),
        criteria.split(","),
        range(seeds),
        objectives.split(",") if objectives else (),
    )
    _check(jobs)
    results = run_sweep(
        jobs,
        out,
        profiles=chips,
        verify_samples=samples,
        lava_samples=lava,
        watcher=_watcher(),
    )
    rows = summary(results)
    for figure, label in COSTS.items():
        for chip in chips:
            svg = pareto(rows, f"{figure}_{chip}", f"{label}, {chip}")
            write_text(out / f"pareto-{figure}-{chip}.svg", svg)
    write_text(out / "pareto-synops.svg", pareto(rows, "synops", "synops per sample"))
    if as_json:
        emit_json({"schema": 1, "recipe": parsed.name, "runs": len(results), "rows": rows})
        return
    console.print(_table(rows, chips))
    console.print(f"results.jsonl and pareto-*.svg are in {escape(str(out))}", highlight=False)


def _check(jobs: list[Job]) -> None:
    """Plan every run, so that a budget out of reach stops the sweep before it trains for hours."""
    from loihi_sca import data
    from loihi_sca.pruning.budget import plan, target_of
    from loihi_sca.pruning.criteria import criterion_of
    from loihi_sca.pruning.outline import check_excluded, outline_of, without

    for job in jobs:
        pruning = job.recipe.pruning
        if pruning is None:
            continue
        criterion_of(pruning.criterion)
        outline = outline_of(job.recipe, *data.shape_of(job.recipe.data.name))
        check_excluded(pruning.exclude, outline.prunable)
        try:
            plan(
                without(outline, pruning.exclude),
                target_of(pruning, outline),
                floor=pruning.min_channels,
                objective=pruning.objective,
            )
        except ConfigError as error:
            raise ConfigError(f"{job.name}: {error}") from error


def _watcher() -> Watcher:
    from loihi_sca.sweep import Watcher

    class Terminal(Watcher):
        def __init__(self) -> None:
            self.bar = progress_bar()

        def start(self, job: Job, number: int, jobs: int) -> None:
            status.print(f"[bold]{number}/{jobs}[/] {escape(job.name)}", highlight=False)

        def result(self, result: Result, number: int, jobs: int) -> None:
            cores = ", ".join(f"{c['cores']} cores on {n}" for n, c in result["chips"].items())
            status.print(
                f"{number}/{jobs} {escape(result['run'])}: {100 * result['accuracy']:.2f} %, "
                f"{cores}, {result['synops']:,.0f} synops",
                highlight=False,
                soft_wrap=True,
            )

    return Terminal()


def _table(rows: list[dict[str, Any]], chips: list[str]) -> Table:
    table = Table("budget", "criterion", "objective")
    heads = ["accuracy", "connections", "synops", *(f"cores {chip}" for chip in chips)]
    for head in (*heads, *(f"uJ {chip}" for chip in chips)):
        table.add_column(head, justify="right")
    for row in rows:
        amount = "" if row["amount"] is None else f"={row['amount']}"
        table.add_row(
            f"{row['budget']}{amount}",
            row["criterion"] or "",
            row["objective"] or "",
            f"{100 * row['accuracy']:.2f} ± {100 * row['accuracy_std']:.2f} %",
            f"{100 * row.get('connections_share', 1):.1f} %",
            f"{100 * row.get('synops_share', 1):.1f} %",
            *(f"{row[f'cores_{chip}']:.1f}" for chip in chips),
            *(f"{row[f'energy_uj_{chip}']:.4g}" for chip in chips),
        )
    return table
