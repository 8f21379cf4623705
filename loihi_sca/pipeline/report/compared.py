"""The report of a demo: a dense and a pruned network of one recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loihi_sca import netx
from loihi_sca.pipeline.report.folder import MODELS, read_metrics, read_optional, read_record
from loihi_sca.pipeline.report.options import Options
from loihi_sca.pipeline.report.records import Summary
from loihi_sca.pipeline.report.seen import Found, look_at
from loihi_sca.reporting.chapters import (
    OnChip,
    Seen,
    about_section,
    constants_section,
    exactness_section,
    network_section,
    training_section,
)
from loihi_sca.reporting.chip import total_energy
from loihi_sca.reporting.comparison import comparison, headline
from loihi_sca.reporting.page import Page, Part, Section, Text
from loihi_sca.reporting.picture import Table


def page_of_demo(folder: Path, options: Options) -> Page:
    """Return the page of a finished demo; figures of the comparison are those it has written."""
    summary = read_record(folder / "summary.json", Summary)
    metrics, notes = read_metrics(folder)
    chips = options.chips(list(summary["pruned"]["estimates"]))
    found = {
        label: _look(folder, label, options, chips, summary[label]["estimates"])
        for label in reversed(MODELS)
    }
    stated = Text(
        f"{summary['mismatches']} mismatching spikes between SLAYER, both engines and Lava over "
        f"{summary['samples_verified']} test samples, every layer compared, for both networks, "
        "when the demo ran.",
        "good" if not summary["mismatches"] else "lead",
    )
    return Page(
        f"{summary['recipe']}: dense and pruned",
        f"Dense and pruned network of one recipe, seed {summary['seed']}; accuracy is that of the "
        "deployed integers.",
        [
            _comparison(summary),
            training_section(metrics, notes),
            *(network_section(f.seen) for f in found.values()),
            exactness_section([stated, *(proof for f in found.values() for proof in f.proofs)]),
            constants_section(chips),
            about_section(
                read_optional(folder / "recipe.toml"), summary["versions"], [summary["seed"]],
                f"Total time {summary['total_time_s']:.0f} s.",
            ),
        ],
    )  # fmt: skip


def _look(folder: Path, label: str, options: Options, chips: Any, recorded: Any) -> Found:
    path = folder / f"{label}.net"
    if not path.is_file():
        note = f"Not shown: confusion, raster, mesh and cliffs, since {path.name} is gone."
        shown = tuple(OnChip(recorded[c.name]) for c in chips if c.name in recorded)
        return Found(Seen(label, shown, notes=(note,)), ())
    return look_at(netx.read(path), label, options, folder, chips, recorded)


def _comparison(summary: dict[str, Any]) -> Section:
    parts: list[Part] = [Text(sentence, "lead") for sentence in headline(summary)]
    rows = [(row.name, row.dense, row.pruned, row.change) for row in comparison(summary)]
    parts.append(Table("dense and pruned", ("", "dense", "pruned", "change"), rows))
    for profile in summary["dense"]["estimates"]:
        energies = {m: summary[m]["estimates"][profile]["energy"] for m in MODELS}
        if None not in energies.values():  # an unknown energy is no energy of 0
            parts.append(total_energy(profile, energies))
    return Section("Dense and pruned", parts)
