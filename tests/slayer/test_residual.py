"""Residual blocks: what they compute, what their gates mean, and what is never pruned."""

import copy
import os
import subprocess
import sys

import pytest
import torch
from residual_net import LAYERS, NEURON, OFF, net, spikes_in, step, trained, weighted

from loihi_sca.config import ModelConfig
from loihi_sca.errors import ConfigError, UnsupportedLayer
from loihi_sca.model.blocks import slayer_neuron
from loihi_sca.model.build import build
from loihi_sca.model.removal import remove_pruned
from loihi_sca.model.residual import Residual
from loihi_sca.model.sizes import resize, shapes_of
from loihi_sca.model.stream import quantize_8bit
from loihi_sca.slayer.lava import slayer


class StockResidual(torch.nn.Module):
    """The same block of lava-dl's own neurons and synapses, with its own quantiser."""

    def __init__(self, block: Residual) -> None:
        super().__init__()
        self.before, self.between = (
            slayer.neuron.cuba.Neuron(**slayer_neuron(NEURON, True)) for _ in range(2)
        )

        def like(synapse, weight) -> torch.nn.Module:
            made = slayer.synapse.Conv(
                synapse.in_channels, synapse.out_channels, synapse.kernel_size[:2],
                stride=synapse.stride[:2], padding=synapse.padding[:2],
                pre_hook_fx=self.before.quantize_8bit,
            )  # fmt: skip
            made.weight.data = weight.detach().clone()
            return made

        self.conv1 = like(block.conv1.synapse, block.conv1.synapse.weight)
        self.conv2 = like(block.conv2, block.conv2.weight)
        shortcut = block.shortcut
        self.shortcut = None if shortcut is None else like(shortcut, shortcut.weight)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        spikes = self.before(stream)
        carried = stream if self.shortcut is None else self.shortcut(spikes)
        return carried + self.conv2(self.between(self.conv1(spikes)))


@pytest.mark.parametrize(("channels", "stride"), [(6, 1), (6, 2), (9, 1)])
def test_a_block_is_the_composition_of_lava_dls_parts(channels: int, stride: int) -> None:
    torch.manual_seed(0)
    ours = Residual(6, channels, stride=stride, neuron=NEURON, weight_scale=4).train()
    stock = StockResidual(ours).train()
    assert (ours.shortcut is None) == (channels == 6 and stride == 1)
    given = [weighted().requires_grad_() for _ in range(2)]
    sent = [block(x) for block, x in zip((ours, stock), given, strict=True)]
    assert torch.equal(*sent)
    assert sent[0].unique().numel() > 20
    for output in sent:
        (output * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum().backward()
    torch.testing.assert_close(given[0].grad, given[1].grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        ours.conv1.synapse.weight.grad, stock.conv1.weight.grad, rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(ours.conv2.weight.grad, stock.conv2.weight.grad)
    if ours.shortcut is not None:
        torch.testing.assert_close(
            ours.shortcut.weight.grad, stock.shortcut.weight.grad, rtol=1e-4, atol=1e-4
        )
    # the norms have learnt the same means, so that they agree in evaluation as well
    with torch.no_grad():
        assert torch.equal(ours.eval()(weighted()), stock.eval()(weighted()))


def test_the_quantiser_is_lava_dls() -> None:
    weight = torch.linspace(-6, 6, 4001)
    neuron = slayer.neuron.cuba.Neuron(**slayer_neuron(NEURON, False))
    assert torch.equal(quantize_8bit(weight), neuron.quantize_8bit(weight))


@pytest.mark.parametrize("channels", [6, 9])
def test_a_selecting_gate_is_a_factor_of_what_one_listener_hears(channels: int) -> None:
    torch.manual_seed(0)
    block = Residual(6, channels, neuron=NEURON, weight_scale=4).train()
    block.select.gate.data[[1, 4]] = 0

    def loss(stream: torch.Tensor) -> torch.Tensor:
        return (stream * torch.linspace(-1, 1, stream.numel()).view(stream.shape)).sum()

    loss(block(weighted())).backward()
    gate = block.select.gate.detach().clone().requires_grad_()
    ours = block.select.gate.grad.clone()
    block.select.gate.data = torch.ones(6)
    spikes = block.select(weighted())
    carried = weighted() if block.shortcut is None else block.shortcut(spikes)
    heard = spikes * gate.view(1, -1, 1, 1, 1)
    loss(carried + block.conv2(block.conv1(heard))).backward()
    torch.testing.assert_close(ours, gate.grad, rtol=1e-3, atol=1e-3)
    assert (ours[[1, 4]] != 0).all(), "a pruned channel could never ask to come back"


def test_removal_changes_no_spike_and_never_the_stream() -> None:
    model, optimizer = trained(OFF)
    streams: list[torch.Tensor] = []
    for name in ("stem1", "residual2", "residual3"):
        model.get_submodule(name).register_forward_hook(lambda *x: streams.append(x[2]))
    before, was = model.eval()(spikes_in()), list(streams)
    streams.clear()
    remove_pruned(model, optimizer)
    assert torch.equal(model(spikes_in()), before)
    assert before.sum() > 0
    assert all(torch.equal(*pair) for pair in zip(streams, was, strict=True))

    counts = {name: block.channels for name, block in model.gated}
    assert counts == {
        "residual2.select": 4, "residual2.conv1": 3, "residual3.select": 5, "residual3.conv1": 8,
        "dense4": 6, "output": 4,
    }  # fmt: skip
    kept, shared = model.residual2, model.residual3
    assert kept.conv1.synapse.weight.shape == (3, 4, 3, 3, 1)
    assert kept.conv2.weight.shape == (6, 3, 3, 3, 1)
    assert len(kept.select.neuron.norm.running_mean) == 4  # nobody else heard the other two
    assert len(shared.select.neuron.norm.running_mean) == 6  # the shortcut hears all
    assert shared.shortcut.weight.shape == (10, 6, 1, 1, 1)
    assert model.stem1.weight.shape[0] == 6
    for parameter, state in optimizer.state.items():
        assert state["exp_avg"].shape == parameter.shape


def test_training_goes_on_as_it_would_have() -> None:
    model, optimizer = trained(OFF)
    whole, whole_optimizer = copy.deepcopy((model, optimizer))
    remove_pruned(model, optimizer)
    for _ in range(4):
        assert step(model, optimizer) == pytest.approx(step(whole, whole_optimizer), rel=1e-4)


def test_a_copy_is_a_model_of_its_own() -> None:
    model, _ = trained()
    other = copy.deepcopy(model)
    other.residual2.select.gate.data[:] = 0
    assert model.residual2.conv1.quantized_weight.any()
    assert other.residual2.conv1._select[0] is other.residual2.select
    assert not torch.equal(model.eval()(spikes_in()), other.eval()(spikes_in()))


def test_a_fresh_model_takes_the_state_of_a_cut_one() -> None:
    model, optimizer = trained(OFF)
    remove_pruned(model, optimizer)
    fresh = net()
    resize(fresh, shapes_of(model))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.eval()(spikes_in()), model.eval()(spikes_in()))


def test_a_selection_of_nothing_is_refused_and_the_model_kept() -> None:
    model, _ = trained({"residual3.select": list(range(6)), "residual2.conv1": [0]})
    with pytest.raises(UnsupportedLayer, match=r"residual3\.select: no channel is left"):
        remove_pruned(model)
    assert model.residual2.conv1.channels == 6


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (LAYERS[1:2], r"residual1 follows nothing, and adds .* Put a stem"),
        ([LAYERS[3], LAYERS[1]], "residual2 follows dense"),
        ([{"type": "conv", "channels": 3}, LAYERS[2]], "residual2 follows conv"),
    ],
)
def test_a_block_without_a_stream_is_named(layers, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig.model_validate({"layers": layers})


def test_a_stem_needs_a_map() -> None:
    config = ModelConfig.model_validate({"layers": [LAYERS[3], LAYERS[0]]})
    with pytest.raises(ConfigError, match="stem2: a stem block cannot follow a dense block"):
        build(config, (2, 7, 7), 4)


def test_convolutions_before_and_behind_a_stream_hear_spikes() -> None:
    conv = {"type": "conv", "channels": 5, "padding": 1}
    config = ModelConfig.model_validate({"layers": [conv, *LAYERS[:2], conv], "weight_scale": 4})
    torch.manual_seed(0)
    model = build(config, (2, 7, 7), 4).eval()
    assert [n for n, _ in model.named_children()] == [
        "conv1", "stem2", "residual3", "spikes3", "conv4", "flatten", "output",
    ]  # fmt: skip
    model.conv1.gate.data[2] = 0
    model.conv4.gate.data[0] = 0
    before = model(spikes_in())
    assert before.any()
    remove_pruned(model)
    assert model.stem2.weight.shape == (6, 4, 3, 3, 1)
    assert torch.equal(model(spikes_in()), before)


STRIDED = """
import gc, torch
from loihi_sca.model.stream import Weighting
torch.set_num_threads(1)
for _ in range(12):
    synapse = Weighting(6, 9, 1, stride=2)
    spikes = torch.ones(8, 6, 8, 8, 6, requires_grad=True)
    synapse(spikes).sum().backward()
    del synapse, spikes
    gc.collect()
print("intact")
"""


@pytest.mark.slow
def test_a_strided_shortcut_leaves_memory_alone() -> None:
    # glibc then checks every block that is freed; torch's own backward pass fails that
    checked = {**os.environ, "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165"}
    done = subprocess.run(
        [sys.executable, "-c", STRIDED], env=checked, capture_output=True, text=True
    )
    assert done.stdout.strip() == "intact", done.stderr
