"""The sections of reports: each is made in one place, whatever run it is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from loihi_sca.hardware.cost.energy import NOT_MODELLED
from loihi_sca.hardware.mapping.cliffs import Cliffs
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.tables import profile_cells
from loihi_sca.reporting import training
from loihi_sca.reporting.behaviour import confusion, raster
from loihi_sca.reporting.chip import layer_cliffs, layer_energy, layer_time, total_energy
from loihi_sca.reporting.mesh import mesh
from loihi_sca.reporting.page import Listing, Part, Section, Text
from loihi_sca.reporting.picture import Table
from loihi_sca.reporting.text import band_text, plural


@dataclass(frozen=True)
class OnChip:
    """A network on a chip.

    Attributes
    ----------
    estimate : mapping
        JSON of an :class:`loihi_sca.hardware.Estimate`.
    placement : Placement or None
        None where the network itself is not at hand.
    loads : sequence of float or None
        Synops per step of each core, where activity was counted.
    cliffs : Cliffs or None
    notes : tuple of str
        What is not shown, and why.
    """

    estimate: Mapping[str, Any]
    placement: Placement | None = None
    loads: Sequence[float] | None = None
    cliffs: Cliffs | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A network, and what has been seen of it.

    Attributes
    ----------
    name : str
    chips : tuple of OnChip
    confusion : int64 array (classes, classes) or None
    samples, accuracy : str
        Which samples ``confusion`` is of, and what share is right, in a sentence.
    spikes : mapping of layer name to int array (neurons, T), or None
        Of one sample.
    sample : str
        Which one.
    graded : bool
        Whether it sends messages.
    notes : tuple of str
        What is not shown, and why.
    """

    name: str
    chips: tuple[OnChip, ...] = ()
    confusion: npt.NDArray[Any] | None = None
    samples: str = ""
    accuracy: str = ""
    spikes: Mapping[str, npt.NDArray[Any]] | None = None
    sample: str = ""
    graded: bool = False
    notes: tuple[str, ...] = field(default=())


def training_section(models: Mapping[str, training.Epochs], notes: Iterable[str] = ()) -> Section:
    """Return curves, channels and scores, by model."""
    parts: list[Part] = [Text(note, "missing") for note in notes]
    if models:
        parts.append(training.curves(models))
    for model, epochs in models.items():
        if any(e["pruned"] or e["regenerated"] for e in epochs):
            parts.append(training.channels(model, epochs))
        scores = training.scores(model, epochs)
        if scores is not None:
            parts.append(scores)
        elif any(e["pruned"] for e in epochs):
            text = f"{model}: this run, of an older version, does not record scores."
            parts.append(Text(text, "missing"))
    return Section("Training", parts)


def network_section(seen: Seen) -> Section:
    """Return what a network does, and what it takes of each chip."""
    parts: list[Part] = [Text(seen.accuracy, "lead")] if seen.accuracy else []
    parts += [Text(note, "missing") for note in seen.notes]
    if seen.confusion is not None:
        parts.append(confusion(seen.name, seen.confusion, seen.samples))
    if seen.spikes is not None:
        parts.append(raster(seen.name, seen.spikes, seen.sample, seen.graded))
    under = [Section(f"On {x.estimate['profile']}", _chip_parts(seen.name, x)) for x in seen.chips]
    return Section(f"The network {seen.name}", parts, under)


def _chip_parts(name: str, on: OnChip) -> list[Part]:
    estimate = on.estimate
    chip, energy, latency = estimate["profile"], estimate["energy"], estimate["latency"]
    said = f"{plural(estimate['cores'], 'core')} on {plural(estimate['chips'], 'chip')}."
    if energy:
        said += (
            f" Total energy per sample, static power included, "
            f"{band_text(energy['total_uj'], 'uJ')}, of it dynamic "
            f"{band_text(energy['dynamic_uj'], 'uJ')}. Latency per sample "
            f"{band_text(latency['sample_us'], 'us')}. {latency['advice']}"
        )
    parts: list[Part] = [Text(said)]
    parts += [Text(f"It does not fit: {v['message']}", "lead") for v in estimate["violations"]]
    parts += [Text(note, "missing") for note in on.notes]
    if on.placement is not None and on.placement.cores:
        what = "" if on.loads is None else "synops per step"
        parts.append(mesh(on.placement, on.loads, what))
    if energy:
        parts.append(total_energy(chip, {name: energy}))
        if all("items_uj" in layer for layer in energy["layers"]):
            parts.append(layer_energy(name, chip, energy))
        parts.append(layer_time(name, chip, latency))
    if on.cliffs:
        parts.append(layer_cliffs(on.cliffs))
    parts.append(_layers(estimate))
    if energy:
        parts.append(_constants_used(estimate))
    return parts


def _layers(estimate: Mapping[str, Any]) -> Table:
    head = ("layer", "shape", "neurons", "weight bits", "words per core", "cores", "bound by")
    rows = [
        (
            x["name"], "x".join(map(str, x["shape"])), f"{x['neurons']:,}", str(x["weight_bits"]),
            f"{x['synapse_words']:,}", f"{x['cores']:,}", str(x["binding"] or ""),
        )
        for x in estimate["layers"]
    ]  # fmt: skip
    return Table(f"{estimate['profile']}: layers and their cores", head, rows, words=(1, 6))


def _constants_used(estimate: Mapping[str, Any]) -> Table:
    """Return what the energy is made of, with the provenance of each constant."""
    energy = estimate["energy"]
    board = energy["board"]
    rows = [
        ("total, static power included", "", band_text(energy["total_uj"], "uJ"), "", ""),
        (
            f"static power x time, {board['title']}", "", band_text(energy["static_uj"], "uJ"),
            board["confidence"], board["source"],
        ),
        ("dynamic, the sum of:", "", band_text(energy["dynamic_uj"], "uJ"), "", ""),
    ]  # fmt: skip
    for item in energy["items"]:
        source = item["source"] + (f"; {item['note']}" if "note" in item else "")
        cost = band_text(item["energy_uj"], "uJ")
        rows.append((item["item"], f"{item['count']:,.0f}", cost, item["confidence"], source))
    caption = f"{estimate['profile']}: energy per sample, best (low to high)"
    return Table(caption, ("", "count", "energy", "confidence", "source"), rows, words=(3, 4))


def exactness_section(statements: Sequence[Text]) -> Section:
    """Return what was compared spike for spike, and what came of it."""
    return Section("Exactness", statements)


def constants_section(profiles: Iterable[Profile]) -> Section:
    """Return every number of the chips, with unit, confidence and source, and what is left out."""
    head = ("quantity", "value", "unit", "confidence", "source")
    text = Text(
        "Cores and synapse memory follow the closed form of Intel's mapping tables. Total energy "
        "is dynamic energy, counts times constants, and static power of the board times the "
        "latency per sample. A band adds up as if all constants were off in the same direction. "
        "Confidence: A read in the primary artefact, C quoted second-hand, D derived or fitted. "
        f"Not modelled: {'; '.join(NOT_MODELLED)}."
    )
    tables = [
        Table(f"{p.name}: {p.title}", head, list(profile_cells(p)), words=(2, 3, 4))
        for p in profiles
    ]
    return Section("Constants and where they come from", [text, *tables])


def about_section(
    recipe: str | None, versions: Mapping[str, str] | None, seeds: Sequence[int], *more: str
) -> Section:
    """Return recipe, versions and seeds."""
    parts: list[Part] = [Text(text) for text in more]
    if seeds:
        parts.append(Text(f"Seed{'' if len(seeds) == 1 else 's'}: {', '.join(map(str, seeds))}."))
    if versions:
        rows = list(versions.items())
        parts.append(Table("versions that the figures depend on", ("", "version"), rows, (1,)))
    if recipe is not None:
        parts.append(Listing("recipe, every default spelled out", recipe))
    return Section("Recipe, versions, seeds", parts)
