"""Norms of SpikingJelly's lava_exchange neurons fold, and the folded model compiles exactly."""

import numpy as np
import pytest
import torch
from spikingjelly_models import functional, lava_exchange, layer, neuron, spikes

import loihi_sca
from loihi_sca.errors import TrainingError, UnsupportedLayer
from loihi_sca.frontend.affine import affine_of

pytest.importorskip("lava.lib.dl.slayer", reason="BlockContainer comes with lava-dl only")

SHAPE = (2, 6, 6)


def node(channels: int | None = None, decay: float = 1.0):
    norm = None if channels is None else lava_exchange.BatchNorm2d(channels)
    return lava_exchange.CubaLIFNode(decay, 0.1, v_threshold=1.0, norm=norm)


def containers(decay: float = 1.0, mode: str = "m"):
    torch.manual_seed(0)
    block = lava_exchange.BlockContainer
    model = torch.nn.Sequential(
        block(torch.nn.Conv2d(2, 5, 3, bias=False), node(5, decay)),
        block(torch.nn.Flatten(), None),
        block(torch.nn.Linear(5 * 4 * 4, 4, bias=False), node()),
    )
    model[0].synapse.weight.data *= 6
    model[2].synapse.weight.data *= 4
    return trained(model, mode)


def rows(decay: float = 1.0, mode: str = "m"):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        layer.Conv2d(2, 5, 3), layer.BatchNorm2d(5), node(decay=decay),
        layer.Conv2d(5, 4, 4, bias=False), layer.BatchNorm2d(4), node(decay=decay),
    )  # fmt: skip
    model[1].weight.data.uniform_(0.5, 1.5)
    model[1].bias.data.normal_()
    model[4].bias.data += 0.5
    return trained(model, mode)


def trained(model, mode: str):
    functional.set_step_mode(model, "m")
    model.train()(time_first(spikes(SHAPE, samples=6)))
    functional.reset_net(model)
    functional.set_step_mode(model, mode)
    return model.eval()


def time_first(data):
    return torch.from_numpy(np.moveaxis(data, -1, 0).copy()).float()


@pytest.mark.parametrize("mode", ["m", "s"])
@pytest.mark.parametrize("build", [containers, rows])
def test_folded_it_compiles_exactly_and_the_difference_is_told(build, mode: str) -> None:
    model = build(mode=mode)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    data = spikes(SHAPE, samples=8)
    folded = loihi_sca.fold_batchnorm(model, torch.from_numpy(data).float())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    first = folded.folding.layers[0]
    assert first.name == ("0" if build is containers else "2")
    assert folded.differing.keys() == {x.name for x in folded.folding.layers}
    assert 0 <= max(folded.differing.values()) < (0.02 if build is containers else 0.2)
    assert folded.samples == 8
    compiled = loihi_sca.compile(folded.model, SHAPE, 12, proof_data=data)
    assert compiled.proof is not None  # every layer is exact, and equal on the data
    assert compiled.proof.spikes > 0
    assert np.any(compiled.layers[1].bias)
    assert compiled.layers[1].neuron.threshold == first.threshold
    with pytest.raises(TrainingError, match="Was it folded already"):
        loihi_sca.fold_batchnorm(folded.model)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: containers(decay=0.5), r"0: its neuron remembers the normed current"),
        (lambda: rows(decay=0.5), r"2: its neuron remembers .*; 5: its neuron remembers"),
        (
            lambda: torch.nn.Sequential(layer.BatchNorm2d(2), node()),
            "1: a BatchNorm2d that is not straight behind weights",
        ),
    ],
)
def test_what_cannot_be_folded_is_refused_by_name(build, message: str) -> None:
    with pytest.raises(UnsupportedLayer, match=message):
        loihi_sca.fold_batchnorm(build())


def test_norms_that_have_not_seen_data_or_are_before_other_neurons() -> None:
    fresh = torch.nn.Sequential(layer.Linear(8, 4), layer.BatchNorm1d(4), node())
    with pytest.raises(TrainingError, match="2: the BatchNorm1d before it has not seen data"):
        loihi_sca.fold_batchnorm(fresh)
    others = torch.nn.Sequential(layer.Linear(8, 4), layer.BatchNorm1d(4), neuron.IFNode())
    with pytest.raises(TrainingError, match="the model has none before a"):
        loihi_sca.fold_batchnorm(others)


def test_a_block_whose_neuron_has_a_norm_is_told_what_to_do() -> None:
    (problem,) = loihi_sca.check(containers(), SHAPE)
    assert "fold_batchnorm" in str(problem)


def test_a_block_that_pools_is_refused() -> None:
    pool = lava_exchange.BlockContainer(lava_exchange.SumPool2d(2), node())
    model = torch.nn.Sequential(pool)
    functional.set_step_mode(model, "m")
    assert "SumPool2d" in str(loihi_sca.check(model, SHAPE)[0])


def test_folding_is_what_a_batch_norm_does() -> None:
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(3).double()
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.data.normal_()
    norm.running_var.uniform_(0.1, 3)
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    factor, shift = (t.reshape(1, 3, 1, 1) for t in affine_of(norm))
    assert torch.allclose(norm.eval()(x), factor * x + shift, rtol=1e-12, atol=1e-12)


def test_what_is_shared_or_no_number_is_named() -> None:
    shared = rows()
    shared[3] = layer.Conv2d(5, 5, 1)
    shared[0] = layer.Conv2d(2, 5, 1)
    shared[3].weight.data = torch.zeros(5, 5, 1, 1)
    shared[4] = layer.BatchNorm2d(5)
    shared[0].weight = shared[3].weight
    shared[4].num_batches_tracked += 1
    with pytest.raises(UnsupportedLayer, match="5: it shares its weights with 2"):
        loihi_sca.fold_batchnorm(shared)
    for build, key in ((rows, "running_mean"), (rows, "weight"), (containers, "running_var")):
        model = build()
        norm = model[1] if build is rows else model[0].neuron.norm
        norm.state_dict()[key].view(-1)[0] = torch.nan
        with pytest.raises(TrainingError, match=f"1 of the .* values of {key} of its BatchNorm2d"):
            loihi_sca.fold_batchnorm(model)


def test_a_channel_that_never_varied_gives_what_the_norm_makes_of_its_mean() -> None:
    model = rows()
    model[0].weight.data[2] = 0.0
    model[0].bias.data[2] = 0.75  # of which the norm leaves nothing
    model[1].bias.data[2] = 0.5
    model[1].running_mean[2], model[1].running_var[2] = 0.75, 0.0
    data = torch.from_numpy(spikes(SHAPE, samples=8)).float()
    folded = loihi_sca.fold_batchnorm(model, data)
    first = folded.folding.layers[0]
    assert first.constant == (2,)
    assert not first.cut_biases
    assert abs(float(folded.model[0].bias[2]) / (first.threshold / 64) - 0.5) < 1 / 64
    assert max(folded.differing.values()) < 0.2


@pytest.mark.parametrize("mode", ["m", "s"])
def test_decisions_are_those_of_the_whole_model(mode: str) -> None:
    model = rows(mode=mode)
    model.append(layer.Flatten())
    model.append(layer.Linear(4, 3, bias=False))
    model.append(node())
    functional.set_step_mode(model, mode)
    model[7].weight.data = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 2]])
    data = torch.from_numpy(spikes(SHAPE, samples=6))
    folded = loihi_sca.fold_batchnorm(model, data.numpy())
    decided = []
    for tried in (model, folded.model):
        functional.reset_net(tried)
        with torch.no_grad():
            steps = time_first(data.numpy())
            sent = tried(steps) if mode == "m" else torch.stack([tried(step) for step in steps])
        decided.append(sent.sum(0).argmax(1))
    assert folded.same_decisions == int((decided[0] == decided[1]).sum())
    assert list(folded.differing) == ["2", "5"]
    with pytest.raises(UnsupportedLayer, match=r"fails on a sample of shape \(6, 1, 6, 6, "):
        loihi_sca.fold_batchnorm(model, data[:, :1])


@pytest.mark.parametrize("what", ["pruning", "weight norm", "hook of the norm", "hook of the node"])
def test_what_a_hook_would_undo_or_a_fold_would_lose_is_refused(what: str) -> None:
    model = rows()
    if what == "pruning":
        torch.nn.utils.prune.l1_unstructured(model[0], "weight", 0.3)
    elif what == "weight norm":
        torch.nn.utils.weight_norm(model[0])
    else:
        part = model[1] if what == "hook of the norm" else model[2]
        part.register_forward_hook(lambda _part, _given, sent: sent * 0.5)
    with pytest.raises(UnsupportedLayer, match=r"2: a hook on its .*make it permanent"):
        loihi_sca.fold_batchnorm(model)
    if what == "pruning":
        torch.nn.utils.prune.remove(model[0], "weight")
        assert loihi_sca.fold_batchnorm(model).folding.layers
