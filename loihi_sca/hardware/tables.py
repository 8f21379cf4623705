"""Tables of cores, cliffs and profiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from loihi_sca.hardware.mapping.cliffs import LayerCliffs
from loihi_sca.hardware.mapping.compiler_table import NO_AXON_MEM, compiler_table
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.quantity import Choices, Quantity
from loihi_sca.hardware.schema import Profile
from loihi_sca.results import open_table


def cores_table(placement: Placement) -> Table:
    """Return one row per layer."""
    table = open_table(_title(placement), "layer", "type", "shape")
    for name in ("bits", "cores", "neurons/core", "words", "in-axons", "out-axons"):
        table.add_column(name, justify="right")
    table.add_column("nearest limit")
    for layer in placement.layers:
        table.add_row(
            layer.spec.name,
            layer.spec.type,
            " ".join(map(str, layer.spec.shape)),
            str(core_budget_of(placement.profile).widest_bits(layer.spec.geometry) or ""),
            f"{layer.cores:,}",
            *(_largest(x) for x in (layer.neurons, layer.words, layer.in_axons, layer.out_axons)),
            f"{layer.binding} {100 * layer.utilisation:.0f} %" if layer.cores else "",
        )
    return table


def compiler_tables(placement: Placement) -> list[Table]:
    """Return the columns that the chip's compiler prints, one row per layer; none on Loihi 1."""
    table = open_table("as the compiler's table, fullest core of each layer in %", "layer")
    for name in ("cores", "AxonIn", "NeuronGr", "Neurons", "Synapses", "AxonMap", "Total"):
        table.add_column(name, justify="right")
    above = []
    for layer in placement.layers:
        columns = compiler_table(layer, placement.profile)
        if columns is None:
            return []
        if layer.cores:
            percents = columns.as_json().values()
            table.add_row(layer.spec.name, f"{layer.cores:,}", *(f"{x:.2f}" for x in percents))
            above += [layer.spec.name] if columns.total.max() > 100 else []
    table.caption = NO_AXON_MEM
    if above:
        table.caption += (
            f" Total of {', '.join(above)} is above 100 %: the compiler would cut further there, "
            "so that the cores are too few."
        )
    return [table]


def map_table(placement: Placement) -> Table:
    """Return which cores hold which layer, and how it is cut."""
    table = open_table(_title(placement), "layer")
    for name in ("cores", "from", "to", "chip", "tile C x H x W", "neurons/core", "words"):
        table.add_column(name, justify="right")
    per_chip = int(placement.profile.chip.cores)
    for layer in placement.layers:
        if not layer.cores:
            table.add_row(layer.spec.name, "0", "", "", "host", "", "", "")
            continue
        last = layer.first + layer.cores - 1
        chips = sorted({layer.first // per_chip, last // per_chip})
        table.add_row(
            layer.spec.name, f"{layer.cores:,}", str(layer.first), str(last),
            "-".join(map(str, chips)), " x ".join(map(str, layer.tile)),
            _largest(layer.neurons), _largest(layer.words),
        )  # fmt: skip
    if placement.straddling:
        table.caption = f"On more than one chip: {', '.join(placement.straddling)}."
    return table


def cliffs_table(layers: Sequence[LayerCliffs], profile: str, most: int, note: str = "") -> Table:
    """Return, per layer, the next cheaper channel counts."""
    table = open_table(f"cliffs on {profile}", "layer")
    table.caption = note or None
    for name in ("channels", "cores", "cores behind", "words/core", "saves cores", "saves words"):
        table.add_column(name, justify="right")
    table.add_column("dearer at")
    for layer in layers:
        now = layer.need
        dearer = ", ".join(map(str, layer.dearer[:6])) + (" ..." if len(layer.dearer) > 6 else "")
        table.add_row(
            layer.layer,
            str(layer.channels),
            str(now.cores),
            str(layer.following_cores),
            f"{now.words:,}",
            "",
            "",
            dearer,
        )
        for cliff in layer.cliffs[:most]:
            table.add_row(
                "", str(cliff.channels), str(cliff.cores), str(cliff.following_cores),
                f"{cliff.words:,}", str(cliff.saved_cores or ""), f"{cliff.saved_words:,}",
            )  # fmt: skip
        table.add_section()
    return table


SECTIONS = ("chip", "limits", "neurons", "synapses", "pool", "energy", "time", "comparison")


def profile_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return one flat row per number of a profile, with its unit and source.

    ``value`` is a list where a setting can take several; ``low`` and ``high`` are its band.
    """
    return [
        {
            "quantity": name,
            **_value(quantity),
            "unit": quantity.unit,
            "confidence": quantity.confidence,
            "source": quantity.source,
            "note": quantity.note,
        }
        for name, quantity in _quantities(profile)
    ]


def profile_table(profile: Profile) -> Table:
    """Return every number of a profile with its source."""
    table = open_table(f"{profile.name}: {profile.title}", "quantity")
    table.add_column("value", justify="right")
    for name in ("unit", "confidence", "source"):
        table.add_column(name, overflow="fold")
    for cells in profile_cells(profile):
        table.add_row(*cells)
    return table


def profile_cells(profile: Profile) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, value, unit, confidence and source of every number of a profile, for people."""
    for row in profile_rows(profile):
        value, low, high = row["value"], row["low"], row["high"]
        text = ", ".join(map(str, value)) if isinstance(value, list) else f"{value:,g}"
        if low != high:
            text += f" ({low:,g} to {high:,g})"
        source = row["source"] + (f"; {row['note']}" if row["note"] else "")
        yield row["quantity"], text, row["unit"], row["confidence"], source


def _quantities(profile: Profile) -> Iterator[tuple[str, Quantity | Choices]]:
    for section in SECTIONS:
        for key, quantity in getattr(profile, section) or ():
            if isinstance(quantity, Quantity | Choices):
                yield f"{section}.{key}", quantity
            elif isinstance(quantity, dict):
                for name, entry in quantity.items():
                    yield f"{section}.{key}.{name}", entry
    for name, board in profile.boards.items():
        yield f"boards.{name}.chips", board.chips
        power = "static_power" if board.static_power else "static_power_per_core"
        yield f"boards.{name}.{power}", board.static


def _value(quantity: Quantity | Choices) -> dict[str, Any]:
    if isinstance(quantity, Choices):
        return {"value": list(quantity.values), "low": None, "high": None}
    band = quantity.band
    return {"value": band.best, "low": band.low, "high": band.high}


def _title(placement: Placement) -> str:
    plural = "chips" if placement.chips > 1 else "chip"
    title = (
        f"{placement.architecture.name} on {placement.profile.name}: {placement.cores:,} cores, "
        f"{placement.chips} {plural}"
    )
    if placement.cores_low < placement.cores:
        # the profile says whose assumption this is, and why
        each = placement.profile.neurons.default.band
        title += (
            f" (band {placement.cores_low:,} to {placement.cores:,} cores; the lower edge is our "
            f"assumption of {each.low:g} compartment per neuron, the public tables show "
            f"{each.best:g})"
        )
    return title


def _largest(values: object) -> str:
    import numpy as np

    array = np.asarray(values)
    return f"{int(array.max()):,}" if array.size else ""
