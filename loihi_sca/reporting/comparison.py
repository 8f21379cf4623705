"""The comparison dense | pruned | change, made from a ``summary.json``.

What a sample costs comes first: energy with static power, its band, and time; dynamic energy and
what the network consists of stand behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loihi_sca.reporting.text import band_text

Value = Callable[[dict[str, Any]], float]

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """One figure of two models, as text and as numbers.

    Attributes
    ----------
    name, dense, pruned, change : str
        Ready to show.
    unit : str
        Of the numbers.
    numbers : tuple of dict or None
        Of both models, ``low``, ``best`` and ``high``; None where unknown.
    """

    name: str
    dense: str
    pruned: str
    change: str
    unit: str
    numbers: tuple[dict[str, float] | None, dict[str, float] | None]

    def as_json(self) -> dict[str, Any]:
        """Return the numbers instead of the text."""
        dense, pruned = self.numbers
        return {"figure": self.name, "unit": self.unit, "dense": dense, "pruned": pruned}


def comparison(summary: dict[str, Any]) -> list[Row]:
    """Return the rows of the comparison.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json``.
    """
    dense, pruned = summary["dense"], summary["pruned"]
    rows = [_points("accuracy on test data", dense["accuracy"], pruned["accuracy"])]
    for profile in dense["estimates"]:
        rows.extend(_costs(profile, dense["estimates"][profile], pruned["estimates"][profile]))
    for profile in dense["estimates"]:
        rows.extend(_cores(profile, dense["estimates"][profile], pruned["estimates"][profile]))
    for name, value, form, unit in (
        ("channels that can be pruned", lambda m: m["channels"], "{:,.0f}", "channels"),
        ("parameters", lambda m: m["parameters"], "{:,.0f}", "parameters"),
        ("spikes per sample", lambda m: m["spikes_per_sample"], "{:,.0f}", "spikes"),
        ("synops per sample", lambda m: m["synops_per_sample"], "{:,.0f}", "synops"),
        (
            f"Lava wall time, {dense['lava_samples']} samples",
            lambda m: m["lava_time_s"],
            "{:.1f} s",
            "s",
        ),
    ):
        rows.append(_ratio(name, value, form, unit, dense, pruned))
    return rows


def headline(summary: dict[str, Any]) -> list[str]:
    """Return, per chip, the whole truth in one sentence.

    Total energy with its band first, then dynamic energy and latency.
    """
    sentences = []
    for profile, before in summary["dense"]["estimates"].items():
        after = summary["pruned"]["estimates"][profile]
        total, static, dynamic, latency = _costs(profile, before, after)
        if total.dense == UNKNOWN or total.pruned == UNKNOWN:
            sentences.append(f"{profile}: energy and latency {UNKNOWN}.")
            continue
        sentences.append(
            f"{profile}: total energy per sample, static power included, {total.change}: "
            f"{total.dense} dense, {total.pruned} pruned; dynamic energy alone {dynamic.change}, "
            f"static {static.change}; latency per sample {latency.change}."
        )
    return sentences


def _costs(profile: str, dense: dict[str, Any], pruned: dict[str, Any]) -> list[Row]:
    """Return total, static and dynamic energy and the latency."""
    return [
        _band(f"{profile}: {name}", dense, pruned, path, unit)
        for name, path, unit in (
            ("total energy per sample, static power included", ("energy", "total_uj"), "uJ"),
            ("of it static energy", ("energy", "static_uj"), "uJ"),
            ("of it dynamic energy", ("energy", "dynamic_uj"), "uJ"),
            ("latency per sample", ("latency", "sample_us"), "us"),
        )
    ]


def _band(
    name: str,
    dense: dict[str, Any],
    pruned: dict[str, Any],
    path: tuple[str, str],
    unit: str,
) -> Row:
    part, key = path
    bands = [model[part] and model[part][key] for model in (dense, pruned)]
    before, after = (UNKNOWN if band is None else band_text(band, unit) for band in bands)
    change = "-"
    if None not in bands and bands[0]["best"]:
        change = _change(bands[0]["best"], bands[1]["best"])
    return Row(name, before, after, change, unit, (bands[0], bands[1]))


def _cores(profile: str, dense: dict[str, Any], pruned: dict[str, Any]) -> list[Row]:
    def words(estimate: dict[str, Any]) -> float:
        return float(sum(x["synapse_words_mean"] * x["cores"] for x in estimate["layers"]))

    return [
        _ratio(f"{profile}: cores", lambda e: e["cores"], "{:,.0f}", "cores", dense, pruned),
        _ratio(
            f"{profile}: synapse memory, 64-bit words", words, "{:,.0f}", "words", dense, pruned
        ),
    ]


def _ratio(
    name: str, value: Value, form: str, unit: str, dense: dict[str, Any], pruned: dict[str, Any]
) -> Row:
    before, after = value(dense), value(pruned)
    change = _change(before, after) if before else "-"
    return Row(
        name, form.format(before), form.format(after), change, unit, (_exact(before), _exact(after))
    )


def _exact(value: float) -> dict[str, float]:
    return {"low": value, "best": value, "high": value}


def _change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.0f} %"


def _points(name: str, before: float, after: float) -> Row:
    change = f"{100 * (after - before):+.2f} points"
    dense, pruned = (f"{100 * share:.2f} %" for share in (before, after))
    return Row(name, dense, pruned, change, "share", (_exact(before), _exact(after)))
