"""What runs on CUDA and can be looked at on a CPU."""

import copy
from typing import Any

import pytest
import torch

from loihi_sca.slayer.dynamics import cuda, devices, scan, wide
from loihi_sca.slayer.dynamics.cuda import convolution
from loihi_sca.slayer.lava import slayer

CubaNeuron = slayer.neuron.cuba.Neuron
MeanOnly = slayer.neuron.norm.MeanOnlyBatchNorm


def test_a_cpu_has_the_compiled_loops_and_others_have_none() -> None:
    assert devices.scans_on(torch.device("cpu")) is scan
    assert devices.scans_on(torch.device("meta")) is None


def test_what_triton_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(cuda.shutil, "which", lambda name: None)
    assert "install gcc or clang, or let CC name one" in str(cuda.obstacle())
    monkeypatch.setenv("CC", "/opt/bin/cc")
    assert cuda.obstacle() is None
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: None)
    assert "pip install triton" in str(cuda.obstacle())


@pytest.mark.parametrize("norm", [None, MeanOnly])
@pytest.mark.parametrize("shape", [(4, 3, 5, 2, 9), (4, 3, 9)])
def test_wide_integers_are_lava_dls(norm: Any, shape: tuple[int, ...]) -> None:
    stock = CubaNeuron(1.0, 0.3, 0.1, norm=norm, requires_grad=True)
    ours = copy.deepcopy(stock)
    x = torch.round(32 * torch.randn(shape, generator=torch.Generator().manual_seed(0))) * 100
    theirs_x, ours_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    _, expected = stock.dynamics(theirs_x)
    found = wide.voltage(ours, ours_x)
    assert torch.equal(found, expected)
    expected.sum().backward()
    found.sum().backward()
    torch.testing.assert_close(ours_x.grad, theirs_x.grad)
    torch.testing.assert_close(ours.voltage_decay.grad, stock.voltage_decay.grad)


def test_wide_integers_with_decays_per_channel_of_a_map() -> None:
    torch.manual_seed(0)
    neuron = CubaNeuron(1.0, (0.1, 0.9), (0.1, 0.9), shared_param=False, requires_grad=True)
    neuron.current_decay.data, neuron.voltage_decay.data = 4096 * torch.rand(2, 3)
    x = 3000 * torch.randn(2, 3, 4, 5, 6)
    found = wide.voltage(neuron, x)
    for c in range(3):
        single = CubaNeuron(1.0, 0.5, 0.5, requires_grad=True)
        single.current_decay.data[:] = neuron.current_decay[c]
        single.voltage_decay.data[:] = neuron.voltage_decay[c]
        _, alone = single.dynamics(x[:, c : c + 1])
        assert torch.equal(found[:, c : c + 1], alone)


def test_a_convolution_for_cuda_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    images = (torch.rand(6, 4, 9, 9, generator=generator) < 0.3).float().requires_grad_()
    weight = torch.randint(-128, 128, (8, 2, 3, 3), generator=generator) / 32
    weight.requires_grad_()
    geometry: Any = ((2, 2), (1, 1), (1, 1), 2)
    found = convolution.convolve(images, weight, *geometry)
    expected = torch.nn.functional.conv2d(images, weight, None, *geometry)
    assert torch.equal(found, expected)
    gradient = torch.randn(found.shape, generator=generator)
    ours = torch.autograd.grad(found, (images, weight), gradient)
    theirs = torch.autograd.grad(expected, (images, weight), gradient)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_what_an_algorithm_rounded_is_put_right_where_sums_are_whole() -> None:
    spikes, weight = torch.ones(5), torch.tensor([3 / 32, -4.0, 1 / 32])
    exact = torch.tensor([7 / 32, -100 - 1 / 32, 0.0, 2047.0])
    rounded = exact + torch.tensor([1e-3, -1e-3, 1e-6, 1e-3])
    assert torch.equal(convolution.snapped(rounded, spikes, weight), exact)
    assert torch.equal(convolution.snapped(rounded, spikes * 0.3, weight), rounded)
    assert torch.equal(convolution.snapped(rounded, spikes, weight + 0.01), rounded)
