"""Checkpoints: one safetensors file with everything, JSON in its header, never a pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

from loihi_sca.config import Recipe
from loihi_sca.data import encoding_of
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.files import atomic_path
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.folding import unfold
from loihi_sca.model.sizes import resize
from loihi_sca.network import Shape
from loihi_sca.results import times
from loihi_sca.toml_files import validate
from loihi_sca.training.epoch import Sums
from loihi_sca.training.loop import Trainer
from loihi_sca.versions import package_versions

SCHEMA = 2
"""From 2 on the header is sealed as well: ``seal`` is the SHA-256 of all else that it says."""

DAMAGE = (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What a header raises that is not as we write it."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps.

    Attributes
    ----------
    tensors : dict of str to Tensor
        ``model/*``, ``optimizer/*``, ``pruner/*`` and ``masks/*``.
    recipe : Recipe
        What is being trained.
    epoch : int
        Epochs completed.
    in_shape : tuple of int
        ``(C, H, W)`` of the data.
    classes : int
        Outputs of the model.
    best : float
        Best validation accuracy so far among epochs of final structure, -1 before.
    sums : Sums
        What the epoch that is under way has brought so far.
    origin : str
        Digest of the weights that training started from; empty if they were drawn.
    versions : dict of str to str
        Of what trained it; empty in checkpoints of older versions.
    """

    tensors: dict[str, torch.Tensor]
    recipe: Recipe
    epoch: int
    in_shape: Shape
    classes: int
    best: float
    sums: Sums = field(default_factory=Sums)
    origin: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def weights_digest(self) -> str:
        """Return the SHA-256 of the model's tensors."""
        return digest(_part(self.tensors, "model"))

    def model(self) -> SpikingNet:
        """Build the model with its weights, in evaluation mode."""
        values = self.recipe.data.are_values
        model = build(self.recipe.model, self.in_shape, self.classes, values=values)
        load_weights(model, _part(self.tensors, "model"))
        model.encoded = encoding_of(self.recipe.data)
        return model.eval()


def capture(trainer: Trainer, best: float) -> Checkpoint:
    """Take the state of a trainer between two steps."""
    tensors = {f"model/{k}": v.detach() for k, v in trainer.model.state_dict().items()}
    tensors |= {f"optimizer/{k}": v for k, v in _optimizer_tensors(trainer)}
    tensors |= {f"masks/{name}": mask for name, mask in trainer.masks.items()}
    tensors |= {f"bits/{name}": torch.tensor(bits) for name, bits in trainer.held_bits.items()}
    if trainer.pruner is not None:
        tensors |= {f"pruner/{k}": v for k, v in trainer.pruner.state_dict().items()}
    return Checkpoint(
        tensors,
        trainer.recipe,
        trainer.epoch,
        trainer.train.shape,
        trainer.train.classes,
        best,
        trainer.sums,
        trainer.origin,
        package_versions(),
    )


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Put a trainer into the state of a checkpoint, as if it had never stopped.

    The checkpoint may be of a training on another device; the trainer stays where it is.
    """
    load_weights(trainer.model, _part(checkpoint.tensors, "model"))
    trainer.epoch, trainer.sums = checkpoint.epoch, checkpoint.sums
    trainer.origin = checkpoint.origin
    saved = _part(checkpoint.tensors, "optimizer")
    for index, parameter in enumerate(trainer.model.trainable_parameters()):
        moments = _part(saved, str(index))
        if moments:
            trainer.optimizer.state[parameter] = {
                # Adam counts its steps on the CPU, wherever the parameter is
                k: v.to(parameter.device if v.dim() else "cpu", copy=True)
                for k, v in moments.items()
            }
    trainer.held_bits = {k: int(v) for k, v in _part(checkpoint.tensors, "bits").items()}
    # the last update may have failed: then there is evidence, and it is still due
    if trainer.structure_is_final and not _part(checkpoint.tensors, "pruner"):
        trainer.freeze(_part(checkpoint.tensors, "masks"))
    if trainer.pruner is not None:
        trainer.pruner.load_state_dict(_part(checkpoint.tensors, "pruner"))


def start_from(trainer: Trainer, trained: Checkpoint) -> None:
    """Give a trainer that has not begun the weights of a trained network.

    Raises
    ------
    ConfigError
        The network is another one than the recipe's, was trained on samples of another shape,
        kind or number of classes, or has lost channels already.
    """
    ours, theirs = trainer.recipe, trained.recipe
    if (ours.model, ours.data.encoding) != (theirs.model, theirs.data.encoding):
        raise ConfigError(
            f"the network to start from is that of recipe {theirs.name!r}, whose model section or "
            "encoding differs. Train that very network first, without pruning (--dense)."
        )
    if other := other_data(trainer, trained):
        raise ConfigError(
            f"the network to start from was trained on {other}. Train one on these data first, "
            "without pruning (--dense)."
        )
    tensors = _part(trained.tensors, "model")
    cut = [n for n, b in trainer.model.gated if not _is_whole(tensors[f"{n}.gate"], b.channels)]
    if cut:
        raise ConfigError(
            f"the network to start from has lost channels of {', '.join(cut)}. Start from a dense "
            "one."
        )
    load_weights(trainer.model, tensors)
    unfold(trainer.model)
    trainer.origin = trained.weights_digest


def other_data(trainer: Trainer, state: Checkpoint) -> str:
    """Return what data a checkpoint is of, where a trainer's are others; empty where they fit."""
    theirs = _data_of(state.in_shape, state.classes, state.recipe)
    ours = _data_of(trainer.train.shape, trainer.train.classes, trainer.recipe)
    return "" if theirs == ours else f"{theirs}, and there are {ours} now"


def _data_of(shape: Shape, classes: int, recipe: Recipe) -> str:
    kind = "values" if recipe.data.are_values else "spikes"
    return f"{kind} of shape {times(shape)} in {classes} classes"


def _is_whole(gate: torch.Tensor, channels: int) -> bool:
    return len(gate) == channels and bool((gate > 0).all())


def load_weights(model: SpikingNet, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load a state dict into a model, which gets as many channels as that has."""
    resize(model, {name: tensor.shape for name, tensor in tensors.items()})
    model.load_state_dict(tensors)


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises
    ------
    InputError
        The path cannot be written, or the disk is full.
    """
    header = {
        "schema": SCHEMA,
        "recipe": checkpoint.recipe.model_dump(mode="json"),
        "epoch": checkpoint.epoch,
        "in_shape": checkpoint.in_shape,
        "classes": checkpoint.classes,
        "best": checkpoint.best,
        "sums": asdict(checkpoint.sums),
        "origin": checkpoint.origin,
        "versions": checkpoint.versions,
    }
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in checkpoint.tensors.items()}
    header["digest"] = digest(tensors)
    header["seal"] = _seal(header)
    with atomic_path(path) as temporary:
        try:
            save_file(tensors, temporary, metadata={"loihi_sca": json.dumps(header)})
        except safetensors.SafetensorError as error:
            raise InputError(f"cannot write {path}: {error}.") from error
        with temporary.open("rb+") as file:  # a power cut must not leave an empty file
            os.fsync(file.fileno())


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        It is missing, damaged, or not one of ours.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["loihi_sca"])
        if header["schema"] > SCHEMA:
            raise InputError(f"{path}: written by a newer loihi-sca; update to read it.")
        if (header["schema"] > 1 or "seal" in header) and header["seal"] != _seal(header):
            raise InputError(f"{path}: damaged: its header is not the one that was written.")
        tensors = load_file(path)
        if header["digest"] != digest(tensors):
            raise InputError(f"{path}: damaged: its tensors are not those that were written.")
        return Checkpoint(
            tensors,
            validate(Recipe, header["recipe"], str(path)),
            header["epoch"],
            tuple(header["in_shape"]),
            header["classes"],
            header["best"],
            Sums.from_json(header["sums"]),
            header.get("origin", ""),
            header.get("versions", {}),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such checkpoint.") from error
    except (*DAMAGE, ConfigError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: not a checkpoint of loihi-sca, or damaged ({error}).") from error


def _seal(header: Mapping[str, Any]) -> str:
    said = {key: value for key, value in header.items() if key != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of tensors, their names, types and shapes."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.numpy().data)
    return total.hexdigest()


def _optimizer_tensors(trainer: Trainer) -> Iterator[tuple[str, torch.Tensor]]:
    for index, parameter in enumerate(trainer.model.trainable_parameters()):
        for name, value in trainer.optimizer.state.get(parameter, {}).items():
            yield f"{index}/{name}", value


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    head = prefix + "/"
    return {k.removeprefix(head): v for k, v in tensors.items() if k.startswith(head)}
