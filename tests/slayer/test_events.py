"""Synapses over spike events: torch's bits forwards, its gradients to rounding, for any layer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig, PruningConfig
from loihi_sca.model.build import build
from loihi_sca.pruning import Pruner
from loihi_sca.slayer.dynamics import connect, convolve
from loihi_sca.slayer.dynamics.events import choice, event_driven, forward, gradient
from loihi_sca.slayer.dynamics.events.bits import packed
from loihi_sca.slayer.dynamics.events.choice import Way
from loihi_sca.slayer.dynamics.events.exact import is_exact
from loihi_sca.slayer.dynamics.events.synapse import Convolution, Product
from loihi_sca.slayer.lava import slayer


class Everywhere(NamedTuple):
    """A crossover at the same density for all layers."""

    limit: float

    def density(self, geometry: object) -> float:
        return self.limit


ALWAYS, NEVER = (Way(Everywhere(n), Everywhere(n)) for n in (2.0, -1.0))
TOLERANCE = 1e-5
"""Of the largest weight gradient: float32 sums of some thousand terms of either sign."""


@dataclass(frozen=True)
class Case:
    """A convolution of spikes."""

    spikes: torch.Tensor
    weight: torch.Tensor
    dense: Convolution

    @property
    def result(self) -> torch.Tensor:
        """Torch's, in float64: with one channel or strange strides that of float32 may be wrong."""
        return self.dense.forward(self.spikes.double(), self.weight.double()).float()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    window = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = tuple(draw(st.integers(0, edge)) for edge in window)
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    size = tuple(
        draw(st.integers(max(edge - 2 * pad, 1), 9))
        for edge, pad in zip(window, padding, strict=True)
    )
    images, channels = (
        draw(st.integers(1, 5)),
        draw(st.sampled_from([1, 2, 3, 16, 63, 64, 65, 130])),
    )
    out_channels = draw(st.sampled_from([1, 3, 8, 17, 64, 150]))
    torch.manual_seed(draw(st.integers(0, 1000)))
    density = draw(st.sampled_from([0, 0.03, 0.3, 1]))
    spikes = (torch.rand(images, *size, channels) < density).float()
    weight = torch.randint(-128, 128, (out_channels, channels, *window)) / 32
    return Case(spikes, weight.contiguous(memory_format=torch.channels_last), Convolution(
        stride, padding,
    ))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(cases())
def test_any_convolution_equals_torchs(case: Case) -> None:
    bits = packed(case.spikes)
    assert bits is not None
    assert bits.spikes == case.spikes.sum()
    assert torch.equal(bits.unpacked(), case.spikes)
    layer = case.dense.geometry(case.spikes.shape, case.weight)
    result = case.result
    assert torch.equal(forward.weighted(bits, case.weight, layer), result)
    of_result = torch.randn_like(result)
    found = gradient.of_weight(bits, of_result, layer)
    expected = case.dense.of_weight(case.spikes.double(), of_result.double(), case.weight.double())
    bound = TOLERANCE * max(float(expected.abs().max()), 1)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=bound)


@settings(max_examples=15, deadline=None)
@given(cases())
def test_the_gradient_is_the_adjoint_of_the_forward_pass(case: Case) -> None:
    """``<r, conv(spikes, d)> = <gradient(r), d>`` for every d; here in whole numbers."""
    bits = packed(case.spikes)
    assert bits is not None
    layer = case.dense.geometry(case.spikes.shape, case.weight)
    of_result = torch.randint(-8, 9, case.result.shape).float()
    change = torch.randint(-8, 9, case.weight.shape).float()
    found = gradient.of_weight(bits, of_result, layer)
    moved = forward.weighted(bits, change, layer)
    assert (of_result.double() * moved.double()).sum() == (found.double() * change.double()).sum()


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_nothing_depends_on_the_number_of_threads() -> None:
    torch.manual_seed(0)
    spikes = (torch.rand(12, 16, 16, 48) < 0.1).float()
    weight = torch.randint(-128, 128, (96, 48, 3, 3)) / 32
    layer = Convolution((1, 1), (1, 1)).geometry(spikes.shape, weight)
    of_result = torch.randn(12, 16, 16, 96)
    found = []
    for count in (1, 2, 3, 7):
        torch.set_num_threads(count)
        bits = packed(spikes)
        assert bits is not None
        found.append((
            bits.unpacked(), forward.weighted(bits, weight, layer),
            gradient.of_weight(bits, of_result, layer),
        ))  # fmt: skip
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.fixture(params=["both", "forward", "gradient"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events in one or both directions, for any layer."""
    monkeypatch.setattr(choice, "SMALL", 1)
    forwards, backwards = request.param != "gradient", request.param != "forward"
    monkeypatch.setattr(choice, "FORWARD", ALWAYS if forwards else NEVER)
    monkeypatch.setattr(choice, "GRADIENT", ALWAYS if backwards else NEVER)


def gradients(result: torch.Tensor, *leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return torch.autograd.grad(result, leaves, torch.randn(result.shape))


GEOMETRIES = [
    {}, {"padding": 1}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 4},
    {"groups": 16}, {"kernel_size": 1, "stride": 2}, {"kernel_size": (3, 2), "padding": (1, 0)},
]  # fmt: skip


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_a_convolution_in_the_graph_equals_one_without_events(geometry) -> None:
    torch.manual_seed(0)
    options = {"kernel_size": 3, **geometry}
    neuron = slayer.neuron.cuba.Neuron(1.0, 0.5, 0.1)
    synapse = slayer.synapse.Conv(16, 32, weight_scale=3, **options)
    weight = neuron.quantize_8bit(synapse.weight).detach().requires_grad_()
    spikes = (torch.rand(3, 16, 9, 8, 5) < 0.15).float().requires_grad_()
    ours = convolve(spikes, weight, synapse)
    with event_driven(False):
        plain = convolve(spikes, weight, synapse)
    assert torch.equal(ours, plain)
    assert torch.equal(ours, functional.conv3d(
        spikes, weight, None, synapse.stride, synapse.padding, synapse.dilation, synapse.groups
    ))  # fmt: skip
    found, expected = (gradients(result, spikes, weight) for result in (ours, plain))
    assert torch.equal(found[0], expected[0]), "the gradient of the input is torch's"
    bound = TOLERANCE * float(expected[1].abs().max())
    torch.testing.assert_close(found[1], expected[1], rtol=0, atol=bound)


@pytest.mark.usefixtures("way")
def test_a_dense_layer_in_the_graph_equals_one_without_events() -> None:
    torch.manual_seed(0)
    weight = (torch.randint(-128, 128, (24, 70)) / 32).requires_grad_()
    spikes = (torch.rand(3, 70, 5) < 0.15).float().requires_grad_()
    ours = connect(spikes, weight)
    with event_driven(False):
        plain = connect(spikes, weight)
    assert torch.equal(ours, plain)
    for found, expected in zip(
        gradients(ours, spikes, weight), gradients(plain, spikes, weight), strict=True
    ):
        bound = TOLERANCE * float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda s, w: (s, w + 0.01), id="weights that are not quantised"),
        pytest.param(lambda s, w: (s, w * 1e6), id="sums that leave float32's integers"),
        pytest.param(lambda s, w: (s * 2, w), id="graded input"),
        pytest.param(lambda s, w: (s * 0.5, w), id="analogue input"),
        pytest.param(lambda s, w: (-s, w), id="negative input"),
        pytest.param(lambda s, w: (s / s, w), id="input that is no number"),
    ],
)
def test_what_could_round_or_is_no_spike_is_computed_densely(spoil, monkeypatch) -> None:
    monkeypatch.setattr(choice, "FORWARD", ALWAYS)
    torch.manual_seed(0)
    spikes = (torch.rand(8, 20, 20, 16) < 0.1).float()
    weight = torch.randint(-128, 128, (32, 16, 3, 3)) / 32
    given, kernel = spoil(spikes, weight.contiguous(memory_format=torch.channels_last))
    rows = given.view(2, 4, 20, 20, 16)
    synapse = slayer.synapse.Conv(16, 32, 3)
    ours = convolve(rows.permute(1, 4, 2, 3, 0), kernel[..., None], synapse)
    plain = Convolution((1, 1), (0, 0)).forward(given, kernel).view(2, 4, 18, 18, 32)
    assert torch.equal(ours.permute(4, 0, 2, 3, 1).nan_to_num(7), plain.nan_to_num(7))


@pytest.mark.parametrize(
    ("weights", "exact"),
    [
        ([4.0, -4.0, 1 / 32], True),
        ([4.0, 1 / 64], False),
        ([(1 << 22) / 32], True),
        ([(1 << 24) / 32], False),
        ([(1 << 23) / 32] * 2, False),
        ([math.inf], False),
        ([math.nan], False),
        ([1e30], False),
        ([0.0], True),
    ],
)
def test_what_is_exact(weights: list[float], exact: bool) -> None:
    assert is_exact(torch.tensor([weights])) == exact


def test_every_layer_of_quantised_weights_is_exact() -> None:
    assert is_exact(torch.full((1, 65_000), -4.0))
    quantized = slayer.neuron.cuba.Neuron(1.0, 0.5, 0.1).quantize_8bit(torch.randn(8, 500, 3, 3))
    assert is_exact(quantized)
    assert is_exact(quantized.contiguous(memory_format=torch.channels_last))


def test_spikes_are_kept_in_a_32nd_of_their_memory() -> None:
    spikes = (torch.rand(4, 16, 16, 32) < 0.5).float()
    bits = packed(spikes)
    assert bits is not None
    assert bits.words.nbytes <= spikes.numel() // 8 + 16


@pytest.mark.parametrize("maker", choice.MEASURED)
def test_the_choice_follows_the_density(maker) -> None:
    forward, gradient = choice.MEASURED[maker]
    layer = Convolution((1, 1), (1, 1)).geometry(torch.Size((64, 16, 16, 64)), torch.empty(
        128, 64, 3, 3,
    ))  # fmt: skip
    for way in (forward, gradient):
        for density, pays in ((0.02, True), (0.9, False)):
            bits = packed((torch.rand(64, 16, 16, 64) < density).float())
            assert bits is not None
            assert way.pays(bits, layer) is pays
    thin = Convolution((1, 1), (1, 1)).geometry(torch.Size((64, 16, 16, 3)), torch.empty(
        64, 3, 3, 3,
    ))  # fmt: skip
    assert not forward.of(thin).density(thin) > 0, "three inputs: never"
    product = Product().geometry(torch.Size((64, 4096)), torch.empty(512, 4096))
    assert not forward.of(product).density(product) > 0


def trained(on: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Train and prune a small network; return its first output and its weights."""
    torch.manual_seed(0)
    layers = (
        ConvConfig(type="conv", channels=24, kernel=3, stride=1, padding=1),
        ConvConfig(type="conv", channels=32, kernel=3, stride=2, padding=1),
        DenseConfig(type="dense", neurons=32),
    )
    neuron = NeuronConfig(voltage_decay=0.1, tau_grad=0.1)
    model = build(ModelConfig(layers=layers, neuron=neuron, weight_scale=3.0), (2, 10, 10), 4)
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=1e-3)
    pruner = Pruner(model, PruningConfig(keep=0.5, regenerate=0.2), steps=6, steps_per_epoch=2)
    spikes, labels = (torch.rand(16, 2, 10, 10, 6) < 0.3).float(), torch.arange(16) % 4
    first = None
    with event_driven(on):
        for _ in range(6):
            output = model(spikes)
            first = output.detach().clone() if first is None else first
            optimizer.zero_grad()
            functional.cross_entropy(output.sum(dim=-1), labels).backward()
            optimizer.step()
            pruner.step(optimizer)
    assert first is not None
    return first, [p.detach().clone() for p in model.parameters()]


@pytest.mark.usefixtures("way")
def test_training_with_gates_and_scores_repeats_to_the_bit() -> None:
    (first, weights), (again, weights_again), (without, _) = (
        trained(True),
        trained(True),
        trained(False),
    )
    assert first.sum() > 0
    assert torch.equal(first, again)
    assert torch.equal(first, without)
    assert all(torch.equal(a, b) for a, b in zip(weights, weights_again, strict=True))
