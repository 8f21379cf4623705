"""Residual networks in training: they learn, are pruned as asked, resume, are deployed."""

import pytest
import torch
from torch.nn import functional

from loihi_sca import netx
from loihi_sca.cli import main
from loihi_sca.config import ModelConfig, Recipe, TrainingConfig, load_recipe
from loihi_sca.model.build import build
from loihi_sca.model.residual import Residual
from loihi_sca.pipeline.deploy import check_deployable, deploy
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.folder import RunFolder
from loihi_sca.training.loop import Trainer
from loihi_sca.training.loss import Loss
from loihi_sca.training.session import Interrupted, load_split, recipe_as_toml, train
from loihi_sca.training.validation import broken_blocks

LAYERS = [
    {"type": "stem", "channels": 8},
    {"type": "residual", "channels": 8},
    {"type": "residual", "channels": 16, "stride": 2},
]


def recipe(**training) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "thin",
            "data": {"limit": 128, "timesteps": 4},
            "model": {"layers": LAYERS, "weight_scale": 4.0},
            "training": {"epochs": 3, "batch_size": 32, "learning_rate": 5e-3, **training},
            "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.0, "stop": 0.7},
        }
    )


def test_it_learns_digits_dense_and_pruned() -> None:
    short = recipe(epochs=6, batch_size=64, learning_rate=8e-3)
    all_digits = short.data.model_copy(update={"limit": None, "timesteps": 6})
    long = short.model_copy(update={"data": all_digits})
    pruning = long.pruning.model_validate(
        {"connections": 0.6, "objective": "rank", "regenerate": 0.05, "min_channels": 2}
    )
    accuracies = {}
    for label, section in (("dense", None), ("pruned", pruning)):
        of_label = long.model_copy(update={"pruning": section})
        splits = [load_split(of_label, part) for part in ("train", "validation")]
        trainer = Trainer(of_label, *splits)
        epochs = []
        while not trainer.is_done:
            epochs.append(trainer.run_epoch())
        accuracies[label] = epochs[-1].validation_accuracy
    assert accuracies["dense"] > 0.9
    assert accuracies["pruned"] > 0.8
    left = sum(p.numel() for n, p in trainer.model.named_parameters() if n.endswith("weight"))
    whole = sum(
        p.numel()
        for n, p in build(long.model, (1, 8, 8), 10).named_parameters()
        if n.endswith("weight")
    )
    assert left <= 0.6 * whole
    assert sum(e.pruned for e in epochs) > 0
    assert sum(e.regenerated for e in epochs) > 0
    assert trainer.model.stem1.weight.shape[0] == 8


def test_a_resumed_run_is_bit_identical_to_one_that_never_stopped(tmp_path) -> None:
    train(recipe(), tmp_path / "straight")
    for stop_in in (1, 2):  # while channels are pruned, and when they are removed

        def stop(epoch, stop_in=stop_in) -> None:
            if epoch.number == stop_in:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted):
            train(recipe(), tmp_path / "stopped", on_epoch=stop, resume=True)
    best = train(recipe(), tmp_path / "stopped", resume=True)

    for which in (lambda run: run.saved("pruned")[0], lambda run: run.best("pruned")):
        a, b = (
            checkpoints.load(which(RunFolder(tmp_path / name))) for name in ("straight", "stopped")
        )
        assert a.tensors.keys() == b.tensors.keys()
        assert all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    model = best.model()
    assert sum(block.channels for _, block in model.gated if block.prunable) == 20
    assert model.residual2.conv2.weight.shape[0] == model.stem1.weight.shape[0] == 8
    masks = {k: int(v.sum()) for k, v in best.tensors.items() if k.startswith("masks/")}
    assert masks["masks/residual3.select"] == model.residual3.select.channels


def test_weights_beside_the_gates_are_watched_as_well() -> None:
    model = build(recipe().model, (1, 8, 8), 10)
    assert not broken_blocks(model)
    model.residual3.shortcut.weight.data[0] = torch.nan
    assert broken_blocks(model) == ["residual3"]


def test_synapse_use_counts_what_spikes_cross() -> None:
    torch.manual_seed(0)
    config = ModelConfig.model_validate({"layers": LAYERS, "weight_scale": 4})
    model = build(config, (1, 8, 8), 10)
    loss = Loss(model, TrainingConfig(synops=0.1, l1=0.2))
    model.residual3.select.gate.data[:3] = 0
    model.residual2.conv1.gate.data[:2] = 0
    sent = {}
    for name in ("residual2.select", "residual2.conv1", "residual3.select", "residual3.conv1",
                 "spikes3"):  # fmt: skip
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, spikes, name=name: sent.update({name: spikes.mean(dim=(0, 2, 3, 4))})
        )
    counts = model.train()((torch.rand(4, 1, 8, 8, 6) < 0.5).float()).sum(dim=-1)
    selected = torch.cat([torch.zeros(3), sent["residual3.select"][3:]])
    used = [  # rate of all neurons, how many there are, synapses per spike
        (sent["residual2.select"], 8 * 64, 9 * 6),
        (sent["residual2.conv1"], 8 * 64, 9 * 8),
        (selected, 8 * 64, 9 / 4 * 16),
        (sent["residual3.select"], 8 * 64, 1 / 4 * 16),
        (sent["residual3.conv1"], 16 * 16, 9 * 16),
        (sent["spikes3"], 16 * 16, 10),
    ]
    expected = sum(rate.mean() * n * f for rate, n, f in used) / sum(n * f for _, n, f in used)
    assert loss.synapse_use().item() == pytest.approx(expected.item(), rel=1e-5)
    assert 0 < expected < 1
    convolutions = [
        model.stem1, model.residual2.conv1.synapse, model.residual2.conv2,
        model.residual3.conv1.synapse, model.residual3.conv2, model.residual3.shortcut,
    ]  # fmt: skip
    total = sum(x.weight.abs().sum() for x in convolutions)
    assert loss.absolute_weight().item() == pytest.approx(total.item(), rel=1e-5)
    whole = loss(counts, torch.arange(4))
    parts = functional.cross_entropy(counts, torch.arange(4)) + 0.2 * total + 0.1 * expected
    assert whole.item() == pytest.approx(parts.item(), rel=1e-5)


def test_a_pruned_one_is_deployed_and_costs_less(tmp_path) -> None:
    check_deployable(recipe())
    found = {}
    test = load_split(recipe(), "test")
    for label in ("dense", "pruned"):
        changes = {"pruning": None} if label == "dense" else {}
        checkpoint = train(recipe().model_copy(update=changes), tmp_path / "run")
        deployed = deploy(checkpoint, test, tmp_path / f"{label}.net", verify_samples=4)
        assert deployed.mismatches == 0
        assert deployed.verified_samples == 4
        assert netx.read(tmp_path / f"{label}.net") == deployed.network
        found[label] = deployed.as_json()
    for what in ("connections", "synops"):
        assert found["pruned"][what] < found["dense"][what]
    for chip in ("loihi1", "loihi2"):
        dense, pruned = (found[label]["chips"][chip] for label in ("dense", "pruned"))
        assert pruned["synapse_words"] < dense["synapse_words"]
        assert pruned["dynamic_uj"]["best"] < dense["dynamic_uj"]["best"]


def test_the_commands_go_through(tmp_path, capsys) -> None:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as exit:
            main(list(arguments))
        return int(exit.value.code or 0)

    path, out, net = tmp_path / "thin.toml", str(tmp_path / "out"), str(tmp_path / "thin.net")
    path.write_text(recipe_as_toml(recipe(epochs=1)))
    assert run("train", str(path), "--out", out) == 0
    assert "next:" in " ".join(capsys.readouterr().out.split())
    assert run("compile", out, "--out", net) == 0
    assert run("map", net) == 0
    assert run("verify", net, "--engines", "reference,fast") == 0
    assert run("estimate", net, "--rate", "0.1") == 0
    assert "no chain, for which no change of channels is tried" in " ".join(
        capsys.readouterr().out.split()
    )
    assert run("cliffs", net) == 1
    assert "it is no chain" in capsys.readouterr().err
    assert run("plan", str(path), "--connections", "0.5", "--run", out) == 0
    assert "residual3.select" in capsys.readouterr().out
    assert run("plan", str(path), "--cores", "12") == 0
    shown = capsys.readouterr().out
    assert "thin on loihi2, cores = 12" in shown
    assert "relay, fixed" in shown
    assert run("plan", str(path), "--cores", "2") == 2
    assert "cores = 2 cannot be reached" in capsys.readouterr().err


def test_the_shipped_recipe_is_the_papers_network() -> None:
    model = load_recipe("cifar10-preresnet18").model
    assert [x.channels for x in model.layers] == [64, 64, 64, 128, 128, 256, 256, 512, 512]
    assert [layer.stride for layer in model.layers] == [1, 1, 1, 2, 1, 2, 1, 2, 1]
    net = build(model.model_validate({"zoo": "preresnet18", "width": 0.125}), (3, 32, 32), 10)
    blocks = [block for _, block in net.named_children() if isinstance(block, Residual)]
    assert [block.shortcut is not None for block in blocks] == [False, False, *[True, False] * 3]
    assert net.residual9.conv2.weight.shape == (64, 64, 3, 3, 1)
