"""What a trained model is worth on the chip: its integers, their accuracy, their cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loihi_sca import netx
from loihi_sca.compiler.verification import Verification
from loihi_sca.compiler.verify import Progress, verify
from loihi_sca.config import Recipe
from loihi_sca.data import Dataset, shape_as
from loihi_sca.engine import fast
from loihi_sca.engine.result import Schedule, SpikeArray
from loihi_sca.frontend.slayer import check_slayer, compile_slayer
from loihi_sca.hardware import Estimate, estimate, load_profile
from loihi_sca.hardware.profile import CHIPS
from loihi_sca.hardware.range_rules import find_out_of_range, require_in_range
from loihi_sca.hardware.shapes import LayerSpec
from loihi_sca.model.build import build
from loihi_sca.network import Conv, Dense, Network
from loihi_sca.pipeline.evaluate import evaluate
from loihi_sca.pipeline.evaluation import Evaluation
from loihi_sca.planning.outline import outline_of
from loihi_sca.problems import raise_for
from loihi_sca.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Deployment:
    """A compiled network, proven and measured.

    Attributes
    ----------
    network : Network
        As read back from the file.
    evaluation : Evaluation
        Of the integers, on the whole test split.
    estimates : dict of profile name to Estimate
        At the activity of the test split.
    proofs : tuple of Verification
        Of the engines among each other, and of Lava where it was asked for. That the trained
        model sends the same spikes has been compared on the samples of the first.
    """

    network: Network
    evaluation: Evaluation
    estimates: dict[str, Estimate]
    proofs: tuple[Verification, ...]

    @property
    def verified_samples(self) -> int:
        """Samples on which everything that was asked for agreed, spike for spike."""
        return min(proof.samples for proof in self.proofs)

    @property
    def mismatches(self) -> int:
        """Spikes that differ."""
        return sum(proof.mismatches for proof in self.proofs)

    @property
    def compared(self) -> list[str]:
        """What was compared: the trained model, and the engines."""
        engines = (engine for proof in self.proofs for engine in proof.engines)
        return list(dict.fromkeys(("slayer", *engines)))

    def as_json(self) -> dict[str, Any]:
        """Return the figures of a table."""
        tables = [table for layer in self.network for table in layer.tables]
        return {
            **figures(self.evaluation, self.estimates),
            "test_samples": self.evaluation.samples,
            "channels": {x.name: x.out_shape[0] for x in self.network.layers[1:]},
            "connections": sum(x.weight.size for x in tables if isinstance(x, Conv | Dense)),
            "digest": self.network.digest(),
            "verified_samples": self.verified_samples,
            "mismatches": self.mismatches,
            "compared": self.compared,
        }


def check_deployable(recipe: Recipe) -> None:
    """Raise unless the blocks of a recipe's model can be compiled, before it is trained for hours.

    Raises
    ------
    UnsupportedLayer, DoesNotFit
        Lists all that stands in the way, or that training can bring, as ``loihi-sca check`` does.
    """
    shape, classes = shape_as(recipe.data)
    values = recipe.data.are_values
    model = build(recipe.model, shape, classes, values=values)
    raise_for(check_slayer(model, timesteps=recipe.data.timesteps))


def layers_of(recipe: Recipe) -> tuple[LayerSpec, ...]:
    """Return what a chip must hold of a recipe's network, before it is trained."""
    return outline_of(recipe, *shape_as(recipe.data)).architecture.layers


def chips_for(*recipes: Recipe) -> tuple[str, ...]:
    """Return which of :data:`CHIPS` hold the networks of recipes, all of them if none does."""
    layers = [layer for recipe in recipes for layer in layers_of(recipe)]
    holding = (name for name in CHIPS if not find_out_of_range(layers, load_profile(name)))
    return tuple(holding) or CHIPS


def check_chips(recipe: Recipe, profiles: Sequence[str]) -> None:
    """Raise :class:`DoesNotFit` if a chip does not hold a recipe's network, whatever its size."""
    layers = layers_of(recipe)
    for profile in profiles:
        require_in_range(layers, load_profile(profile))


def deploy(
    checkpoint: Checkpoint,
    test: Dataset,
    path: Path,
    *,
    name: str | None = None,
    profiles: Sequence[str] = CHIPS,
    verify_samples: int = 16,
    lava_samples: int = 0,
    on_progress: Progress | None = None,
) -> Deployment:
    """Compile a trained model to a file, prove it, measure it and estimate what it costs.

    Parameters
    ----------
    checkpoint : Checkpoint
        A trained model.
    test : Dataset
        All of it is run through the integers.
    path : path
        The netx file to write.
    name : str, optional
        Of the network; by default that of the recipe.
    profiles : sequence of str
        Chips to estimate for.
    verify_samples, lava_samples : int
        Test samples to compare model, network and engines on, and Lava's CPU backend as well.
    on_progress : callable, optional
        Called as ``on_progress(engine, done, total)`` while engines are compared.

    Raises
    ------
    NotBitExact
        Two of them do not agree.
    """
    network, proofs = _compile(checkpoint, path, name, test.first(verify_samples).spikes())
    if lava_samples:
        data = test.first(lava_samples).spikes()
        # biases of sigma-delta neurons act from the first step on there
        schedule: Schedule = "cold" if network.is_graded else "pipelined"
        # of a file, Lava runs the very file
        lava = verify(
            path, engines=("fast", "lava"), data=data, schedule=schedule, on_progress=on_progress
        )
        proofs = (*proofs, lava)
    return Deployment(network, *measure(network, test, profiles), proofs)


def measure(
    network: Network, dataset: Dataset, profiles: Sequence[str]
) -> tuple[Evaluation, dict[str, Estimate]]:
    """Run a network on a whole dataset, and estimate what that costs on each chip."""
    found = evaluate(network, dataset, fast.prepare)
    estimates = {
        profile: estimate(
            network, load_profile(profile), found.activity, found.samples, found.timesteps
        )
        for profile in profiles
    }
    return found, estimates


def figures(evaluation: Evaluation, estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return accuracy, activity per sample and costs per chip, for a table."""
    samples, activity = evaluation.samples, evaluation.activity
    return {
        "accuracy": evaluation.accuracy,
        "synops": sum(a.synops for a in activity) / samples,
        "spikes": sum(a.spikes for a in activity) / samples,
        "chips": {name: _costs(e) for name, e in estimates.items()},
    }


def _compile(
    checkpoint: Checkpoint, path: Path, name: str | None, data: SpikeArray
) -> tuple[Network, tuple[Verification, ...]]:
    """Compile, write, read back, and prove every step of it on the data."""
    recipe, model = checkpoint.recipe, checkpoint.model()
    compiled = compile_slayer(
        model, timesteps=recipe.data.timesteps, name=name or recipe.name, proof_data=data
    )
    compiled.save(path)
    read = netx.read(path)
    return read, (verify(read, engines=("reference", "fast"), data=data),)


def _costs(found: Estimate) -> dict[str, Any]:
    costs: dict[str, Any] = {"cores": found.cores, "chips": found.chips}
    costs["synapse_words"] = int(sum(x.words.sum() for x in found.placement.layers))
    costs["fits"] = not found.violations
    if found.energy is not None and found.latency is not None:
        costs["energy_uj"] = found.energy.total_uj.as_json()
        costs["dynamic_uj"] = found.energy.dynamic_uj.as_json()
        costs["sample_us"] = found.latency.sample_us.as_json()
    return costs
