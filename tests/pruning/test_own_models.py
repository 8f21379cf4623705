"""Pruning models of one's own, in one's own loop."""

import copy

import pytest
import torch
from own_models import (
    CLASSES,
    SHAPE,
    STEPS,
    Everything,
    Reshaping,
    batch,
    cuba,
    grouped,
    loss_of,
    neuron,
    train,
)
from safetensors.torch import load, save
from tiny_training import tiny_recipe
from torch.nn.utils import parametrize

import loihi_sca
from loihi_sca import data
from loihi_sca.config import ModelConfig, NeuronConfig, PruningConfig
from loihi_sca.engine import fast
from loihi_sca.errors import ConfigError, InputError, TrainingError, UnsupportedLayer
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.model.build import build
from loihi_sca.model.copying import copied
from loihi_sca.planning.outline import outline_of
from loihi_sca.slayer import accelerate
from loihi_sca.slayer.lava import slayer
from loihi_sca.training.loop import Trainer
from loihi_sca.training.plan import learning_rate_at


def made(kind, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return kind()


def adam(model: torch.nn.Module, **options) -> torch.optim.Adam:
    return torch.optim.Adam(model.parameters(), **{"lr": 1e-2, "weight_decay": 1e-2, **options})


KINDS = {
    "everything": Everything,
    "without weight norms": lambda: Everything(False),
    "own forward pass": Reshaping,
    "groups": grouped,
    "accelerated": lambda: accelerate(Everything()),
}


SAME_DRAWS = ("own forward pass", "groups")
"""Without delays, which are drawn in the first pass."""


@pytest.mark.parametrize("kind", list(KINDS))
def test_channels_are_gone_and_no_spike_has_changed(kind: str) -> None:
    model = made(KINDS[kind])
    spikes, labels = batch(99)
    names, kinds = list(model.state_dict()), [type(m) for m in model.modules()]
    before = copied(model).eval()(spikes) if kind in SAME_DRAWS else None
    optimizer = adam(model)
    pruner = loihi_sca.Pruner(model, spikes, budget="keep=0.5", steps=10)
    assert before is None or torch.equal(model.eval()(spikes), before)
    assert list(model.state_dict()) == names
    train(model, optimizer, pruner, 10)
    gated = model.eval()(spikes).detach().clone()
    loss = loss_of(model(spikes), labels)  # alive until the end, as in a loop
    update = pruner.finish(optimizer)
    assert list(model.state_dict()) == names
    assert [type(m) for m in model.modules()] == kinds
    assert gated.sum() > 0
    assert torch.equal(model(spikes), gated)
    for parameter, state in optimizer.state.items():
        assert state["exp_avg"].shape == parameter.shape
    train(model, optimizer, steps=2)
    assert loss.isfinite()
    if kind in ("everything", "accelerated"):
        assert [model.blocks[i].synapse.weight.shape[0] for i in (0, 1, 3, 5)] == [
            update.alive["0-conv"], update.alive["0-conv"],
            update.alive["3-conv"], update.alive["5-dense"],
        ]  # fmt: skip
        assert model.blocks[5].delay.delay.numel() == update.alive["5-dense"]
        return  # delays of a biased layer behind are another matter
    compiled = loihi_sca.compile_slayer(model.eval(), SHAPE, STEPS, proof_samples=4)
    shapes = {layer.name: layer.out_shape[0] for layer in compiled}
    assert shapes.items() >= update.alive.items()


def test_a_pool_and_what_is_behind_a_delay_compile_as_promised() -> None:
    options = {"delay_shift": False, "weight_scale": 4, "weight_norm": True}
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        cuba.Conv(neuron(), 2, 40, 3, padding=1, **options),
        cuba.Pool(neuron(False), 2, delay_shift=False, weight_scale=3),
        cuba.Conv(neuron(), 40, 48, 3, padding=1, **options),
        cuba.Flatten(),
        cuba.Dense(neuron(), 48 * 64, 60, **options),
        cuba.Dense(neuron(False), 60, CLASSES, **options),
    )
    shape = (2, 16, 16)
    spikes = batch(shape=shape)[0]
    optimizer = adam(model)
    chip = load_profile("loihi2")
    pruner = loihi_sca.Pruner(model, spikes, budget="cores=6", steps=8)
    assert map_network(pruner.decision.outline.architecture, chip).cores >= 10
    train(model, optimizer, pruner, 8, shape)
    plan = pruner.finish(optimizer)
    assert plan.alive != {"0-conv": 40, "2-conv": 48, "4-dense": 60}
    compiled = loihi_sca.compile_slayer(model.eval(), shape, STEPS)
    assert map_network(describe(compiled), chip).cores <= 6
    sent = fast.run(compiled, spikes.numpy().astype("uint8")).spikes
    assert (sent == model(spikes).detach().numpy()).all()


def test_a_recipe_and_a_loop_of_ones_own_are_the_same_bit_for_bit() -> None:
    recipe = tiny_recipe({"interval_steps": 2, "regenerate": 0.2, "criterion": "random"})
    training, validation = (data.load("digits", split=s, timesteps=4) for s in ("train", "test"))
    training = training.first(128)
    trainer = Trainer(recipe, training, validation.first(20))
    by_recipe: list[dict] = []
    torch.manual_seed(recipe.seed)
    model = build(recipe.model, training.shape, training.classes)
    optimizer = torch.optim.Adam(model.trainable_parameters(), lr=recipe.training.learning_rate)
    pruner = loihi_sca.Pruner(
        model, config=recipe.pruning, steps=12, steps_per_epoch=4, seed=recipe.seed
    )
    for _ in range(3):
        batches = trainer._batches
        start = 4 * trainer.epoch
        trainer.run_epoch(lambda *_: by_recipe.append(trainer.masks))
        for number, index in enumerate(batches):
            step = start + number
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(trainer.recipe.training, step / 4)
            spikes = torch.from_numpy(training.spikes(index)).float()
            labels = torch.from_numpy(training.labels[index])
            torch.manual_seed(12345 + step)  # whatever the user draws changes nothing
            loss = trainer.loss(model.train()(spikes).sum(dim=-1), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if pruner is None:
                continue
            pruner.step(optimizer)
            for name, mask in pruner.alive.items():
                assert torch.equal(mask, by_recipe[step][name])
            if pruner.is_final:
                pruner.finish(optimizer)
                pruner = None
    ours, theirs = model.state_dict(), trainer.model.state_dict()
    assert pruner is None
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def test_stock_blocks_and_gated_ones_are_pruned_alike_bit_for_bit() -> None:
    shared = {
        "threshold": 1.25, "current_decay": 0.5, "voltage_decay": 0.1, "tau_grad": 0.1,
        "scale_grad": 1.0,
    }  # fmt: skip
    layers = [{"type": "conv", "channels": 8, "stride": 2}, {"type": "dense", "neurons": 12}]
    config = ModelConfig.model_validate(
        {"layers": layers, "neuron": NeuronConfig(**shared), "weight_scale": 3}
    )
    torch.manual_seed(0)
    ours = build(config, SHAPE, CLASSES)
    options = {"delay_shift": False}
    stock = torch.nn.Sequential(
        cuba.Conv(neuron(**shared), 2, 8, 3, stride=2, **options),
        cuba.Flatten(),
        cuba.Dense(neuron(**shared), 72, 12, **options),
        cuba.Dense(neuron(**shared), 12, CLASSES, **options),
    )
    pairs = [("conv1", 0), ("dense2", 2), ("output", 3)]
    for name, place in pairs:
        weight = ours.get_submodule(name).synapse.weight
        stock[place].synapse.weight.data.copy_(weight.data)
    accelerate(stock)
    found = []
    for model in (ours, stock):
        weights = [p for n, p in model.named_parameters() if n.endswith("synapse.weight")]
        optimizer = torch.optim.Adam(weights, lr=1e-2, weight_decay=0.1)
        pruner = loihi_sca.Pruner(model, batch()[0], budget="keep=0.5", steps=12)
        train(model, optimizer, pruner, 12)
        pruner.finish(optimizer)
        found.append(model)
    for name, place in pairs:
        theirs = stock[place].synapse.weight
        assert torch.equal(ours.get_submodule(name).synapse.weight, theirs)
    assert stock[0].synapse.weight.shape[0] < 8


def test_what_is_off_stays_whatever_the_optimizer_does_and_gates_are_not_trained() -> None:
    model = made(lambda: Everything(False))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    pruner = loihi_sca.Pruner(model, batch()[0], budget="keep=0.5")
    train(model, optimizer, pruner, 3)
    pruner.update(1.0, optimizer, regenerate=0.0)
    block = pruner.blocks["0-conv"]
    off, weight = ~block.alive, block.synapse.weight
    was = weight[off].clone()
    assert len(was)
    train(model, optimizer, pruner, 3)
    assert torch.equal(weight[off], was)
    assert set(block.gate.tolist()) == {0.0, 1.0}
    assert not weight.grad[off].any()


def test_saved_and_resumed_it_goes_on_bit_for_bit(tmp_path) -> None:
    def start():
        model = made(lambda: Everything(False))
        optimizer = adam(model)
        spikes, _ = batch()
        model.eval()(spikes)  # delays are drawn
        return model, optimizer, loihi_sca.Pruner(model, spikes, budget="keep=0.5", steps=12)

    model, optimizer, pruner = start()
    train(model, optimizer, pruner, 7)
    saved = save(pruner.state_dict()), model.state_dict(), optimizer.state_dict()
    saved = copy.deepcopy(saved)
    train(model, optimizer, pruner, 5)
    pruner.finish(optimizer)

    again, other, resumed = start()
    resumed.load_state_dict(load(saved[0]))  # in any order
    loihi_sca.resize(again, {name: tensor.shape for name, tensor in saved[1].items()})
    again.load_state_dict(saved[1])
    other.load_state_dict(saved[2])
    assert resumed.done == 7
    train(again, other, resumed, 5)
    resumed.finish(other)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_pruned_model_is_rebuilt_from_its_class() -> None:
    model = made(Everything)
    optimizer = adam(model)
    pruner = loihi_sca.Pruner(model, batch()[0], budget="keep=0.5", steps=8)
    train(model, optimizer, pruner, 8)
    pruner.finish(optimizer)
    shapes, state = loihi_sca.shapes_of(model), copy.deepcopy(model.state_dict())
    again = Everything()
    with pytest.raises(RuntimeError, match="size mismatch"):
        again.load_state_dict(state)
    again = Everything()
    loihi_sca.resize(again, shapes)
    again.load_state_dict(state)
    spikes, _ = batch(5)
    assert torch.equal(again.eval()(spikes), model.eval()(spikes))
    train(again, adam(again), steps=1)

    with pytest.raises(ConfigError, match=r"first\.synapse\.weight is missing.*Nothing is changed"):
        loihi_sca.resize(Reshaping(), shapes)
    small = Everything(False)
    loihi_sca.prune(small, [batch()], budget="keep=0.5")
    with pytest.raises(ConfigError, match=r"weight is 8x2x3x3x1, and \dx2x3x3x1 here"):
        loihi_sca.resize(small, loihi_sca.shapes_of(Everything(False)))


def test_one_shot_trains_nothing() -> None:
    model = made(Everything)
    train(model, adam(model), steps=3)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    update = loihi_sca.prune(model, (batch(i) for i in range(3)), budget="keep=0.4", batches=2)
    assert sum(update.alive.values()) == round(0.4 * 30)
    state = model.state_dict()
    mean = "blocks.6.neuron.norm.running_mean"
    assert torch.equal(state[mean], before[mean])
    for rows in state["blocks.0.synapse.weight_v"]:
        assert any(torch.equal(rows, row) for row in before["blocks.0.synapse.weight_v"])


def test_a_loader_that_ends_early_leaves_the_model_whole() -> None:
    model = made(lambda: Everything(False))
    names, kinds = loihi_sca.shapes_of(model), [type(m) for m in model.modules()]
    with pytest.raises(InputError, match="no batch"):
        loihi_sca.prune(model, [], budget="keep=0.5")
    with pytest.raises(InputError, match="ended after 2 of 5 batches"):
        loihi_sca.prune(model, [batch(), batch(1)], budget="keep=0.5", batches=5)
    with pytest.raises(InputError, match="is a Tensor: must be"):
        loihi_sca.prune(model, [batch()[0]], budget="keep=0.5")
    shapes = loihi_sca.shapes_of(model)
    assert shapes.keys() == names.keys()
    assert [type(m) for m in model.modules()] == kinds
    assert shapes["blocks.0.synapse.weight"] == [8, 2, 3, 3, 1]


def test_every_obstacle_is_told_at_once_before_training() -> None:
    model = torch.nn.Sequential(
        cuba.Conv({**neuron(), "persistent_state": True}, 2, 8, 3, delay_shift=False),
        cuba.Flatten(),
        cuba.Dense({**neuron(False), "graded_spike": True}, 288, 10, delay_shift=False),
        cuba.Dense(neuron(), 10, CLASSES, delay_shift=False),
    )
    kinds = [type(m) for m in model.modules()]
    with pytest.raises(UnsupportedLayer) as raised:
        loihi_sca.Pruner(model, batch()[0], budget="keep=0.5")
    assert "0-conv: persistent_state=True" in str(raised.value)
    assert "2-dense: graded_spike=True" in str(raised.value)
    assert [type(m) for m in model.modules()] == kinds


@pytest.mark.parametrize("what", ["weights", "neuron", "norm", "delays"])
def test_what_two_blocks_share_cannot_be_cut_for_one(what: str) -> None:
    options = {"delay_shift": False, "delay": True}
    first, second = (cuba.Dense(neuron(), 8, 8, **options) for _ in range(2))
    if what == "weights":
        second.synapse.weight = first.synapse.weight
    elif what == "neuron":
        second.neuron = first.neuron
    elif what == "norm":
        second.neuron.norm = first.neuron.norm
    else:
        second.delay = first.delay
    model = torch.nn.Sequential(first, second, cuba.Dense(neuron(), 8, CLASSES, delay_shift=False))
    with pytest.raises(UnsupportedLayer, match=f"1-dense: it shares its {what} with 0-dense"):
        loihi_sca.Pruner(model, torch.ones(2, 8, STEPS), budget="keep=0.5")


def test_every_neuron_of_a_map_is_a_class_where_no_loss_is_given() -> None:
    spikes, labels = batch()
    options = {"delay_shift": False, "weight_scale": 4}
    width, height = SHAPE[2], SHAPE[1]
    blocks = [cuba.Conv(neuron(False), 2, 8, 3, padding=1, **options)]
    blocks += [cuba.Dense(neuron(False), (width, height, 8), CLASSES, **options)]
    update = loihi_sca.prune(torch.nn.Sequential(*blocks), [(spikes, labels)], budget="keep=0.5")
    assert update.alive == {"0-conv": 4}


def keeping() -> torch.nn.Sequential:
    kept = {**neuron(False), "persistent_state": True}
    options = {"delay_shift": False, "weight_scale": 4}
    blocks = [cuba.Conv(kept, 2, 8, 3, **options), cuba.Flatten()]
    return torch.nn.Sequential(*blocks, cuba.Dense(kept, 288, CLASSES, **options))


def states(model: torch.nn.Sequential) -> list[bool]:
    return [model[i].neuron.persistent_state for i in (0, 2)]


def test_neurons_that_keep_their_state_forget_it_on_request() -> None:
    model = made(keeping)
    spikes, _ = batch()
    model(spikes)
    voltage = model[0].neuron.voltage_state
    assert voltage.any()
    with pytest.raises(UnsupportedLayer, match="reset=True"):
        loihi_sca.Pruner(model, spikes, budget="keep=0.5")
    with pytest.raises(ConfigError):
        loihi_sca.Pruner(model, spikes, budget="cores=100000000", reset=True, criterion="no such")
    assert states(model) == [True, True]
    loihi_sca.Pruner(model, spikes, budget="keep=0.5", reset=True).cancel()
    assert states(model) == [True, True]
    assert model[0].neuron.voltage_state is voltage
    pruner = loihi_sca.Pruner(model, spikes, budget="keep=0.5", steps=3, reset=True)
    train(model, adam(model), pruner, 3)
    assert pruner.finish().alive["0-conv"] == 4
    assert states(model) == [False, False]
    compiled = loihi_sca.compile(model, SHAPE, STEPS, proof_data=spikes.numpy())
    assert compiled.proof.spikes > 0


def test_what_a_neuron_remembers_of_the_last_batch_is_not_compiled() -> None:
    model = made(keeping).eval()
    spikes, _ = batch()
    model(spikes[:1])  # a batch of one, as the sample that is compared
    for found in (
        loihi_sca.compile(model, SHAPE, STEPS, reset=True, proof_data=spikes[:1].numpy()),
        loihi_sca.compile(model, SHAPE, STEPS, reset=True, proof_samples=1),
    ):
        assert found.proof is not None
    assert loihi_sca.check(model, SHAPE, reset=True) == ()
    assert states(model) == [True, True]


def test_what_cannot_be_meant_is_refused_when_the_pruner_is_made() -> None:
    spikes, _ = batch()
    fixed = Reshaping(fixed=True)
    with pytest.raises(UnsupportedLayer, match=r"fails without the channels .*use -1"):
        loihi_sca.Pruner(fixed, spikes, budget="keep=0.5")
    with pytest.raises(ConfigError, match="Give the pruner a sample"):
        loihi_sca.Pruner(Reshaping(), budget="keep=0.5")
    with pytest.raises(ConfigError, match=r"Give the pruner a sample"):
        loihi_sca.Pruner(grouped(), budget="cores=4")
    with pytest.raises(ConfigError, match=r"cores = 1 cannot be reached.*at least"):
        loihi_sca.Pruner(Reshaping(), spikes, budget="cores=1")
    with pytest.raises(ConfigError, match=r"gamma.*learnable scale"):
        loihi_sca.Pruner(Reshaping(), spikes, budget="keep=0.5", criterion="gamma")
    with pytest.raises(ConfigError, match="budget 'core=4'"):
        loihi_sca.Pruner(Reshaping(), spikes, budget="core=4")
    with pytest.raises(InputError, match="samples first and time last"):
        loihi_sca.Pruner(Reshaping(), spikes[0, 0, 0], budget="keep=0.5")
    twice = Reshaping()
    twice.second.synapse = twice.out.synapse
    with pytest.raises(UnsupportedLayer):
        loihi_sca.Pruner(twice, spikes, budget="keep=0.5")
    alone = torch.nn.Sequential(cuba.Flatten(), cuba.Dense(neuron(), 128, 4, delay_shift=False))
    with pytest.raises(ConfigError, match="1-dense: its channels are the outputs"):
        loihi_sca.Pruner(alone, spikes, budget="keep=0.5")


def test_what_goes_wrong_in_the_loop_is_said_and_nothing_is_lost() -> None:
    model = made(Reshaping)
    optimizer = adam(model)
    pruner = loihi_sca.Pruner(model, batch()[0], budget="keep=0.5", steps=10)
    with pytest.raises(ConfigError, match="does not hold the weights of first, second"):
        pruner.step(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0))
    with pytest.raises(TrainingError, match=r"model\.train\(\)"):
        pruner.step(optimizer)
    model.train()(batch()[0])
    with pytest.raises(TrainingError, match="no gradient has reached the gates"):
        pruner.step(optimizer)
    train(model, optimizer, pruner, 3)
    with pytest.raises(TrainingError, match=r"after 3 steps .* early=True"):
        pruner.finish(optimizer)
    other = loihi_sca.Pruner(grouped(), batch()[0], budget="keep=0.5")
    with pytest.raises(ConfigError, match=r"of another model.*Nothing is changed"):
        pruner.load_state_dict(other.state_dict())
    weight = model.first.synapse.weight
    optimizer.state[weight]["exp_avg"] = torch.zeros(3)
    with pytest.raises(ConfigError, match="how to cut that is not known"):
        pruner.finish(optimizer, early=True)
    assert weight.shape[0] == 6
    optimizer.state[weight]["exp_avg"] = torch.zeros_like(weight)
    train(model, optimizer, pruner, 1)
    update = pruner.finish(optimizer, early=True)
    assert sum(update.alive.values()) == 8
    assert weight.shape[0] == update.alive["first"]
    with pytest.raises(TrainingError, match="has finished"):
        pruner.finish(optimizer)
    with pytest.raises(TrainingError, match="has finished"):
        pruner.step(optimizer)


def test_without_a_sample_a_row_of_blocks_and_a_configuration_are_enough() -> None:
    model = made(grouped)
    pruner = loihi_sca.Pruner(model, PruningConfig(keep=0.5))
    assert set(pruner.blocks) == {"2-conv"}
    assert "takes its channels in groups" in pruner.held["0-conv"]


def test_the_outline_of_a_model_is_that_of_its_recipe() -> None:
    recipe = tiny_recipe()
    model = build(recipe.model, (1, 8, 8), 10)
    spikes = torch.zeros(1, 1, 8, 8, 4)
    ours = loihi_sca.Pruner(model, spikes, budget="cores=4").decision.outline
    theirs = outline_of(recipe, (1, 8, 8), 10)
    assert ours.prunable == theirs.prunable
    assert ours.architecture.layers == theirs.architecture.layers


ROW = {"threshold": 0.5, "current_decay": 0.5, "voltage_decay": 0.1}


def row(family=cuba, neurons=None) -> torch.nn.Sequential:
    torch.manual_seed(0)
    sizes = [(16, 12), (12, 4)]
    options = {"weight_scale": 4, "delay_shift": False}
    return torch.nn.Sequential(*(family.Dense(neurons or ROW, n, m, **options) for n, m in sizes))


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    spikes = torch.rand(8, 16, 10, generator=torch.Generator().manual_seed(1)) < 0.3
    return spikes.float(), torch.arange(8) % 4


def test_resonators_are_refused_by_name() -> None:
    neurons = {"threshold": 0.1, "period": 8, "decay": 0.1}
    model = row(slayer.block.rf, neurons)
    for sample in (None, pairs()[0]):
        with pytest.raises(UnsupportedLayer, match=r"(?s)0-dense: it resonates.*1-dense: it res"):
            loihi_sca.Pruner(model, sample, budget="keep=0.5")


class Doubled(torch.nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return 2 * weight


def test_weights_that_cannot_be_written_back_cannot_be_cut() -> None:
    model = row()
    parametrize.register_parametrization(model[0].synapse, "weight", Doubled())
    told = r"cannot be taken out .*Doubled does not implement right_inverse.*remove_parametrizatio"
    with pytest.raises(UnsupportedLayer, match=told):
        loihi_sca.Pruner(model, pairs()[0], budget="keep=0.5")


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_other_types_than_float32_are_refused_by_name(kind: torch.dtype) -> None:
    with pytest.raises(UnsupportedLayer, match=f"0-dense: its parameters are {kind}"):
        loihi_sca.prune(row().to(kind), [pairs()], budget="keep=0.5")


def test_a_sample_may_be_an_array_and_has_to_fit() -> None:
    spikes, _ = pairs()
    assert loihi_sca.Pruner(row(), spikes.bool().numpy(), budget="keep=0.5").blocks
    with pytest.raises(UnsupportedLayer, match=r"fails on a sample of shape \(2, 7, 10\)"):
        loihi_sca.Pruner(row(), spikes[:, :7], budget="keep=0.5")
    for wrong in (spikes[0], spikes[:0]):
        with pytest.raises(InputError, match=r"must be \(N, \*in_shape, T\)"):
            loihi_sca.Pruner(row(), wrong, budget="keep=0.5")


def test_batches_that_cannot_be_meant_are_named() -> None:
    spikes, labels = pairs()
    one_hot = torch.nn.functional.one_hot(labels, 4)
    for batch_, why in (
        ((spikes * torch.nan, labels), "batch 0 of the loader has values that are no numbers"),
        ((spikes, one_hot), r"labels of shape \(8, 4\) for 8 samples"),
        ((spikes, labels[:3]), r"labels of shape \(3,\) for 8 samples"),
        ((spikes, labels + 1), "labels go from 1 to 4, and the model has 4 outputs"),
    ):
        model = row()
        with pytest.raises(InputError, match=why):
            loihi_sca.prune(model, [batch_], budget="keep=0.5")
        assert model[0].synapse.weight.shape[0] == 12
    with pytest.raises(ConfigError, match=r"budget=0\.5: give it as text"):
        loihi_sca.prune(row(), [pairs()], budget=0.5)


def test_shapes_that_are_none_are_named() -> None:
    for wrong in ({"a": 1}, {"a": ("b",)}, [(1, 2)]):
        with pytest.raises(ConfigError, match="as shapes_of returns them"):
            loihi_sca.resize(row(), wrong)
