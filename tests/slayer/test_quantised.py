"""Weights quantised in one pass: lava-dl's bits, and its gradients to rounding."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.slayer.dynamics import quantised
from loihi_sca.slayer.lava import slayer

HOOK = slayer.neuron.cuba.Neuron(1.0, 0.5, 0.1).quantize_8bit


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.sampled_from([(3, 3, 3, 1), (1, 1, 1, 1), (70, 2, 2, 1)]),
    st.sampled_from([0.1, 1.0, 5.0]), st.integers(0, 1000),
)  # fmt: skip
def test_values_have_lavas_bits_and_gradients_its_size(
    channels: int, shape: tuple[int, ...], size: float, seed: int
) -> None:
    torch.manual_seed(seed)
    weight = (torch.randn(channels, *shape) * size).requires_grad_()
    # in the middle between two steps, and where 8 bits end
    weight.data.view(-1)[::3] = torch.randint(-300, 300, weight.data.view(-1)[::3].shape) / 64
    factor = (torch.rand(channels) + 0.5).requires_grad_()
    factor.data[::2] = 1
    gradient = torch.randn(weight.shape)
    assert quantised.applies(HOOK, weight)
    found = []
    for quantise in (
        lambda: quantised.quantised(weight, factor),
        lambda: HOOK(weight * factor.reshape(-1, 1, 1, 1, 1)),
    ):
        weight.grad = factor.grad = None
        values = quantise()
        values.backward(gradient)
        assert weight.grad is not None
        assert factor.grad is not None
        found.append((values.detach(), weight.grad, factor.grad))
    (ours, of_weight, of_factor), (plain, wanted, wanted_factor) = found
    assert torch.equal(ours, plain)
    assert torch.equal(of_weight, wanted)
    scale = 1e-5 * float((weight * gradient).abs().sum().detach())
    torch.testing.assert_close(of_factor, wanted_factor, rtol=1e-5, atol=scale)


def test_what_is_no_number_stays_so_and_an_infinity_is_cut() -> None:
    weight = torch.tensor([[float("nan"), float("inf"), float("-inf")]])
    ours = quantised.quantised(weight, torch.ones(1))
    assert torch.equal(ours.nan_to_num(7), HOOK(weight).nan_to_num(7))


@pytest.mark.parametrize("hook", [None, torch.relu, torch.nn.Identity()])
def test_other_hooks_are_left_alone(hook: object) -> None:
    assert not quantised.applies(hook, torch.ones(2, 3))


def test_another_scale_is_left_alone() -> None:
    neuron = copy.deepcopy(HOOK.__self__)
    neuron.w_scale = 32
    assert not quantised.applies(neuron.quantize_8bit, torch.ones(2, 3))
