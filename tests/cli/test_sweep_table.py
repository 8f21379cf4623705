"""The table of a sweep: budgets can be told apart on 80 columns, one seed has no spread."""

import io

import pytest
from rich.console import Console

from loihi_sca.cli.sweep import _tables

CHIPS = ["loihi1", "loihi2"]


def row(budget: str, amount: object, seeds: int, criterion: str | None = "sca") -> dict:
    return {
        "budget": budget, "amount": amount, "criterion": criterion, "objective": "harmonic",
        "seeds": seeds, "accuracy": 0.97, "accuracy_std": 0.01, "connections_share": 0.5,
        "synops_share": 0.25, "cores_loihi1": 1234.0, "cores_loihi2": 12.0,
        "energy_uj_loihi2": 12345.6,
    }  # fmt: skip


def drawn(rows: list[dict], width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    for table in _tables(rows, CHIPS):
        console.print(table)
    return console.export_text()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("criteria", [["sca"], ["sca", "membrane"]])
def test_budgets_are_told_apart(width: int, criteria: list[str]) -> None:
    rows = [row("synapse_words", a, 3, c) for a in (120000, 240000) for c in criteria]
    text = drawn([row("dense", None, 3, None), *rows], width)
    for whole in ("synapse_words=120000", "synapse_words=240000", "97.00 ± 1.00 %", "unknown"):
        assert whole in text
    assert "…" not in text
    assert "total energy per sample, static power included" in text


def test_one_seed_has_no_spread() -> None:
    text = drawn([row("keep", 0.5, 1)], 80)
    assert "97.00 %" in text
    assert "±" not in text
