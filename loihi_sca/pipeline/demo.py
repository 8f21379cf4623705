"""The whole pipeline on real data: train, compile, prove, measure, estimate, report.

Nothing here but calls of the library, in order; each step is a command of its own as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from loihi_sca.config import Recipe
from loihi_sca.files import write_json
from loihi_sca.pipeline.deploy import Deployment, check_deployable, chips_for, deploy
from loihi_sca.pipeline.report import report
from loihi_sca.training.checkpoint import Checkpoint
from loihi_sca.training.epoch import Epoch
from loihi_sca.training.session import Label, load_split, train
from loihi_sca.versions import versions

MODELS: tuple[Label, ...] = ("dense", "pruned")

SCHEMA = 1


class Narrator:
    """What the demo tells whoever watches; this one is silent, the command line's is not."""

    def step(self, text: str) -> None:
        """Announce a step."""

    def epoch(self, label: Label, epoch: Epoch) -> None:
        """Report a finished epoch."""

    def batch(self, done: int, total: int) -> None:
        """Report progress within an epoch."""

    def engine(self, name: str, done: int, total: int) -> None:
        """Report how far an engine is with the samples that are compared."""


@dataclass(frozen=True)
class Outcome:
    """What became of one model.

    Attributes
    ----------
    deployed : Deployment
        Compiled, proven on SLAYER, reference, fast and Lava, and measured.
    channels : int
        Channels left in prunable blocks.
    """

    deployed: Deployment
    channels: int

    def as_json(self) -> dict[str, Any]:
        """Return the model's part of ``summary.json``."""
        evaluation, lava = self.deployed.evaluation, self.deployed.proofs[-1]
        samples, activity = evaluation.samples, evaluation.activity
        return {
            "accuracy": evaluation.accuracy,
            "channels": self.channels,
            "parameters": self.deployed.network.parameters,
            "synops_per_sample": sum(a.synops for a in activity) / samples,
            "spikes_per_sample": sum(a.spikes for a in activity) / samples,
            "lava_time_s": lava.wall_time_s["lava"],
            "lava_samples": lava.samples,
            "estimates": {name: e.as_json() for name, e in self.deployed.estimates.items()},
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
        Created if needed, see :mod:`loihi_sca.training.folder`; this adds ``dense.net``,
        ``pruned.net``, ``summary.json`` and ``report.html``.
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
    UnsupportedLayer
        The model could not be compiled; nothing is trained.
    NotBitExact
        SLAYER, the engines and Lava do not agree.
    """
    check_deployable(recipe)
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
            on_epoch=partial(tell.epoch, label),
            progress=tell.batch,
        )
        tell.step(
            f"compile {label}.net, prove SLAYER = reference = fast = Lava on {verify_samples} "
            f"samples, measure on {len(test)}"
        )
        deployed = deploy(
            checkpoint,
            test,
            folder / f"{label}.net",
            name=f"{recipe.name}-{label}",
            profiles=chips_for(recipe),
            verify_samples=verify_samples,
            lava_samples=verify_samples,
            on_progress=tell.engine,
        )
        outcomes[label] = Outcome(deployed, _prunable_channels(checkpoint))
    summary = _summary(recipe, outcomes, time.perf_counter() - started)
    write_json(folder / "summary.json", summary)
    tell.step("write report.html")
    report(folder)
    return summary


def _prunable_channels(checkpoint: Checkpoint) -> int:
    blocks = [block for _, block in checkpoint.model().gated if block.prunable]
    return sum(int(block.alive.sum()) for block in blocks)


def _summary(recipe: Recipe, outcomes: Mapping[Label, Outcome], seconds: float) -> dict[str, Any]:
    deployed = [outcome.deployed for outcome in outcomes.values()]
    return {
        "schema": SCHEMA,
        "recipe": recipe.name,
        "seed": recipe.seed,
        **{label: outcome.as_json() for label, outcome in outcomes.items()},
        "mismatches": sum(d.mismatches for d in deployed),
        "samples_verified": min(d.verified_samples for d in deployed),
        "total_time_s": seconds,
        "versions": versions(),
    }
