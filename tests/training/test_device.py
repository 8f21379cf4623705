"""Training on CUDA; without a GPU, what is said about it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import tiny_recipe
from typer.testing import CliRunner

from loihi_sca.cli.app import app
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.training import checkpoint as checkpoints
from loihi_sca.training.device import device_of, reproducible_on
from loihi_sca.training.loop import Trainer
from loihi_sca.training.session import Interrupted, load_split, train

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
needs_none = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "", "mps"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="choose auto, cpu, cuda, or a card such as cuda:1"):
        device_of(name)


@needs_none
def test_without_a_gpu_it_is_said_why_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(finds no NVIDIA GPU|without CUDA).*--device cpu"):
        device_of("cuda")
    assert device_of("auto") == torch.device("cpu")
    done = CliRunner().invoke(
        app, ["train", "digits", "--out", str(tmp_path / "run"), "--device", "cuda"]
    )
    assert isinstance(done.exception, ConfigError)
    assert not (tmp_path / "run").exists()


def pretend(monkeypatch: pytest.MonkeyPatch, cards: int, **environment: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_each_process_has_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 2)
    assert device_of("cuda") == device_of("auto") == torch.device("cuda", 0)
    assert device_of("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ConfigError, match=r"no card is left for cuda:2, there are 2"):
        device_of("cuda:2")
    pretend(monkeypatch, 2, WORLD_SIZE="3", LOCAL_RANK="1")
    assert device_of("cuda") == torch.device("cuda", 1)
    with pytest.raises(ConfigError, match="each process has a card of its own; say cuda"):
        device_of("cuda:1")
    pretend(monkeypatch, 2, LOCAL_RANK="2")
    with pytest.raises(ConfigError, match=r"no card is left for process 2 .*--nproc-per-node"):
        device_of("cuda")


def test_a_cpu_training_leaves_torchs_switches_alone() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    with reproducible_on(torch.device("cpu")):
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


def first_batch(device: torch.device) -> tuple[list[torch.Tensor], list[Any]]:
    """Return output spikes and gradients of a first batch."""
    recipe = tiny_recipe()
    parts = [load_split(recipe, split).first(128) for split in ("train", "validation")]
    trainer = Trainer(recipe, *parts, device=device)
    sent: list[torch.Tensor] = []
    for _, block in trainer.model.gated:
        block.register_forward_hook(lambda m, i, out: sent.append(out.detach().cpu()))
    trainer.model.train()
    trainer._step(trainer._batches[0], 0.0)
    return sent, [p.grad.cpu() for p in trainer.model.trainable_parameters() if p.grad is not None]


@pytest.mark.gpu
@needs_cuda
def test_a_gpu_sends_the_spikes_of_a_cpu() -> None:
    cuda = torch.device("cuda", 0)
    with reproducible_on(cuda):
        ours, our_gradients = first_batch(cuda)
    theirs, their_gradients = first_batch(torch.device("cpu"))
    assert len(ours) == len(theirs) == 3
    assert sum(float(spikes.sum()) for spikes in ours) > 50
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(our_gradients, their_gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))


@pytest.mark.gpu
@needs_cuda
def test_the_same_recipe_twice_on_one_card(tmp_path: Path) -> None:
    found = [train(tiny_recipe(), tmp_path / name, device="cuda") for name in ("a", "b")]
    assert checkpoints.digest(found[0].tensors) == checkpoints.digest(found[1].tensors)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")])
def test_a_checkpoint_goes_on_anywhere(tmp_path: Path, first: str, second: str) -> None:
    def stop(epoch: Any) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train(tiny_recipe(), tmp_path / "stopped", device=first, on_epoch=stop)
    resumed = train(tiny_recipe(), tmp_path / "stopped", device=second, resume=True)
    assert resumed.epoch == 3
    assert all(value.device.type == "cpu" for value in resumed.tensors.values())
    if first == second:
        straight = train(tiny_recipe(), tmp_path / "straight", device=first)
        assert checkpoints.digest(resumed.tensors) == checkpoints.digest(straight.tensors)


@pytest.mark.gpu
@needs_cuda
def test_a_model_on_a_gpu_is_deployed_from_a_cpu(tmp_path: Path) -> None:
    model = train(tiny_recipe(), tmp_path / "run", device="cuda").model()
    test = load_split(tiny_recipe(), "test").first(16).spikes()
    there, here = spikes_of(model.to("cuda"), test), spikes_of(model.cpu(), test)
    assert all((there[name] == here[name]).all() for name in here)
