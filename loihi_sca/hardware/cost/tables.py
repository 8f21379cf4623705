"""Tables of energy and latency."""

from __future__ import annotations

from rich.table import Table

from loihi_sca.hardware.cost.energy import EnergyEstimate
from loihi_sca.hardware.cost.estimate import Estimate
from loihi_sca.hardware.quantity import Band
from loihi_sca.results import open_table


def cost_tables(estimate: Estimate) -> list[Table]:
    """Return energy and latency, where they are known."""
    if estimate.energy is None or estimate.latency is None:
        return []
    return [energy_table(estimate.energy), latency_table(estimate)]


def energy_table(energy: EnergyEstimate) -> Table:
    """Return the sums, the total first, and one row per kind of operation."""
    table = open_table(f"energy per sample ({energy.activity.source})", "")
    for name in ("count", "pJ each", "low uJ", "best uJ", "high uJ"):
        table.add_column(name, justify="right")
    table.add_column("confidence")
    table.add_row("total, static power included", "", "", *ends(energy.total_uj), "")
    power = energy.board.static
    static = f"static power x time, {energy.board_name}"
    table.add_row(static, "", "", *ends(energy.static_uj), power.confidence)
    table.add_row("dynamic, the sum of:", "", "", *ends(energy.dynamic_uj), "")
    table.add_section()
    for item in energy.by_item:
        table.add_row(
            item.item, f"{item.count:,.0f}", f"{item.constant.value:.3g}",
            *ends(item.energy_uj), item.constant.confidence,
        )  # fmt: skip
    table.caption = "\n".join((*_notes(energy), _comparison(energy)))
    return table


def latency_table(estimate: Estimate) -> Table:
    """Return the time per step, per sample and to the first result, and what would shorten it."""
    latency, advice = estimate.latency, estimate.advice
    assert latency is not None  # noqa: S101 - the caller has looked
    assert advice is not None  # noqa: S101 - known where the latency is
    table = open_table("latency", "")
    for name in ("low", "best", "high", "unit"):
        table.add_column(name, justify="right")
    table.add_row(f"sample, {latency.timesteps} steps", *ends(latency.sample_us), "us")
    table.add_row("step", *ends(latency.step_us), "us")
    table.add_row("of it the barrier", *ends(latency.barrier_us), "us")
    steps = f"{latency.timesteps} + {latency.synapse_layers}"
    table.add_row(f"first result, {steps} steps", *ends(latency.first_result_us), "us")
    table.add_row("throughput", *ends(latency.samples_per_s), "samples/s")
    table.caption = advice.text
    return table


def ends(band: Band) -> tuple[str, str, str]:
    """Return low, best and high as text."""
    low, best, high = (
        f"{x:,.0f}" if x >= 10000 else f"{x:.4g}" for x in (band.low, band.best, band.high)
    )
    return low, best, high


def _notes(energy: EnergyEstimate) -> list[str]:
    """Return what constants say of themselves, such as that one is an assumption."""
    notes = {x.item: x.constant for x in energy.by_item if x.constant.note}
    return [f"{item}: {constant.note}; {constant.source}." for item, constant in notes.items()]


def _comparison(energy: EnergyEstimate) -> str:
    comparison = energy.comparison
    return (
        f"For papers, not what the chip takes: synops as 45 nm accumulates {comparison.snn_uj:.4g} "
        f"uJ; the equivalent dense ANN, {comparison.ann_macs:,} MACs, {comparison.ann_uj:.4g} uJ."
    )
