"""``loihi-sca study``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from loihi_sca.cli.execution import Address, On, Threads, Workers, executor
from loihi_sca.cli.options import RecipeName
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json

if TYPE_CHECKING:
    from loihi_sca.runs.study import Studied


def study(
    recipe: RecipeName,
    out: Annotated[Path, typer.Option(help="Folder for the study, its runs and its results.")],
    trials: Annotated[int, typer.Option(help="Results wanted in all.", min=1)] = 20,
    objectives: Annotated[
        str,
        typer.Option(help="With commas: accuracy, cores, energy, latency, synapse_words, synops."),
    ] = "accuracy,cores,energy",
    profile: Annotated[str, typer.Option(help="Chip whose costs count.")] = "loihi2",
    search: Annotated[
        list[str] | None,
        typer.Option(
            help="What to vary instead of the default: NAME=LOW:HIGH, NAME=LOW:HIGH:log or "
            "NAME=A,B,C, where NAME is a field of the recipe such as training.learning_rate, "
            "criterion, cores, or model.width; repeatable.",
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Test samples to prove each network on.", min=1)
    ] = 16,
    on: On = None,
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    as_csv: Annotated[
        Path | None, csv_option("trial on the front, the best in the first objective first")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let Optuna look for recipes that no other beats in accuracy, cores and energy at once.

    Trials are judged on the validation split, as deployed; test accuracy is only reported. By
    default 5 to 60 % of the connections are kept, and criterion, objective, regenerated share and
    learning rate vary. The same command again goes on where it was stopped.

    Examples
    --------
        loihi-sca study digits --trials 20 --out runs/study --on ray

        loihi-sca study digits --search cores=3:5 --search learning_rate=1e-3:1e-2:log --out runs/st
    """
    from loihi_sca.config import load_recipe

    parsed = load_recipe(recipe)

    from loihi_sca import hardware
    from loihi_sca.cli.runs import RunProgress
    from loihi_sca.runs.job import Runner
    from loihi_sca.runs.study import default_space, parse_space, run_study

    hardware.load_profile(profile)
    space = parse_space(search) if search else default_space(parsed)
    epochs = trials * parsed.training.epochs
    goals = objectives.split(",")
    with (
        RunProgress(epochs, Runner(out).epochs_done) as shown,
        executor(on, address, workers, threads, note=shown.note, tick=shown.tick) as where,
    ):
        found = run_study(
            parsed,
            space,
            out,
            trials=trials,
            objectives=goals,
            profile=profile,
            verify_samples=samples,
            watcher=shown,
            executor=where,
        )
    _show(found, parsed.name, goals, profile, out, as_csv, as_json)
    found.check()


def _show(
    found: Studied,
    name: str,
    goals: list[str],
    profile: str,
    out: Path,
    as_csv: Path | None,
    as_json: bool,
) -> None:
    """Draw, and print a table or JSON, of what there is; a CSV only if there is something."""
    from loihi_sca.files import write_text
    from loihi_sca.reporting.goals import OBJECTIVES
    from loihi_sca.reporting.studies import front_picture

    costs = [goal for goal in goals if goal != "accuracy"]
    if found.rows and "accuracy" in goals:
        for cost in costs:
            label = f"{OBJECTIVES[cost].label}, {profile}"
            picture = front_picture(found.rows, cost, label)
            write_text(out / f"front-{cost}.svg", picture.svg())
    front = sorted(found.front, key=lambda row: -float(row[goals[0]]))
    if front:
        emit_csv(as_csv, [_with_units(row) for row in front])
    if as_json:
        failed = {run: f"{f.kind}: {f.message}" for run, f in found.failures.items()}
        emit_json(
            {
                "schema": 1,
                "recipe": name,
                "profile": profile,
                "objectives": goals,
                "trials": len(found.rows),
                "failed": failed,
                "front": found.front,
            }
        )
    elif found.rows:
        console.print(_table(front, goals))
        console.print(
            f"{len(found.front)} of {len(found.rows)} trials are on the front. front.json, "
            f"front-*.svg and results.jsonl are in {escape(str(out))}",
            highlight=False,
        )


def _with_units(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose columns say their units."""
    from loihi_sca.reporting.goals import OBJECTIVES

    return {OBJECTIVES[k].column if k in OBJECTIVES else k: value for k, value in row.items()}


def _table(front: list[dict[str, Any]], goals: list[str]) -> Table:
    from loihi_sca.reporting.goals import OBJECTIVES
    from loihi_sca.reporting.studies import chosen_text, value_text

    table = Table("trial", "what it chose")
    for goal in goals:
        table.add_column(OBJECTIVES[goal].label, justify="right")
    table.add_column("test accuracy", justify="right")
    for row in front:
        table.add_row(
            row["trial"],
            escape(chosen_text(row["search"])),
            *(f"{100 * row[g]:.2f} %" if g == "accuracy" else value_text(row[g]) for g in goals),
            f"{100 * row['test_accuracy']:.2f} %",
        )
    return table
