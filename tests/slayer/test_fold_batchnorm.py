"""Folding norms of lava-dl's blocks and torch's: exact behind it, its difference told."""

import copy
import json

import numpy as np
import pytest
import torch
from lava.lib.dl import slayer

import loihi_sca
from loihi_sca.config import DenseConfig, ModelConfig, NeuronConfig
from loihi_sca.errors import ConfigError, InputError, TrainingError, UnsupportedLayer
from loihi_sca.frontend.fold import quantize_bias
from loihi_sca.model.build import build

cuba = slayer.block.cuba
BatchNorm = torch.nn.BatchNorm1d


def neuron(norm=slayer.neuron.norm.WgtScaleBatchNorm, **changes) -> dict:
    return {
        "threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1, "norm": norm, **changes
    }  # fmt: skip


def dense(into: int, out: int, norm=slayer.neuron.norm.WgtScaleBatchNorm, scale=4, **changes):
    return cuba.Dense(neuron(norm, **changes), into, out, weight_scale=scale, delay_shift=False)


def spikes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(32, 20, 16, generator=generator) < 0.3).float()


def seen(model: torch.nn.Module, passes: int = 40) -> torch.nn.Module:
    """Return a model whose norms have seen data."""
    with torch.no_grad():
        for _ in range(passes):
            model(spikes())
    return model


@pytest.fixture
def scaled() -> torch.nn.Module:
    """Return a model of lava-dl's own norm, with steps of 2 and of 1/2."""
    torch.manual_seed(0)
    return seen(torch.nn.Sequential(dense(20, 16), dense(16, 12, scale=1), dense(12, 8)))


def assert_compiles_exactly(model: torch.nn.Module, timesteps: int = 16):
    compiled = loihi_sca.compile(model, (20,), timesteps, proof_data=spikes().numpy())
    assert compiled.proof.spikes > 100
    return compiled


def test_lava_dls_norm_moves_into_the_threshold(scaled) -> None:
    before = copy.deepcopy(scaled.state_dict())
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    assert all(torch.equal(before[k], v) for k, v in scaled.state_dict().items())
    thresholds = [layer.threshold for layer in folded.folding.layers]
    assert thresholds[0] == 128
    assert thresholds[1] < 64
    assert folded.model[0].synapse.weight.equal(scaled[0].synapse.weight)
    assert all(share < 0.02 for share in folded.differing.values())
    assert folded.same_decisions >= 31
    assert folded.samples == 32
    assert_compiles_exactly(folded.model)


@pytest.mark.lava
@pytest.mark.timeout(200)
def test_a_folded_model_runs_on_stock_lava(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    compiled = assert_compiles_exactly(folded.model)
    data = spikes()[:3].int().numpy()
    with torch.no_grad():
        wanted = folded.model.eval()(spikes()[:3]).numpy()
    on_lava = loihi_sca.run(compiled, data, "lava").spikes
    assert wanted.sum() > 0
    np.testing.assert_array_equal(on_lava, wanted)
    verified = loihi_sca.verify(compiled, data=data, timeout_s=150)
    assert verified.mismatches == 0


def test_torchs_norm_of_a_neuron_goes_into_weights_and_bias() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        dense(20, 16, lambda: BatchNorm(16)), dense(16, 8, lambda: BatchNorm(8))
    )
    model[0].neuron.norm.weight.data.uniform_(0.5, 2)
    model[0].neuron.norm.bias.data.uniform_(-0.5, 0.5)
    folded = loihi_sca.fold_batchnorm(seen(model), spikes())
    assert all(share < 0.05 for share in folded.differing.values())
    compiled = assert_compiles_exactly(folded.model)
    assert abs(compiled.layers[1].bias).max() > 64  # what 8 bits of a mean would not hold
    folded.model.train()
    folded.model(spikes())  # goes on training: the bias stays
    again = assert_compiles_exactly(folded.model)
    np.testing.assert_array_equal(again.layers[1].bias, compiled.layers[1].bias)


def test_synapse_norm_and_neuron_in_a_row_become_a_block() -> None:
    torch.manual_seed(0)
    about = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    model = torch.nn.Sequential(
        slayer.synapse.Conv(1, 3, 3, stride=2, padding=1, weight_scale=4),
        torch.nn.BatchNorm3d(3),
        slayer.neuron.cuba.Neuron(**about),
        cuba.Flatten(),
        slayer.synapse.Dense(75, 4, weight_scale=4),
        BatchNorm(4),
        slayer.neuron.cuba.Neuron(**about),
    )
    images = (torch.rand(16, 1, 9, 9, 8) < 0.4).float()
    with torch.no_grad():
        for _ in range(40):
            model(images)
    folded = loihi_sca.fold_batchnorm(model, images)
    assert list(folded.differing) == ["0", "4"]
    assert all(share < 0.05 for share in folded.differing.values())
    compiled = loihi_sca.compile(folded.model, (1, 9, 9), 8, proof_data=images.numpy())
    assert compiled.proof.spikes > 0
    assert len(list(model.children())) == 7


def test_our_own_blocks_fold_in_a_copy() -> None:
    config = ModelConfig(
        layers=(DenseConfig(type="dense", neurons=9),), norm="batch",
        neuron=NeuronConfig(voltage_decay=0.1),
    )  # fmt: skip
    model = build(config, (1, 4, 5), classes=3)
    images = spikes().reshape(32, 1, 4, 5, 16)
    with torch.no_grad():
        model(images)
    folded = loihi_sca.fold_batchnorm(model, images)
    assert not model.output.batch_norm.is_folded
    assert folded.folding.layers[0].snr_db > 30
    assert loihi_sca.compile(folded.model, timesteps=16).out_shape == (3,)


def test_it_shows_itself(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled, spikes())
    assert "FoldedModel(3 layers folded" in repr(folded)
    assert "spikes that differ" in str(folded.table())
    row = folded.rows()[0]
    assert row["threshold"] == 128
    assert json.loads(json.dumps(folded.as_json()))["samples"] == 32
    assert "not measured: give a sample" in repr(loihi_sca.fold_batchnorm(scaled))


def test_what_cannot_be_folded_is_named(scaled) -> None:
    folded = loihi_sca.fold_batchnorm(scaled)
    with pytest.raises(TrainingError, match=r"no batch norm to fold.*folded already"):
        loihi_sca.fold_batchnorm(folded.model)
    with pytest.raises(TrainingError, match="0: its WgtScaleBatchNorm has not seen data"):
        loihi_sca.fold_batchnorm([dense(20, 4)])
    with pytest.raises(TrainingError, match="0: its BatchNorm1d has not seen data"):
        loihi_sca.fold_batchnorm([dense(20, 4, lambda: BatchNorm(4))])
    stray = seen(torch.nn.Sequential(BatchNorm(20), dense(20, 4)))
    with pytest.raises(UnsupportedLayer, match="0: a BatchNorm1d that is not between a synapse"):
        loihi_sca.fold_batchnorm(stray)
    remembering = torch.nn.Sequential(
        slayer.synapse.Dense(20, 4), BatchNorm(4),
        slayer.neuron.cuba.Neuron(threshold=1, current_decay=0.5, voltage_decay=0.1),
    )  # fmt: skip
    with pytest.raises(UnsupportedLayer, match="its neuron remembers the current"):
        loihi_sca.fold_batchnorm(seen(remembering))
    odd = seen(torch.nn.Sequential(dense(20, 4, scale=0.1, threshold=3 / 64)))
    with pytest.raises(ConfigError, match="is no whole mantissa"):
        loihi_sca.fold_batchnorm(odd)


def test_the_compiler_says_who_can_fold(scaled) -> None:
    with pytest.raises(UnsupportedLayer, match=r"loihi_sca\.fold_batchnorm"):
        loihi_sca.compile(scaled, (20,), 16)


def test_a_bias_keeps_13_bits() -> None:
    means = torch.tensor([100.0, -100.0, 1 / 64, 0.3])
    assert quantize_bias(means, descale=True).tolist() == [4096, -4095, 1, 19]


def row(into: int, out: int) -> tuple[torch.nn.Module, ...]:
    about = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    synapse = slayer.synapse.Dense(into, out, weight_scale=4)
    return synapse, BatchNorm(out), slayer.neuron.cuba.Neuron(**about)


class Headed(torch.nn.Module):
    """Two heads, returned in another order than registered, and one that only training runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(dense(20, 16))
        self.small = dense(16, 3)
        self.large = torch.nn.Sequential(*row(16, 6))
        self.auxiliary = dense(16, 2)

    def forward(self, given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        flow = self.body(given)
        heads = [self.large(flow), self.small(flow)]
        return (*heads, self.auxiliary(flow)) if self.training else tuple(heads)


def decided(model: torch.nn.Module) -> list[torch.Tensor]:
    with torch.no_grad():
        returned = model.eval()(spikes())
    heads = returned if isinstance(returned, tuple) else (returned,)
    return [head.sum(-1).argmax(1) for head in heads]


def test_decisions_are_those_of_what_the_model_returns() -> None:
    torch.manual_seed(3)
    headed = seen(Headed())
    read_out = seen(torch.nn.Sequential(*row(20, 16), dense(16, 12), dense(12, 8, None)))
    for model in (headed, read_out):
        folded = loihi_sca.fold_batchnorm(model, spikes())
        pairs = zip(decided(model), decided(folded.model), strict=True)
        same = torch.stack([ours == theirs for ours, theirs in pairs]).all(dim=0)
        assert folded.same_decisions == int(same.sum())
    assert list(loihi_sca.fold_batchnorm(headed, spikes()).differing) == [
        "body.0", "large.0", "small",
    ]  # fmt: skip
    assert list(folded.differing) == ["0", "3"]
    assert folded.same_decisions < 32


class TimeFirst(torch.nn.Sequential):
    """Returns (T, N, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).permute(2, 0, 1)


def test_decisions_are_those_of_the_last_layer_where_samples_do_not_come_first() -> None:
    torch.manual_seed(2)
    rows = dense(20, 16), dense(16, 16), dense(16, 64, lambda: BatchNorm(64))
    plain = seen(torch.nn.Sequential(*rows))
    folded = loihi_sca.fold_batchnorm(plain, spikes())
    turned = loihi_sca.fold_batchnorm(TimeFirst(*plain), spikes())
    assert turned.same_decisions == folded.same_decisions < turned.samples


@pytest.mark.parametrize("what", ["weights", "neuron"])
def test_what_blocks_share_is_not_folded_twice(what: str) -> None:
    torch.manual_seed(0)
    first, second = dense(20, 20, lambda: BatchNorm(20)), dense(20, 20, lambda: BatchNorm(20))
    if what == "weights":
        second.synapse.weight = first.synapse.weight
    else:
        second.neuron = first.neuron
    model = seen(torch.nn.Sequential(first, second))
    with pytest.raises(UnsupportedLayer, match=f"1: it shares its {what} with 0"):
        loihi_sca.fold_batchnorm(model)
    synapse, norm, neuron = row(20, 20)
    for later, why in ((row(20, 20)[2], "it shares its weights with 0"), (neuron, "several rows")):
        unrolled = torch.nn.Sequential(synapse, norm, neuron, synapse, norm, later)
        with pytest.raises(UnsupportedLayer, match=f"3: .*{why}"):
            loihi_sca.fold_batchnorm(seen(unrolled))


def test_weights_of_lava_dls_norm_may_be_shared() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(dense(20, 20), dense(20, 20, scale=1))
    model[1].synapse.weight = model[0].synapse.weight
    assert_compiles_exactly(loihi_sca.fold_batchnorm(seen(model), spikes()).model)


def test_a_channel_that_never_heard_anything_has_no_say_in_the_gain() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(dense(20, 16, lambda: BatchNorm(16)))
    usual = loihi_sca.fold_batchnorm(seen(copy.deepcopy(model)), spikes())
    model[0].synapse.weight.data[3] *= 1e-5  # quantises to nothing: its current is always 0
    seen(model)
    model[0].synapse.weight.data[3] *= 1e5  # as if what it listens to had been silent
    model[0].neuron.norm.running_var[3] = 0.9**400
    folded = loihi_sca.fold_batchnorm(model, spikes())
    (layer,) = folded.folding.layers
    assert abs(layer.threshold - usual.folding.layers[0].threshold) < 40
    assert list(layer.cut_weights) == [3]
    before, after = model.eval()(spikes()), folded.model.eval()(spikes())
    others = torch.arange(16) != 3
    assert (before != after)[:, others].float().mean() < 0.01


def test_a_channel_that_never_varied_gives_what_the_norm_makes_of_its_mean() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(dense(20, 16, lambda: BatchNorm(16)))
    seen(model)
    block = model[0]
    block.neuron.norm.bias.data += 0.5
    block.neuron.norm.running_var[3] = 0.0  # its current was the same all the time, and not 0
    block.neuron.norm.running_mean[3] = 0.75
    folded = loihi_sca.fold_batchnorm(model)
    (layer,) = folded.folding.layers
    assert layer.constant == (3,)
    assert not layer.cut_biases
    gain = layer.threshold / 64 / block.neuron.threshold
    bias = -folded.model[0].neuron.norm.running_mean[3]
    assert abs(float(bias) / gain - 0.5) < 1 / 64


def test_a_forward_pass_that_counts_the_modules_of_a_row_still_finds_them() -> None:
    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.Sequential(*row(20, 16), dense(16, 4))

        def forward(self, flow: torch.Tensor) -> torch.Tensor:
            for index in range(4):
                flow = self.parts[index](flow)
            return flow

    torch.manual_seed(0)
    folded = loihi_sca.fold_batchnorm(seen(Counting()), spikes())
    assert_compiles_exactly(folded.model)


@pytest.mark.parametrize("kind", [np.asarray, torch.Tensor.bool, torch.Tensor.byte])
def test_a_sample_may_be_of_any_type(scaled, kind) -> None:
    wanted = loihi_sca.fold_batchnorm(scaled, spikes()).as_json()
    assert loihi_sca.fold_batchnorm(scaled, kind(spikes())).as_json() == wanted


def test_a_sample_that_does_not_fit_is_refused(scaled) -> None:
    for wrong in (spikes()[0], spikes()[:0], spikes()[..., :0]):
        with pytest.raises(InputError, match=r"must be \(N, \*in_shape, T\)"):
            loihi_sca.fold_batchnorm(scaled, wrong)
    with pytest.raises(UnsupportedLayer, match=r"fails on a sample of shape \(32, 7, 16\)"):
        loihi_sca.fold_batchnorm(scaled, spikes()[:, :7])
    assert not any(part._forward_hooks for part in scaled.modules())


@pytest.mark.parametrize("norm", [slayer.neuron.norm.WgtScaleBatchNorm, lambda: BatchNorm(16)])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_statistics_that_are_no_numbers_are_refused(norm, value: float) -> None:
    model = seen(torch.nn.Sequential(dense(20, 16, norm)))
    for key, tensor in model[0].neuron.norm.state_dict().items():
        if tensor.is_floating_point() and tensor.numel():
            broken = copy.deepcopy(model)
            broken[0].neuron.norm.state_dict()[key].view(-1)[0] = value
            with pytest.raises(TrainingError, match=f"1 of the .* values of {key} of its .*Norm"):
                loihi_sca.fold_batchnorm(broken, spikes())
    model[0].synapse.weight.data[1, 1] = value
    with pytest.raises(TrainingError, match="values of weight of its Dense"):
        loihi_sca.fold_batchnorm(model)


def test_other_families_and_scales_are_named() -> None:
    about = {"threshold": 0.5, "activation": torch.relu, "norm": lambda: BatchNorm(16)}
    graded = torch.nn.Sequential(slayer.block.sigma_delta.Dense(about, 20, 16))
    with pytest.raises(UnsupportedLayer, match=r"0: a norm in a sigma_delta\.Dense"):
        loihi_sca.fold_batchnorm(seen(graded))
    finer = torch.nn.Sequential(dense(20, 16, lambda: BatchNorm(16), scale=4))
    finer[0] = cuba.Dense(
        {**neuron(lambda: BatchNorm(16)), "scale": 128}, 20, 16, weight_scale=4, delay_shift=False
    )
    with pytest.raises(UnsupportedLayer, match="0: scale=128"):
        loihi_sca.fold_batchnorm(seen(finer))


def halved(*_given: object) -> object:
    return _given[-1] * 0.5


class Halving(torch.nn.BatchNorm1d):
    """A norm with a forward pass of its own."""

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        return super().forward(current) * 0.5


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("pruned", "its weight is computed anew by torch's pruning or a parametrisation"),
        ("parametrised", "its weight is computed anew by torch's pruning or a parametrisation"),
        ("hook", "its neuron.norm has a hook"),
        ("bias", "its synapse has a bias"),
        ("own", "its Halving has a forward pass of its own"),
    ],
)
def test_what_a_fold_would_not_reach_or_would_lose_is_refused(what: str, why: str) -> None:
    norm = Halving if what == "own" else torch.nn.BatchNorm1d
    model = torch.nn.Sequential(dense(20, 12, lambda: norm(12)), dense(12, 6, None))
    synapse = model[0].synapse
    if what == "pruned":
        torch.nn.utils.prune.l1_unstructured(synapse, "weight", 0.3)
    elif what == "parametrised":
        torch.nn.utils.parametrizations.weight_norm(synapse)
    elif what == "hook":
        model[0].neuron.norm.register_forward_hook(halved)
    elif what == "bias":
        synapse.bias = torch.nn.Parameter(torch.ones(12))
    with pytest.raises(UnsupportedLayer, match=why):
        loihi_sca.fold_batchnorm(seen(model), spikes())
    if what == "pruned":
        torch.nn.utils.prune.remove(synapse, "weight")
        assert loihi_sca.fold_batchnorm(model, spikes()).samples
