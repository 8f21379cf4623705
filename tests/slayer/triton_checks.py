"""The Triton scans against lava-dl on a CPU; run by ``test_triton.py`` in a process of its own.

With CUDA they run there. Without it, TRITON_INTERPRET=1 lets Triton's interpreter run the kernels
on tensors of a CPU, which are sent to them instead of to the compiled loops.
"""

import copy
import math
import os
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from neuron_cases import Case, assert_same_gradient, cases, pair, weighted
from tiny_training import tiny_recipe

from loihi_sca.slayer.dynamics import Fired, devices, fire, layout, neuron
from loihi_sca.slayer.lava import slayer
from loihi_sca.training.loop import Trainer
from loihi_sca.training.session import load_split

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
if INTERPRETED:
    import complete_interpreter  # noqa: F401

from loihi_sca.slayer.dynamics.cuda import scan as cuda_scan  # noqa: E402  after the interpreter

CubaNeuron = slayer.neuron.cuba.Neuron
MeanOnly = slayer.neuron.norm.MeanOnlyBatchNorm

# numpy on how the interpreter makes numbers of arrays
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim:DeprecationWarning"
)


class Counted:
    """The Triton scans, and how often they were asked."""

    def __init__(self) -> None:
        self.done = self.refused = 0

    def forward(self, *arguments: Any) -> Any:
        result = cuda_scan.forward(*arguments)
        self.done += result is not None
        self.refused += result is None
        return result

    backward = staticmethod(cuda_scan.backward)


@pytest.fixture(autouse=True)
def scans(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(neuron, "scans_on", lambda device: counted)
    return counted


def run(cuba: Any, x: torch.Tensor, **options: Any) -> Fired:
    return fire(cuba.to(DEVICE), x, **options)


def no_sum_rounds(cuba: Any, x: torch.Tensor) -> bool:
    """Whether all partial sums of the current fit 24 bits, so that its mean has one value only."""
    if cuba.norm is None or not cuba.training:
        return True
    plain = copy.deepcopy(cuba)
    plain.norm = None
    current, _ = plain.dynamics(x)
    units = (current * 4096).abs().transpose(0, 1).flatten(1).double().sum(dim=1)
    return bool((units < 1 << 24).all())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cases(steps=20))
def test_equals_lava_dl(scans: Counted, case: Case) -> None:
    stock, ours = pair(case.options, case.shape)
    for mode in (True, True, False):
        stock.train(mode)
        ours.train(mode)
        x_stock = weighted(case).requires_grad_()
        x_ours = weighted(case).to(DEVICE).requires_grad_()
        exact = no_sum_rounds(stock, x_stock.detach())
        expected = stock(x_stock)
        spikes = run(ours, x_ours).spikes
        if not exact:
            torch.testing.assert_close(ours.norm.running_mean.cpu(), stock.norm.running_mean)
            return
        assert torch.equal(spikes.cpu(), expected)
        if stock.norm is not None:
            assert torch.equal(ours.norm.running_mean.cpu(), stock.norm.running_mean)
        gradient = torch.randn(case.shape, generator=torch.Generator().manual_seed(case.seed + 1))
        expected.backward(gradient)
        spikes.backward(gradient.to(DEVICE))
        assert_same_gradient(x_ours.grad.cpu(), x_stock.grad)
    if stock.requires_grad:
        for name in ("current_decay", "voltage_decay"):
            theirs, of_ours = getattr(stock, name).grad, getattr(ours, name).grad
            bound = 1e-5 * float(weighted(case).abs().sum()) + 1e-5
            torch.testing.assert_close(of_ours.cpu(), theirs, rtol=1e-4, atol=bound)
    assert scans.done


@pytest.mark.parametrize("channels", [1, 3, 64, 130])
def test_voltage_current_and_activity(scans: Counted, channels: int) -> None:
    generator = torch.Generator().manual_seed(channels)
    x = torch.randn(3, channels, 5, 2, 7, generator=generator)
    gate = (torch.rand(channels, generator=generator) < 0.7).float()
    stock = CubaNeuron(0.5, 0.3, 0.1, requires_grad=True)
    ours = copy.deepcopy(stock)
    fired = run(ours, x.to(DEVICE).requires_grad_(), gate=gate.to(DEVICE), watch=True)
    current, voltage = stock.dynamics(x)
    voltage = voltage.detach()
    spikes = stock.spike(voltage)
    saved_voltage, saved_current = (layout.from_rows(s) for s in fired.spikes.grad_fn.saved_tensors)
    assert torch.equal(saved_voltage.cpu(), voltage)
    assert torch.equal(saved_current.cpu(), current.detach())
    assert torch.equal(fired.spikes.cpu(), spikes * gate.reshape(-1, 1, 1, 1))
    assert fired.spikes.sum() > 0
    # the least voltage that spikes
    bound = math.ceil((stock.threshold + stock.threshold_eps) * 4096) / 4096
    resting = torch.where(spikes > 0, 0, voltage.abs().clamp(max=bound))
    expected = (spikes, voltage.abs() / 0.5, voltage.clamp(min=0) / 0.5, resting / 0.5)
    found = (getattr(fired.activity, n) for n in ("rate", "magnitude", "positive", "resting"))
    for measured, values in zip(found, expected, strict=True):
        means = values.double().mean(dim=(0, 2, 3, 4)).float()
        torch.testing.assert_close(measured.cpu(), means, rtol=1e-6, atol=1e-9)
    assert scans.done == 1


@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("norm", [None, MeanOnly])
def test_gradients_of_gate_and_decays(learn: bool, norm: Any) -> None:
    x = torch.randn(4, 6, 3, 3, 9, generator=torch.Generator().manual_seed(0))
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    found = []
    for device, scans_on in ((DEVICE, neuron.scans_on), (torch.device("cpu"), devices.scans_on)):
        torch.manual_seed(3)
        options = {"shared_param": False, "requires_grad": learn, "norm": norm}
        cuba = CubaNeuron(0.5, (0.2, 0.9), (0.1, 0.4), tau_grad=0.05, **options)
        gate = torch.tensor([1.0, 0, 1, 1, 0, 1], device=device, requires_grad=True)
        leaf = x.to(device).requires_grad_()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neuron, "scans_on", scans_on)
            spikes = fire(cuba.to(device), leaf, gate=gate).spikes
            spikes.backward(gradient.to(device))
        decays = [cuba.current_decay.grad, cuba.voltage_decay.grad] if learn else []
        found.append([spikes.detach().cpu(), *(v.cpu() for v in (leaf.grad, gate.grad, *decays))])
    assert torch.equal(found[0][0], found[1][0])
    for ours, theirs in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("peak", [3e3, 3e5, 3e9, float("inf")])
def test_state_out_of_range_is_noticed(scans: Counted, peak: float) -> None:
    options = {"threshold": 1, "current_decay": 1.0, "voltage_decay": 0.1, "norm": MeanOnly}
    stock, ours = pair(options, (2, 3, 5))
    x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    x[0, 1, 2] = min(peak, 3e9)
    x[1, 2, :] = -peak
    spikes = run(ours, x.to(DEVICE)).spikes
    assert scans.refused == 1
    if peak < float("inf"):  # lava-dl makes of it whatever its processor does
        assert torch.equal(spikes.cpu(), stock(x))


def test_a_current_that_grows_to_the_sign_bit_is_noticed(scans: Counted) -> None:
    cuba = CubaNeuron(1.0, 0.0, 0.1)
    x = torch.full((1, 2, 6), 3e9)
    assert torch.equal(run(copy.deepcopy(cuba), x.to(DEVICE)).spikes.cpu(), cuba(x))
    assert scans.refused == 1


def test_the_same_twice() -> None:
    x = torch.randn(4, 20, 5, 5, 6, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    results = []
    for _ in range(2):
        cuba = CubaNeuron(1.0, 0.5, 0.1, norm=MeanOnly, requires_grad=True)
        leaf = x.clone().requires_grad_()
        gate = torch.ones(20, requires_grad=True, device=DEVICE)
        fired = run(cuba, leaf, gate=gate, watch=True)
        fired.spikes.backward(x)
        of_decays = (cuba.current_decay.grad, cuba.voltage_decay.grad)
        results.append((fired.spikes, leaf.grad, gate.grad, fired.activity.resting, *of_decays))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_an_epoch_of_training(scans: Counted) -> None:
    recipe = tiny_recipe(epochs=1, batch_size=16)
    parts = [load_split(recipe, split) for split in ("train", "validation")]
    found = []
    for device, on in ((DEVICE, neuron.scans_on), (torch.device("cpu"), devices.scans_on)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(neuron, "scans_on", on)
            trainer = Trainer(recipe, parts[0].first(32), parts[1].first(16), device=device)
            found.append((trainer.run_epoch(), trainer.pruner.evidence if trainer.pruner else {}))
    (ours, our_evidence), (theirs, their_evidence) = found
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-6)
    assert ours.rates == pytest.approx(theirs.rates, rel=1e-5)
    assert ours.alive == theirs.alive
    for name, evidence in our_evidence.items():
        torch.testing.assert_close(evidence.score, their_evidence[name].score)
    assert scans.done > 6
