"""The whole pipeline on real data: train, compile, prove, measure, estimate, report.

Nothing here but calls of the library, in order; each step is a command of its own as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loihi_sca import netx
from loihi_sca.compiler import compile_network
from loihi_sca.compiler.verify import assert_same_spikes, layer_spikes
from loihi_sca.config import Recipe
from loihi_sca.data import Dataset
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.engine.result import RunResult
from loihi_sca.errors import NotBitExact
from loihi_sca.files import write_json
from loihi_sca.hardware import Estimate, estimate, load_profile
from loihi_sca.network import Network
from loihi_sca.report.html import write_report
from loihi_sca.slayer.frontend import to_network
from loihi_sca.slayer.run import spikes_of
from loihi_sca.training.checkpoint import Checkpoint
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.run import Label, load_split, train
from loihi_sca.versions import versions

PROFILES = ("loihi1", "loihi2")

MODELS: tuple[Label, ...] = ("dense", "pruned")

SCHEMA = 1


class Narrator:
    """What the demo tells whoever watches; this one is silent, the command line's is not."""

    def step(self, text: str) -> None:
        """Announce a step."""

    def epoch(self, label: Label, epoch: Epoch, epochs: int) -> None:
        """Report a finished epoch."""

    def batch(self, done: int, total: int) -> None:
        """Report progress within an epoch."""

    def lava(self, done: int, total: int) -> None:
        """Report timesteps of the Lava run."""


@dataclass(frozen=True)
class Outcome:
    """What became of one model.

    Attributes
    ----------
    network : Network
        Compiled, as in the netx file.
    accuracy : float
        Of the integer network on the whole test split.
    channels, parameters : int
        Prunable channels, and weights with biases.
    run : RunResult
        Of the whole test split, with activity counts.
    estimates : mapping of profile name to Estimate
        Cores, energy, latency.
    lava_time_s, lava_samples : float, int
        Wall time of the Lava run.
    """

    network: Network
    accuracy: float
    channels: int
    parameters: int
    run: RunResult
    estimates: Mapping[str, Estimate]
    lava_time_s: float
    lava_samples: int

    def as_json(self) -> dict[str, Any]:
        """Return the model's part of ``summary.json``."""
        samples = self.run.samples
        return {
            "accuracy": self.accuracy,
            "channels": self.channels,
            "parameters": self.parameters,
            "synops_per_sample": sum(a.synops for a in self.run.activity) / samples,
            "spikes_per_sample": sum(a.spikes for a in self.run.activity) / samples,
            "lava_time_s": self.lava_time_s,
            "lava_samples": self.lava_samples,
            "estimates": {name: e.as_json() for name, e in self.estimates.items()},
        }


def run_demo(
    recipe: Recipe,
    folder: Path,
    *,
    verify_samples: int = 64,
    narrator: Narrator | None = None,
) -> dict[str, Any]:
    """Run the pipeline and write everything to a run folder.

    What an earlier, interrupted or finished run of the same recipe has trained is used again.

    Parameters
    ----------
    recipe : Recipe
        With a ``pruning`` section; the dense model is the same recipe without it.
    folder : path
        Created if needed. See DESIGN of the run folder in :mod:`loihi_sca.training.run`; this adds
        ``dense.net``, ``pruned.net``, ``summary.json`` and ``report.html``.
    verify_samples : int
        Test samples that run on SLAYER, reference and Lava.
    narrator : Narrator, optional
        Told about progress.

    Returns
    -------
    dict
        What ``summary.json`` says.

    Raises
    ------
    NotBitExact
        SLAYER, the engines and Lava do not agree.
    """
    started = time.perf_counter()
    tell = narrator or Narrator()
    recipes = {"dense": recipe.model_copy(update={"pruning": None}), "pruned": recipe}
    test = load_split(recipe, "test")
    outcomes: dict[Label, Outcome] = {}
    for label in MODELS:
        tell.step(f"train {label}")
        checkpoint = train(
            recipes[label],
            folder,
            resume=True,
            on_epoch=_epoch_teller(tell, label, recipe.training.epochs),
            progress=tell.batch,
        )
        path = folder / f"{label}.net"
        tell.step(f"compile {label}.net")
        network = _compile_and_write(checkpoint, path, label)
        tell.step(f"prove {label}: SLAYER = reference = fast = Lava on {verify_samples} samples")
        lava = _prove(checkpoint, network, path, test.first(verify_samples), tell)
        tell.step(f"measure {label} on {len(test)} test samples and estimate")
        outcomes[label] = _measure(network, test, checkpoint, lava)
    summary = _summary(recipe, outcomes, verify_samples, time.perf_counter() - started)
    write_json(folder / "summary.json", summary)
    write_report(folder)
    return summary


def _compile_and_write(checkpoint: Checkpoint, path: Path, label: Label) -> Network:
    """Compile a trained model, write it, and return what reading it back gives."""
    recipe = checkpoint.recipe
    name = f"{recipe.name}-{label}"
    network = compile_network(
        to_network(checkpoint.model(), timesteps=recipe.data.timesteps, name=name)
    )
    netx.write(network, path)
    read = netx.read(path)
    if read != network:
        raise NotBitExact(f"{path}: reading it back gives another network.")
    return read


def _prove(
    checkpoint: Checkpoint, network: Network, path: Path, samples: Dataset, tell: Narrator
) -> RunResult:
    """Show that SLAYER, the integer network before and after compiling, and Lava agree."""
    spikes = samples.spikes()
    model = checkpoint.model()
    trained = spikes_of(model, spikes)
    exported = to_network(model, timesteps=samples.timesteps)
    names = [layer.name for layer in exported]
    before = reference.run(exported, spikes, record=names)
    assert_same_spikes(trained, layer_spikes(exported, before), "SLAYER and the reference engine")

    after = reference.run(network, spikes, record=names)
    output = network.layers[-1].name
    assert_same_spikes(
        {output: before.spikes}, {output: after.spikes}, "the network before and after compiling"
    )
    expected = layer_spikes(network, after)
    del expected[names[0]]  # the input is not computed by anyone
    quick = fast.run(network, spikes, record=names)
    assert_same_spikes(expected, layer_spikes(network, quick), "the reference and the fast engine")
    lava = lava_cpu.run_file(path, spikes, record=names[1:], on_progress=tell.lava)
    assert_same_spikes(expected, layer_spikes(network, lava), "the reference engine and Lava")
    return lava


def _measure(network: Network, test: Dataset, checkpoint: Checkpoint, lava: RunResult) -> Outcome:
    run = fast.run(network, test.spikes())
    estimates = {
        name: estimate(
            network,
            load_profile(name),
            activity=run.activity,
            samples=run.samples,
            timesteps=run.timesteps,
        )
        for name in PROFILES
    }
    blocks = [block for _, block in checkpoint.model().gated if block.prunable]
    return Outcome(
        network=network,
        accuracy=float(np.mean(run.counts.argmax(axis=1) == test.labels)),
        channels=sum(int(block.alive.sum()) for block in blocks),
        parameters=network.parameters,
        run=run,
        estimates=estimates,
        lava_time_s=lava.wall_time_s,
        lava_samples=lava.samples,
    )


def _summary(
    recipe: Recipe, outcomes: Mapping[Label, Outcome], samples: int, seconds: float
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "seed": recipe.seed,
        **{label: outcome.as_json() for label, outcome in outcomes.items()},
        # a mismatch raises before this is written
        "mismatches": 0,
        "samples_verified": samples,
        "total_time_s": seconds,
        "versions": versions(),
    }


def _epoch_teller(tell: Narrator, label: Label, epochs: int) -> Callable[[Epoch], None]:
    return lambda epoch: tell.epoch(label, epoch, epochs)
