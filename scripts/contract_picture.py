#!/usr/bin/env python3
"""Draw docs/contract.svg: one spike train from recipe to report, in the numbers of a real run.

    scripts/contract_picture.py            # prints the picture
    scripts/contract_picture.py --write    # writes docs/contract.svg

Two neurons in a row are run on the reference engine, on both schedules; every number drawn is one
that it gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from _pages import show_or_write

from loihi_sca.engine import reference
from loihi_sca.hardware import estimate
from loihi_sca.network import Cuba, Dense, Input, Network

PAGE = Path(__file__).resolve().parents[1] / "docs" / "contract.svg"

STEPS = 10
CELL, ROW, LEFT, WIDTH = 44, 24, 275, 790
STAGES = (
    "recipe", "training: SLAYER, 8-bit weights", "NET.net: integers", "reference = fast = Lava",
    "report",
)  # fmt: skip


def network() -> Network:
    """Return two neurons, one behind the other."""
    neuron = Cuba(current_decay=2048, voltage_decay=410, threshold=64)
    return Network(
        "two neurons",
        (
            Input("input", (1,)),
            Dense("first", (1,), np.array([[40]]), neuron=neuron),
            Dense("second", (1,), np.array([[56]]), neuron=neuron),
        ),
        timesteps=STEPS,
    )


def picture() -> str:
    """Return the picture."""
    model, spikes = network(), np.zeros((1, 1, STEPS), np.uint8)
    spikes[0, 0, [0, 1, 3, 4, 5, 8]] = 1
    run = reference.run(model, spikes, record=("first", "second"))
    late = np.zeros((1, 1, STEPS + 2), np.uint8)
    late[..., :STEPS] = spikes
    clock = reference.run(model, late, schedule="cold", record=("first", "second"))
    cost = estimate(model, "loihi2", activity=run.activity, samples=1).as_json()
    synops = sum(layer.synops for layer in run.activity)
    fired = sum(layer.spikes for layer in run.activity if layer.name != "input")
    rows: list[tuple[str, Sequence[int | str], bool]] = [
        ("input: spikes of the sample", spikes[0, 0].tolist(), True)
    ]
    for name in ("first", "second"):
        trace = run.traces[name]
        rows += [
            (f"{name}: current / 64", _mantissas(trace.current), False),
            (f"{name}: voltage / 64, before the reset", _mantissas(trace.voltage), False),
            (f"{name}: spikes where it is above 64", trace.spikes[0, 0].tolist(), True),
        ]
    rows += [
        (f"on Lava's clock: {name}", clock.traces[name].spikes[0, 0].tolist(), True)
        for name in ("first", "second")
    ]
    told = (
        f"in the report: {fired} spikes, {synops} synops, {cost['cores']} cores of Loihi 2, "
        f"energy {cost['energy']['total_uj']['best']:.1f} uJ per sample"
    )
    told_below = _text(20, 92 + ROW * len(rows), told)
    return "\n".join((*_head(len(rows)), *_rows(rows), told_below, "</svg>\n"))


def _mantissas(state: np.ndarray | None) -> list[str]:
    if state is None:
        raise SystemExit("the reference engine has not recorded what is drawn")
    return [f"{value / 64:.0f}" for value in state[0, 0]]


def _head(rows: int) -> Iterator[str]:
    height = 112 + ROW * rows
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img" '
        'aria-label="One spike train through two neurons, step by step">'
    )
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    x = 20
    for i, stage in enumerate(STAGES):
        width = 14 + 6.4 * len(stage)
        yield (
            f'<rect x="{x:.0f}" y="12" width="{width:.0f}" height="26" rx="5" fill="#e8eaf6" '
            'stroke="#3f51b5"/>'
        )
        yield _text(x + 7, 29, stage)
        x += width + 22
        if i + 1 < len(STAGES):
            yield _text(x - 18, 29, "→")
    yield _text(20, 64, "timestep")
    for step in range(STEPS + 2):
        yield _text(LEFT + step * CELL, 64, str(step), anchor="middle")


def _rows(rows: Iterable[tuple[str, Sequence[int | str], bool]]) -> Iterator[str]:
    for index, (name, values, spikes) in enumerate(rows):
        y = 84 + index * ROW
        yield _text(20, y + 4, name)
        for step, value in enumerate(values):
            x = LEFT + step * CELL
            if not spikes:
                yield _text(x, y + 4, str(value), anchor="middle")
            elif value:
                yield f'<rect x="{x - 3}" y="{y - 9}" width="6" height="18" fill="#c62828"/>'
            else:
                yield f'<circle cx="{x}" cy="{y}" r="1.5" fill="#999"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y}" text-anchor="{anchor}" fill="#222">{text}</text>'


if __name__ == "__main__":
    show_or_write(picture, PAGE)
