"""The fused neuron against lava-dl's own: the same bits forwards, the same gradient backwards."""

import copy
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from neuron_cases import Case, assert_same_gradient, cases, pair, weighted

from loihi_sca.slayer.dynamics import connect, convolve, fire, flatten, layout, obstacle
from loihi_sca.slayer.dynamics.synapse import MAX_FAN_IN
from loihi_sca.slayer.lava import slayer

CubaNeuron = slayer.neuron.cuba.Neuron
MeanOnly = slayer.neuron.norm.MeanOnlyBatchNorm


@settings(max_examples=80, deadline=None)
@given(cases())
def test_equals_lava_dl(case: Case) -> None:
    stock, ours = pair(case.options, case.shape)
    for mode in (True, True, False):
        stock.train(mode)
        ours.train(mode)
        x_stock = weighted(case).requires_grad_()
        x_ours = weighted(case).requires_grad_()
        expected = stock(x_stock)
        spikes = fire(ours, x_ours).spikes
        assert torch.equal(spikes, expected)
        if stock.norm is not None:
            assert torch.equal(ours.norm.running_mean, stock.norm.running_mean)
        gradient = torch.randn(case.shape, generator=torch.Generator().manual_seed(case.seed + 1))
        expected.backward(gradient)
        spikes.backward(gradient)
        assert_same_gradient(x_ours.grad, x_stock.grad)
    if stock.requires_grad:
        for name in ("current_decay", "voltage_decay"):
            theirs, of_ours = getattr(stock, name).grad, getattr(ours, name).grad
            # a sum over all steps of terms of either sign: compare with the size of the terms
            bound = 1e-5 * float(weighted(case).abs().sum()) + 1e-5
            torch.testing.assert_close(of_ours, theirs, rtol=1e-4, atol=bound)


@settings(max_examples=25, deadline=None)
@given(cases())
def test_voltages_equal_lava_dls(case: Case) -> None:
    stock, ours = pair(case.options, case.shape)
    _, voltage = stock.dynamics(weighted(case))
    seen = fire(ours, weighted(case).requires_grad_())
    (saved, _) = seen.spikes.grad_fn.saved_tensors
    assert torch.equal(layout.from_rows(saved), voltage)


def test_a_large_batch_mean_has_lava_dls_bits_though_its_sum_rounds() -> None:
    stock, ours = pair({"threshold": 1, "current_decay": 0.3, "voltage_decay": 0.1,
                        "norm": MeanOnly}, (16, 3, 8, 8, 16))  # fmt: skip
    x = torch.randn(16, 3, 8, 8, 16, generator=torch.Generator().manual_seed(0)) * 4 + 3
    for _ in range(4):
        assert torch.equal(fire(ours, x).spikes, stock(x))
        assert torch.equal(ours.norm.running_mean, stock.norm.running_mean)


@pytest.mark.parametrize("peak", [3e3, 3e5, 3e9])
def test_state_out_of_range_is_left_to_lava_dl(peak: float) -> None:
    stock, ours = pair({"threshold": 1, "current_decay": 1.0, "voltage_decay": 0.1,
                        "norm": MeanOnly}, (2, 3, 5))  # fmt: skip
    x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    x[0, 1, 2] = peak
    x[1, 2, :] = -peak
    assert torch.equal(fire(ours, x).spikes, stock(x))
    assert torch.equal(ours.norm.running_mean, stock.norm.running_mean)


def test_decays_per_channel_of_a_map() -> None:
    """lava-dl broadcasts them along the width on a CPU; here a channel has one, as it says."""
    torch.manual_seed(0)
    neuron = CubaNeuron(1.0, (0.1, 0.9), (0.1, 0.9), shared_param=False, requires_grad=True)
    x = torch.randn(2, 3, 4, 5, 6).requires_grad_()
    spikes = fire(neuron, x).spikes
    gradient = torch.randn_like(x)
    spikes.backward(gradient)
    for c in range(3):
        single = CubaNeuron(1.0, 0.5, 0.5, requires_grad=True)
        single.current_decay.data[:] = neuron.current_decay[c]
        single.voltage_decay.data[:] = neuron.voltage_decay[c]
        alone = single(x.detach()[:, c : c + 1])
        assert torch.equal(spikes[:, c : c + 1], alone)
        alone.backward(gradient[:, c : c + 1])
        torch.testing.assert_close(neuron.current_decay.grad[c : c + 1], single.current_decay.grad)
        torch.testing.assert_close(neuron.voltage_decay.grad[c : c + 1], single.voltage_decay.grad)


def test_activity_is_that_of_the_ungated_neurons() -> None:
    neuron = CubaNeuron(0.5, 0.3, 0.1, norm=MeanOnly)
    twin = copy.deepcopy(neuron)
    x = torch.randn(4, 5, 3, 3, 9, generator=torch.Generator().manual_seed(0))
    gate = torch.tensor([1.0, 0, 1, 0, 1])
    fired = fire(neuron, x, gate=gate, watch=True)
    _, voltage = twin.dynamics(x)
    spikes = twin.spike(voltage)
    bound = np.ceil((neuron.threshold + neuron.threshold_eps) * 4096) / 4096
    resting = torch.where(spikes > 0, 0, voltage.abs().clamp(max=bound))
    expected = (spikes, voltage.abs() / 0.5, voltage.clamp(min=0) / 0.5, resting / 0.5)
    assert fired.activity is not None
    found = (getattr(fired.activity, n) for n in ("rate", "magnitude", "positive", "resting"))
    for ours, values in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, values.mean(dim=(0, 2, 3, 4)), rtol=1e-5, atol=1e-7)
    assert torch.equal(fired.spikes, spikes * gate.reshape(-1, 1, 1, 1))


def test_results_do_not_depend_on_threads() -> None:
    x = torch.randn(8, 16, 12, 12, 16, generator=torch.Generator().manual_seed(0))
    results = []
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 3, 2):
            torch.set_num_threads(count)
            neuron = CubaNeuron(1.0, 0.5, 0.1, norm=MeanOnly, requires_grad=True)
            leaf = x.clone().requires_grad_()
            fired = fire(neuron, leaf, gate=torch.ones(16, requires_grad=True), watch=True)
            fired.spikes.backward(x)
            results.append(
                (fired.spikes, leaf.grad, fired.activity.magnitude, neuron.voltage_decay.grad)
            )
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_two_python_threads_may_train_at_once() -> None:
    x = torch.randn(8, 16, 12, 12, 16, generator=torch.Generator().manual_seed(0))
    expected = CubaNeuron(1.0, 0.5, 0.1)(x)
    found: list[torch.Tensor] = []

    def work() -> None:
        neuron = CubaNeuron(1.0, 0.5, 0.1)
        found.extend(fire(neuron, x).spikes for _ in range(5))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 15
    assert all(torch.equal(spikes, expected) for spikes in found)


@pytest.mark.parametrize(("channels", "stride", "padding"), [(1, 2, 1), (3, 1, 0), (16, 1, 1)])
@pytest.mark.parametrize("time_first", [True, False])
def test_convolution_equals_lava_dls(
    channels: int, stride: int, padding: int, time_first: bool
) -> None:
    torch.manual_seed(0)
    neuron = CubaNeuron(1.0, 0.5, 0.1)
    synapse = slayer.synapse.Conv(
        channels, 6, 3, stride=stride, padding=padding, pre_hook_fx=neuron.quantize_8bit
    )
    spikes = (torch.rand(3, channels, 7, 8, 5) < 0.4).float()
    given_spikes = layout.from_rows(layout.rows(spikes)) if time_first else spikes
    ours = convolve(given_spikes, neuron.quantize_8bit(synapse.weight), synapse)
    assert torch.equal(ours, synapse(spikes))
    assert layout.rows(ours).data_ptr() == ours.data_ptr(), "no copy for what comes next"


def test_dense_and_flatten_equal_lava_dls() -> None:
    torch.manual_seed(0)
    spikes = layout.from_rows(layout.rows((torch.rand(3, 2, 4, 5, 6) < 0.4).float()))
    flat = flatten(spikes)
    assert torch.equal(flat, spikes.reshape(3, -1, 6))
    assert layout.rows(flat).data_ptr() == flat.data_ptr()
    neuron = CubaNeuron(1.0, 0.5, 0.1)
    synapse = slayer.synapse.Dense(40, 7, pre_hook_fx=neuron.quantize_8bit)
    ours = connect(flat, neuron.quantize_8bit(synapse.weight))
    assert torch.equal(ours, synapse(spikes.reshape(3, -1, 6)))


def sums_over(inputs: int, convolution: bool) -> tuple[torch.Tensor, np.ndarray]:
    """Sum large weights for 16 outputs: in our synapse, with a gradient, and in whole numbers."""
    steps = np.random.default_rng(inputs).integers(120, 128, (16, inputs))
    steps[0] = 128
    weight = torch.from_numpy(steps / 32).float().requires_grad_()
    spikes = torch.ones(1, inputs, 1)
    if convolution:
        synapse = slayer.synapse.Conv(inputs // 4, 16, 2)
        given = weight.reshape(16, inputs // 4, 2, 2, 1)
        ours = convolve(spikes.reshape(1, inputs // 4, 2, 2, 1), given, synapse)
    else:
        ours = connect(spikes, weight)
    ours.sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.ones_like(weight))
    return ours.detach().flatten(), steps.sum(axis=1)


@pytest.mark.parametrize("convolution", [False, True])
def test_sums_are_exact_up_to_the_bound_of_the_fan_in(convolution: bool) -> None:
    ours, expected = sums_over(MAX_FAN_IN, convolution)
    assert (32 * ours.double()).tolist() == expected.tolist()


@pytest.mark.parametrize("convolution", [False, True])
@pytest.mark.parametrize("inputs", [MAX_FAN_IN + 4, 140_000])
def test_beyond_the_bound_of_the_fan_in_sums_are_rounded_once(
    inputs: int, convolution: bool
) -> None:
    """What leaves float32's whole numbers is the nearest that it holds, in no matter what order."""
    ours, expected = sums_over(inputs, convolution)
    assert ours.dtype == torch.float32
    assert ours.tolist() == np.float32(expected / 32).tolist()


@pytest.mark.parametrize(
    ("neuron", "reason"),
    [
        (CubaNeuron(1, 0.5, 0.1, graded_spike=True), "graded_spike"),
        (CubaNeuron(1, 0.5, 0.1, persistent_state=True), "persistent_state"),
        (CubaNeuron(1, 0.5, 0.1, scale=128), "scale 128"),
        (CubaNeuron(1, 0.5, 0.1, norm=slayer.neuron.norm.WgtScaleBatchNorm), "WgtScaleBatchNorm"),
        (slayer.neuron.alif.Neuron(1, 1, 0.5, 0.1, 0.1, 0.1), "is not CUBA"),
        (CubaNeuron(1, 0.5, 0.1), None),
    ],
)
def test_what_cannot_be_fused_is_named(neuron: torch.nn.Module, reason: str | None) -> None:
    found = obstacle(neuron)
    assert found == reason if reason is None else reason in str(found)


def test_spikes_may_be_changed_in_place_and_used_twice() -> None:
    neuron = CubaNeuron(1.0, 0.5, 0.1)
    x = torch.randn(2, 3, 4, 5, 6, requires_grad=True)
    spikes = fire(neuron, x).spikes
    twice = (spikes * 2).sum()
    twice.backward(retain_graph=True)
    first = x.grad.clone()
    twice.backward()
    assert torch.equal(x.grad, 2 * first)
    spikes = fire(neuron, x).spikes
    spikes[..., 0] = 0
    spikes.sum().backward()
    assert spikes[..., 0].sum() == 0


@pytest.mark.parametrize("value", [3e9, -3e9, 2.0**18, float("inf")])
def test_a_current_that_grows_to_the_sign_bit_is_left_to_lava_dl(value: float) -> None:
    """|-2^31| has no sign bit to spare: a union of magnitudes turned negative and looked small."""
    stock = CubaNeuron(1.0, 0.0, 0.1)
    ours = copy.deepcopy(stock)
    x = torch.full((1, 2, 6), value)
    assert torch.equal(fire(ours, x).spikes, stock(x))
