import numpy as np
import pytest
import torch

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.engine import reference
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.export import to_network
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.model.blocks import Gated, SCAConv, SCADense
from loihi_sca.model.build import build
from loihi_sca.slayer.dynamics import ChannelActivity

NEURON = NeuronConfig(voltage_decay=0.1, current_decay=0.5)


def random_spikes(*shape: int, rate: float = 0.4) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(0)) < rate).float()


@pytest.fixture
def conv() -> SCAConv:
    torch.manual_seed(0)
    return SCAConv(2, 6, 3, padding=1, neuron=NEURON, weight_scale=3)


def test_a_gate_of_zero_silences_the_channel_but_its_gradient_lives(conv: SCAConv) -> None:
    conv.gate.data[1] = 0
    spikes = conv(random_spikes(4, 2, 5, 5, 8))
    assert spikes[:, 1].sum() == 0
    assert spikes[:, 0].sum() > 0
    (spikes * torch.randn_like(spikes)).sum().backward()
    assert conv.gate.grad is not None
    assert conv.gate.grad[1] != 0
    assert torch.all(conv.synapse.weight.grad[1] == 0)
    assert torch.any(conv.synapse.weight.grad[0] != 0)


def test_without_a_gate_a_zeroed_channel_gets_no_gradient_at_all() -> None:
    """Why the gate exists: SLAYER's norm has no factor, and zero weights pass nothing back."""
    torch.manual_seed(0)
    conv = SCAConv(2, 6, 3, neuron=NEURON, weight_scale=3, norm=False)
    follower = SCAConv(6, 3, 1, neuron=NEURON, weight_scale=3, norm=False)
    conv.synapse.weight.data[1] = 0
    conv.scale.data[1] = 0
    follower.synapse.weight.data[:, 1] = 0
    follower(conv(random_spikes(4, 2, 5, 5, 8))).sum().backward()
    assert torch.all(conv.synapse.weight.grad[1] == 0)
    assert conv.scale.grad[1] == 0


def test_the_scale_multiplies_the_weight_before_quantisation(conv: SCAConv) -> None:
    conv.scale.data[0] = 2
    expected = conv.synapse.pre_hook_fx(conv.synapse.weight[0] * 2)
    assert torch.equal(conv.quantized_weight[0], expected)
    conv(random_spikes(4, 2, 5, 5, 8)).sum().backward()
    assert conv.scale.grad is not None


def test_the_observer_is_told_of_every_training_pass(conv: SCAConv) -> None:
    conv.gate.data[1] = 0
    seen: list[tuple[Gated, ChannelActivity]] = []
    conv.observer = lambda block, activity: seen.append((block, activity))
    out = conv(random_spikes(4, 2, 5, 5, 8))
    ((block, activity),) = seen
    assert block is conv
    rates = out.mean(dim=(0, 2, 3, 4))
    assert torch.allclose(activity.rate[2:], rates[2:])
    assert activity.rate[1] > 0, "a pruned channel is measured as if it were there"
    conv.eval()
    conv(random_spikes(4, 2, 5, 5, 8))
    assert len(seen) == 1


def test_dense_equals_lava_dls_dense() -> None:
    torch.manual_seed(0)
    dense = SCADense(20, 7, neuron=NEURON, weight_scale=3)
    spikes = random_spikes(4, 20, 8)
    assert torch.equal(dense.current(spikes), dense.synapse(spikes))


MODEL = ModelConfig(
    layers=(
        ConvConfig(type="conv", channels=5, kernel=3, stride=2, padding=1),
        ConvConfig(type="conv", channels=6, kernel=2),
        DenseConfig(type="dense", neurons=9),
    ),
    neuron=NEURON,
    weight_scale=3,
)


def test_front_end_equals_training_spike_for_spike() -> None:
    torch.manual_seed(1)
    model = build(MODEL, (2, 9, 9), classes=4)
    spikes = random_spikes(6, 2, 9, 9, 10).to(torch.uint8).numpy()
    model.train()
    for _ in range(3):  # let the norms move away from zero
        model(torch.from_numpy(spikes).float())
    model.conv1.gate.data[[0, 3]] = 0
    model.dense3.gate.data[2] = 0
    trained = spikes_of(model, spikes)
    network = to_network(model, timesteps=10)
    result = reference.run(network, spikes, record=list(trained))
    for name, expected in trained.items():
        assert np.array_equal(result.traces[name].spikes, expected), name
    assert trained["output"].any()
    assert network["conv1"].bias.any()


def test_a_model_that_does_not_fit_together_is_named() -> None:
    dense_first = MODEL.model_copy(update={"layers": MODEL.layers[::-1]})
    with pytest.raises(ConfigError, match="cannot follow a dense"):
        build(dense_first, (2, 9, 9), 4)
    with pytest.raises(ConfigError, match=r"conv2: a 2x2 window .* of 1x1"):
        build(MODEL, (2, 2, 2), 4)
