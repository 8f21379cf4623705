"""The reports of sweeps and studies: many networks against what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import tomli_w
from pydantic import BaseModel

from loihi_sca.errors import ConfigError, InputError
from loihi_sca.pipeline.report.folder import read_metrics, read_record
from loihi_sca.pipeline.report.options import Options
from loihi_sca.pipeline.report.records import Failed, Front, Result, Trial
from loihi_sca.reporting.chapters import about_section, constants_section, exactness_section
from loihi_sca.reporting.goals import OBJECTIVES, goal_of
from loihi_sca.reporting.page import Page, Part, Section, Text
from loihi_sca.reporting.picture import Table
from loihi_sca.reporting.studies import chosen_text, front_picture, trial_rows, value_text
from loihi_sca.reporting.sweeps import front, pareto, summary
from loihi_sca.reporting.text import percent, plural, three_digits
from loihi_sca.reporting.training import validation_curves

COSTS = {"cores": "cores", "energy_uj": "total energy per sample, uJ"}

MOST_CURVES = 8
"""Runs whose training curves can be told apart in one picture."""


def _one_run(folder: Path) -> str:
    """Say how a run of a sweep or study is shown by itself."""
    return (
        f"loihi-sca report {quote(folder.name)}/runs/NAME shows one of the runs, with its network."
    )


def page_of_sweep(folder: Path, options: Options) -> Page:
    """Return the page of a sweep, of the runs that are over."""
    _check_options(options)
    results, notes = _results(folder, Result)
    rows = summary(results)
    chips = options.chips(list(results[0]["chips"]))
    costs = {f"{c}_{chip.name}": f"{t}, {chip.name}" for c, t in COSTS.items() for chip in chips}
    costs["synops"] = "synops per sample"
    known = {cost: label for cost, label in costs.items() if any(cost in row for row in rows)}
    parts: list[Part] = [*notes, Text(_one_run(folder))]
    parts += [pareto(rows, cost, label) for cost, label in known.items()]
    parts.append(_table(rows, known))
    first = results[0]
    return Page(
        f"{first['recipe']['name']}: a sweep",
        f"{plural(len(results), 'run')}, {plural(len(rows), 'setting')}; accuracy is that of the "
        "deployed integers on the test split, averaged over seeds.",
        [
            Section("Accuracy and cost", parts),
            Section("Training", _curves(folder, results)),
            _exactness(results),
            constants_section(chips),
            _about(results, "Budget, criterion, objective and seed are those of each run."),
        ],
    )


def page_of_study(folder: Path, options: Options) -> Page:
    """Return the page of a study, of the trials that are over."""
    _check_options(options)
    if not (folder / "front.json").is_file():
        raise InputError(
            f"{folder}: no trial of this study is over yet, or an older version was stopped. The "
            "same loihi-sca study ... command goes on; then there is a front.json."
        )
    about = read_record(folder / "front.json", Front)
    results, notes = _results(folder, Trial)
    goals, profile = about["objectives"], about["profile"]
    best = {row["trial"] for row in about["front"]}
    rows = trial_rows(results, goals, profile, best)
    costs = [goal for goal in goals if goal != "accuracy"]
    parts: list[Part] = [*notes, Text(_one_run(folder))]
    if "accuracy" in goals:
        parts += [front_picture(rows, cost, f"{goal_of(cost).label}, {profile}") for cost in costs]
    parts.append(_trials(rows, goals))
    searched = [(name, what) for name, what in about["search"].items()]
    space = Table("what the study varies", ("field of the recipe", "values"), searched, (1,))
    return Page(
        f"{about['recipe']['name']}: a study",
        f"{plural(len(rows), 'trial')}, of which {len(best)} are on the front: no other beats them "
        f"in {', '.join(goals)} at once. Trials are judged on the validation split, as deployed; "
        "test accuracy is only reported.",
        [
            Section("Front", parts),
            Section("Search", [space]),
            _exactness(results),
            constants_section(options.chips([profile])),
            _about(results, "What a trial chose replaces what stands here."),
        ],
    )


def _check_options(options: Options) -> None:
    """Refuse what is asked for but would not be done."""
    if options.data is not None:
        raise ConfigError(
            "--data: the report of a sweep or study shows what its runs have measured. Give the "
            "folder of one run, or its network.net."
        )


def _results(folder: Path, form: type[BaseModel]) -> tuple[list[dict[str, Any]], list[Part]]:
    """Return the results that there are, and what is said of runs that have none.

    Raises
    ------
    InputError
        There is none at all, or one is damaged.
    """
    places = sorted(p for p in (folder / "runs").glob("*") if p.is_dir())
    done = [p for p in places if (p / "result.json").is_file()]
    failed = [p for p in places if p not in done and (p / "failed.json").is_file()]
    under_way = [p.name for p in places if p not in done and p not in failed]
    notes: list[Part] = []
    if under_way:
        notes.append(Text(f"Unfinished: {', '.join(under_way)}. The same command goes on.", "lead"))
    for path in failed:
        why = read_record(path / "failed.json", Failed)
        notes.append(Text(f"Failed: {path.name}: {why['error']}: {why['message']}", "lead"))
    if not done:
        raise InputError(
            f"{folder}: no run has a result yet ({len(under_way)} under way, {len(failed)} failed)."
            f" {_one_run(folder)}"
        )
    return [read_record(path / "result.json", form) for path in done], notes


def _table(rows: Sequence[Mapping[str, Any]], costs: Mapping[str, str]) -> Table:
    fronts = {cost: [id(row) for row in front(rows, cost)] for cost in costs}
    head = (
        "budget", "criterion", "objective", "start", "seeds", "accuracy", "connections",
        *costs.values(),
    )  # fmt: skip
    body = []
    for row in rows:
        amount = "" if row["amount"] is None else f"={row['amount']:g}"
        spread = f" ± {percent(row['accuracy_std'])}" if row["seeds"] > 1 else ""
        body.append(
            (
                f"{row['budget']}{amount}", row["criterion"] or "", row["objective"] or "",
                row["start"], str(row["seeds"]), percent(row["accuracy"]) + spread,
                f"{row['connections']:,.0f}",
                *(_cost(row, cost, id(row) in fronts[cost]) for cost in costs),
            )
        )  # fmt: skip
    caption = "means over seeds; * on the front: nothing has less of the cost and is as accurate"
    return Table(caption, head, body, words=(1, 2, 3))


def _cost(row: Mapping[str, Any], cost: str, on_front: bool) -> str:
    if cost not in row:
        return "unknown"
    return three_digits(row[cost]) + (" *" if on_front else "")


def _trials(rows: Sequence[Mapping[str, Any]], goals: Sequence[str]) -> Table:
    labels = [OBJECTIVES[goal].label for goal in goals]
    head = ("trial", "what it chose", "on the front", *labels, "test accuracy")
    body = [
        (
            row["trial"], chosen_text(row["search"]), "yes" if row["front"] else "",
            *(percent(row[g]) if g == "accuracy" else value_text(row[g]) for g in goals),
            percent(row["test_accuracy"]),
        )
        for row in sorted(rows, key=lambda row: (not row["front"], -row[goals[0]]))
    ]  # fmt: skip
    return Table("all trials, those on the front first", head, body, words=(1, 2))


def _curves(folder: Path, results: Iterable[Mapping[str, Any]]) -> list[Part]:
    """Return the curves of all runs, where they can be told apart and are still there."""
    models = {}
    for result in results:
        metrics, _ = read_metrics(folder / "runs" / result["run"])
        for epochs in metrics.values():  # of one model
            models[result["run"]] = epochs
    if len(models) > MOST_CURVES:
        text = f"Curves of {len(models)} runs are too many for one picture; see those of one run."
        return [Text(text, "missing")]
    return [validation_curves(models)] if models else []


def _exactness(results: Sequence[Mapping[str, Any]]) -> Section:
    mismatches = sum(r["mismatches"] for r in results)
    least = min(r["verified_samples"] for r in results)
    engines = {tuple(r.get("compared", ())) for r in results}
    among = " and ".join(" = ".join(e) for e in sorted(engines) if e) or "the engines asked for"
    return exactness_section(
        [
            Text(
                f"{mismatches} mismatching spikes in {plural(len(results), 'network')}, each "
                f"compared ({among}) in every layer on at least {plural(least, 'test sample')} "
                "when it was deployed.",
                "good" if not mismatches else "lead",
            )
        ]
    )


def _about(results: Sequence[Mapping[str, Any]], text: str) -> Section:
    versions = [r["versions"] for r in results]
    more = [text]
    if versions.count(versions[0]) < len(versions):
        more.append("Versions differ between runs; these are those of the first.")
    seeds = sorted({r["seed"] for r in results})
    return about_section(tomli_w.dumps(results[0]["recipe"]), versions[0], seeds, *more)
