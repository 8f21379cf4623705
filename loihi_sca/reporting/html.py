"""The report of a run folder: one HTML file without any outside resource."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from loihi_sca.errors import InputError
from loihi_sca.files import write_text
from loihi_sca.reporting.comparison import band_text, comparison, headline
from loihi_sca.reporting.plots import curves, stacked_bars


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` of a run folder and return its path.

    Parameters
    ----------
    folder : path
        Of ``loihi-sca demo``.

    Returns
    -------
    Path
        Of one HTML file without any outside resource.

    Raises
    ------
    InputError
        The folder holds no finished run.

    Examples
    --------
    >>> import loihi_sca
    >>> loihi_sca.report("runs/none")
    Traceback (most recent call last):
    loihi_sca.errors.InputError: runs/none: no summary.json. A report is made of a finished run ...
    """
    folder = Path(folder)
    summary = _read_summary(folder / "summary.json")
    template = (resources.files("loihi_sca") / "reporting" / "report.html.j2").read_text("utf-8")
    # summary.json may be anybody's: everything is escaped but our own SVG
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template).render(
        summary=summary,
        rows=comparison(summary),
        headline=headline(summary),
        band=band_text,
        costs=[Markup(svg) for svg in _energy_plots(summary)],  # noqa: S704
        plots=[Markup(svg) for svg in _plots(folder / "metrics.jsonl")],  # noqa: S704
        recipe=(folder / "recipe.toml").read_text("utf-8"),
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


def _read_summary(path: Path) -> dict[str, Any]:
    try:
        summary: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent}: no summary.json. A report is made of a finished run of loihi-sca demo."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
    if summary.get("schema") != 1 or not {"dense", "pruned"} <= summary.keys():
        raise InputError(f"{path}: not the summary of a demo run (schema 1).")
    return summary


def _energy_plots(summary: dict[str, Any]) -> list[str]:
    """Draw the total energy of both models on each chip for which it is known."""
    drawn = []
    for profile in summary["dense"]["estimates"]:
        energies = {m: summary[m]["estimates"][profile]["energy"] for m in ("dense", "pruned")}
        if None in energies.values():
            continue
        parts = {
            f"{model}, {profile}": {p: e[f"{p}_uj"]["best"] for p in ("static", "dynamic")}
            for model, e in energies.items()
        }
        bands = {
            f"{model}, {profile}": (e["total_uj"]["low"], e["total_uj"]["high"])
            for model, e in energies.items()
        }
        drawn.append(stacked_bars(parts, bands, y_label="total energy per sample, uJ"))
    return drawn


def _plots(path: Path) -> list[str]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    accuracy: dict[str, list[float]] = {}
    channels: dict[str, list[float]] = {}
    for line in lines:
        accuracy.setdefault(line["model"], []).append(line["validation_accuracy"])
        channels.setdefault(line["model"], []).append(sum(line["alive"].values()))
    return [
        curves(accuracy, x_label="epoch", y_label="validation accuracy", percent=True),
        curves(channels, x_label="epoch", y_label="channels that can be pruned"),
    ]
