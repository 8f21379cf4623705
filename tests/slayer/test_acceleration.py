"""Stock lava-dl networks before and after :func:`loihi_sca.slayer.accelerate`."""

import copy
import logging
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.frontend.slayer import compile_slayer
from loihi_sca.model.acceleration import obstacles
from loihi_sca.slayer import accelerate
from loihi_sca.slayer.lava import slayer

block = slayer.block.cuba
NORM = slayer.neuron.norm.MeanOnlyBatchNorm
NEURON = {"threshold": 0.5, "current_decay": 0.4, "voltage_decay": 0.1, "tau_grad": 0.05}


class Network(torch.nn.Module):
    """In the manner of lava-dl's tutorials."""

    def __init__(
        self, neuron: dict[str, Any], shift: bool = True, pool: bool = True, **dense: Any
    ) -> None:
        super().__init__()
        shift_arg = {"delay_shift": shift}
        layers = [
            block.Conv(neuron, 2, 5, 3, padding=1, weight_scale=3, **shift_arg),
            block.Pool(neuron, 2, **shift_arg) if pool else torch.nn.Identity(),
            block.Conv(neuron, 5, 6, 2, stride=2, weight_scale=3, groups=1, **shift_arg),
            block.Flatten(),
            block.Dense(neuron, 24 if pool else 96, 7, weight_scale=3, **shift_arg, **dense),
            block.Dense(neuron, 7, 4, weight_scale=3, weight_norm=True, **shift_arg),
        ]
        self.blocks = torch.nn.ModuleList(layers)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        for layer in self.blocks:
            spikes = layer(spikes)
        return spikes


def spikes_in(seed: int = 0, steps: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(3, 2, 8, 8, steps, generator=generator) < 0.4).float()


def assert_equal_steps(stock: torch.nn.Module, ours: torch.nn.Module, spikes: torch.Tensor) -> None:
    for training in (True, True, False):
        stock.train(training)
        ours.train(training)
        stock.zero_grad()
        ours.zero_grad()
        x_stock, x_ours = (spikes.clone().requires_grad_() for _ in range(2))
        expected, found = stock(x_stock), ours(x_ours)
        assert torch.equal(found, expected)
        gradient = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
        expected.backward(gradient)
        found.backward(gradient)
        theirs = dict(stock.named_parameters())
        for name, parameter in ours.named_parameters():
            if theirs[name].grad is None:
                assert parameter.grad is None, name
            else:
                assert_close(parameter.grad, theirs[name].grad, name)
        assert_close(x_ours.grad, x_stock.grad, "input")


def assert_close(ours: torch.Tensor | None, theirs: torch.Tensor | None, name: str) -> None:
    assert ours is not None
    assert theirs is not None
    scale = float(theirs.abs().max())
    torch.testing.assert_close(
        ours, theirs, rtol=1e-4, atol=2e-5 * scale + 1e-12, msg=lambda m: f"{name}: {m}"
    )


@settings(max_examples=12, deadline=None)
@given(
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 2, 9]),
    st.fixed_dictionaries(
        {
            "norm": st.sampled_from([None, NORM]),
            "current_decay": st.sampled_from([1.0, 0.3]),
            "requires_grad": st.booleans(),
        }
    ),
)
def test_networks_stay_the_same(
    shift: bool, pool: bool, steps: int, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    stock = Network({**NEURON, **options}, shift, pool)
    stock(spikes_in(steps=steps))  # lazy shapes
    stock.zero_grad()
    # weight_norm holds non-leaf tensors, which cannot be deep-copied
    ours = Network({**NEURON, **options}, shift, pool)
    ours(spikes_in(steps=steps))
    ours.load_state_dict(stock.state_dict())
    assert accelerate(ours) is ours
    assert_equal_steps(stock, ours, spikes_in(steps=steps))


def test_dropout_draws_the_same_numbers() -> None:
    torch.manual_seed(0)
    stock = block.Dense({**NEURON, "dropout": slayer.neuron.Dropout(0.3)}, 20, 9, weight_scale=3)
    ours = accelerate(copy.deepcopy(stock))
    x = (torch.rand(4, 20, 7) < 0.4).float()
    torch.manual_seed(1)
    expected = stock(x)
    torch.manual_seed(1)
    assert torch.equal(ours(x), expected)


def test_decays_per_channel_are_drawn_the_same() -> None:
    options = {**NEURON, "current_decay": (0.1, 0.9), "shared_param": False, "requires_grad": True}
    torch.manual_seed(0)
    stock = block.Dense(options, 20, 9, weight_scale=3)
    ours = accelerate(copy.deepcopy(stock))
    x = (torch.rand(4, 20, 7) < 0.4).float()
    torch.manual_seed(1)
    expected = stock(x)
    torch.manual_seed(1)
    assert torch.equal(ours(x), expected)
    assert torch.equal(ours.neuron.current_decay, stock.neuron.current_decay)


@pytest.mark.parametrize("dense", [{"delay": True}, {"count_log": False, "mask": torch.eye(7, 24)}])
def test_options_of_blocks_are_kept(dense: dict[str, Any]) -> None:
    torch.manual_seed(0)
    stock = Network(NEURON, **dense)
    torch.manual_seed(0)
    ours = Network(NEURON, **dense)
    torch.manual_seed(1)
    stock(spikes_in())
    torch.manual_seed(1)
    ours(spikes_in())
    accelerate(ours)
    stock.zero_grad()
    assert_equal_steps(stock, ours, spikes_in())


def test_what_is_skipped_is_named(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    stock = Network(NEURON)
    stock.blocks[4] = block.Dense({**NEURON, "graded_spike": True}, 24, 7, weight_scale=3)
    stock.blocks[0] = slayer.block.alif.Conv(
        {"threshold": 1, "threshold_step": 1, "current_decay": 0.4, "voltage_decay": 0.1,
         "threshold_decay": 0.1, "refractory_decay": 0.1}, 2, 5, 3, padding=1, weight_scale=3,
    )  # fmt: skip
    with pytest.raises(UnsupportedLayer, match=r"blocks\.4\.neuron: graded_spike"):
        accelerate(stock, strict=True)
    assert type(stock.blocks[2]) is block.Conv
    expected = stock(spikes_in())
    twin = Network(NEURON)
    twin.blocks[4] = block.Dense({**NEURON, "graded_spike": True}, 24, 7, weight_scale=3)
    twin.blocks[0] = copy.deepcopy(stock.blocks[0])
    twin.load_state_dict(stock.state_dict())
    with caplog.at_level(logging.WARNING):
        accelerate(twin)
    assert set(obstacles(twin)) == {"blocks.0.neuron", "blocks.4.neuron"}
    assert "blocks.0.neuron" in caplog.text
    assert type(twin.blocks[4]) is block.Dense
    assert isinstance(twin.blocks[2], block.Conv)
    assert type(twin.blocks[2]) is not block.Conv
    assert torch.equal(twin(spikes_in()), expected)


def test_an_option_set_later_is_obeyed() -> None:
    dense = accelerate(block.Dense({**NEURON, "norm": NORM}, 20, 9, weight_scale=3))
    x = (torch.rand(4, 20, 7) < 0.4).float()
    dense(x)
    dense.neuron.persistent_state = True
    dense(x)
    assert dense.neuron.voltage_state.abs().sum() > 0


def test_saving_and_export_still_work(tmp_path: Path) -> None:
    torch.manual_seed(0)
    dense = accelerate(block.Dense(NEURON, 20, 9, weight_scale=3))
    x = (torch.rand(4, 20, 7) < 0.4).float()
    expected = dense(x)
    assert type(copy.deepcopy(dense.neuron)) is type(dense.neuron)
    fresh = block.Dense(NEURON, 20, 9)
    fresh.load_state_dict(dense.state_dict())
    assert torch.equal(fresh(x), expected)
    with h5py.File(tmp_path / "dense.h5", "w") as file:
        dense.export_hdf5(file)
        assert file["type"][0] == b"dense"


def test_twice_is_as_good_as_once() -> None:
    network = accelerate(Network(NEURON))
    before = [type(m) for m in network.modules()]
    assert [type(m) for m in accelerate(network).modules()] == before


def test_the_front_end_takes_accelerated_blocks_as_what_they_are() -> None:
    torch.manual_seed(0)
    stock = Network(NEURON, shift=False)
    stock(spikes_in())
    before = compile_slayer(list(stock.blocks), (2, 8, 8), 9, proof_samples=2)
    after = compile_slayer(list(accelerate(stock).blocks), (2, 8, 8), 9, proof_samples=2)
    assert after == before
