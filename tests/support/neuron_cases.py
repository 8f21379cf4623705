"""Neurons and inputs to compare fused dynamics with lava-dl's own on."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st

from loihi_sca.slayer.lava import slayer

CubaNeuron = slayer.neuron.cuba.Neuron
MeanOnly = slayer.neuron.norm.MeanOnlyBatchNorm


@dataclass(frozen=True)
class Case:
    shape: tuple[int, ...]  # N, C, [H, W,] T
    options: dict[str, Any]
    amplitude: float
    grid: int | None  # inputs are multiples of 1/grid, None for any number
    seed: int


@st.composite
def cases(draw: st.DrawFn, steps: int = 70) -> Case:
    size = st.integers(1, 5)
    places = draw(st.sampled_from([0, 2]))
    shape = (
        draw(size),
        draw(size),
        *(draw(size) for _ in range(places)),
        draw(st.integers(1, steps)),
    )
    shared = True if places else draw(st.booleans())  # per channel lava-dl has it for NCT only
    decay = st.sampled_from([0.0, 1.0, 0.1, 0.03, 1 / 4096, 4095 / 4096]) | st.floats(0, 1)
    options = {
        "threshold": draw(st.sampled_from([1.0, 0.5, 1 / 64, 3.3, 20.0])),
        "current_decay": draw(decay) if shared else (0.2, 0.8),
        "voltage_decay": draw(decay) if shared else (0.0, 1.0),
        "tau_grad": draw(st.sampled_from([0.01, 0.1, 1.0])),
        "scale_grad": draw(st.sampled_from([1.0, 0.3])),
        "norm": draw(st.sampled_from([None, MeanOnly])),
        "requires_grad": draw(st.booleans()),
        "shared_param": shared,
    }
    amplitude = draw(st.sampled_from([0.1, 1.0, 8.0]))
    return Case(
        shape, options, amplitude, draw(st.sampled_from([32, 4096, None])), draw(st.integers(0, 99))
    )


def pair(options: dict[str, Any], shape: tuple[int, ...]) -> tuple[Any, Any]:
    """A neuron and its twin, decays drawn."""
    stock = CubaNeuron(**options)
    if not stock.shared_param:
        stock.eval()(torch.zeros(1, *shape[1:]))
        stock.train()
    return stock, copy.deepcopy(stock)


def weighted(case: Case) -> torch.Tensor:
    generator = torch.Generator().manual_seed(case.seed)
    values = case.amplitude * (torch.randn(case.shape, generator=generator) + 0.2)
    return values if case.grid is None else torch.round(values * case.grid) / case.grid


def assert_same_gradient(ours: torch.Tensor | None, theirs: torch.Tensor | None) -> None:
    assert ours is not None
    assert theirs is not None
    scale = float(theirs.abs().max())
    torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-5 * scale + 1e-30)
