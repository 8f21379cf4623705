"""The comparison dense | pruned | change, made from a ``summary.json``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Value = Callable[[dict[str, Any]], float]


@dataclass(frozen=True)
class Row:
    """One figure of two models, as text.

    Attributes
    ----------
    name, dense, pruned, change : str
        Ready to show.
    """

    name: str
    dense: str
    pruned: str
    change: str


def comparison(summary: dict[str, Any]) -> list[Row]:
    """Return the rows of the comparison.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json``.
    """
    dense, pruned = summary["dense"], summary["pruned"]
    rows = [_points("accuracy on test data", dense["accuracy"], pruned["accuracy"])]
    for name, value, form in (
        ("channels", lambda m: m["channels"], "{:,.0f}"),
        ("parameters", lambda m: m["parameters"], "{:,.0f}"),
        ("spikes per sample", lambda m: m["spikes_per_sample"], "{:,.0f}"),
        ("synops per sample", lambda m: m["synops_per_sample"], "{:,.0f}"),
    ):
        rows.append(_ratio(name, value, form, dense, pruned))
    for profile in dense["estimates"]:
        rows.extend(_estimate_rows(profile, dense, pruned))
    rows.append(
        _ratio(
            f"Lava wall time, {dense['lava_samples']} samples",
            lambda m: m["lava_time_s"],
            "{:.1f} s",
            dense,
            pruned,
        )
    )
    return rows


def _estimate_rows(profile: str, dense: dict[str, Any], pruned: dict[str, Any]) -> list[Row]:
    def of(*path: str) -> Value:
        def value(model: dict[str, Any]) -> float:
            node: Any = model["estimates"][profile]
            for key in path:
                node = node[key]
            return float(node)

        return value

    def words(model: dict[str, Any]) -> float:
        layers = model["estimates"][profile]["layers"]
        return float(sum(x["synapse_words_mean"] * x["cores"] for x in layers))

    rows = [
        _ratio(f"{profile}: cores", of("cores"), "{:,.0f}", dense, pruned),
        _ratio(f"{profile}: synapse memory, 64-bit words", words, "{:,.0f}", dense, pruned),
    ]
    if dense["estimates"][profile]["energy"] is not None:
        energy = of("energy", "dynamic_uj", "best")
        name = f"{profile}: dynamic energy per sample"
        rows.append(_ratio(name, energy, "{:,.2f} uJ", dense, pruned))
    return rows


def _ratio(
    name: str, value: Value, form: str, dense: dict[str, Any], pruned: dict[str, Any]
) -> Row:
    before, after = value(dense), value(pruned)
    change = f"{100 * (after / before - 1):+.0f} %" if before else "-"
    return Row(name, form.format(before), form.format(after), change)


def _points(name: str, before: float, after: float) -> Row:
    change = f"{100 * (after - before):+.2f} points"
    return Row(name, f"{100 * before:.2f} %", f"{100 * after:.2f} %", change)
