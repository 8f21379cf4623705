"""The report of a training: a folder of ``train``, or one run of a sweep or study."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import NamedTuple

from loihi_sca import netx
from loihi_sca.config import Recipe, load_recipe
from loihi_sca.errors import BackendError, DoesNotFit, InputError, UnsupportedLayer
from loihi_sca.network import Network
from loihi_sca.pipeline.report.folder import MODELS, read_metrics, read_optional, read_record
from loihi_sca.pipeline.report.options import Options
from loihi_sca.pipeline.report.records import Result
from loihi_sca.pipeline.report.seen import look_at
from loihi_sca.reporting.chapters import (
    about_section,
    constants_section,
    exactness_section,
    network_section,
    training_section,
)
from loihi_sca.reporting.page import Page, Text
from loihi_sca.reporting.text import percent
from loihi_sca.reporting.training import Epochs

ENGINES = {"slayer": "SLAYER", "reference": "reference", "fast": "fast engine", "lava": "Lava"}


class _Trained(NamedTuple):
    """The networks of a run, what was compared when they were compiled, and what is missing."""

    networks: dict[str, Network]
    proofs: list[Text]
    notes: list[str]
    versions: dict[str, str]


def page_of_training(folder: Path, options: Options) -> Page:
    """Return the page of a training, of what there is of it."""
    metrics, notes = read_metrics(folder)
    text = read_optional(folder / "recipe.toml")
    recipe = None if text is None else load_recipe(folder / "recipe.toml")
    if not metrics:
        raise InputError(
            f"{folder}: no epoch of this run is over yet; there is nothing to report. Go on with "
            f"loihi-sca train ... --out {quote(str(folder))} --resume."
        )
    chips = options.chips()
    trained = _deployed(folder) or _compiled(folder)
    found = [
        look_at(network, label, options, folder, chips)
        for label, network in trained.networks.items()
    ]
    name = folder.resolve().name if recipe is None else recipe.name
    seeds = [] if recipe is None else [recipe.seed]
    return Page(
        f"{name}: {' and '.join(metrics)}",
        "; ".join(_told(label, epochs, recipe) for label, epochs in metrics.items()),
        [
            training_section(metrics, [*_unfinished(metrics, recipe), *notes, *trained.notes]),
            *(network_section(f.seen) for f in found),
            exactness_section([*trained.proofs, *(p for f in found for p in f.proofs)]),
            constants_section(chips if found else ()),
            about_section(
                text, trained.versions, seeds,
                *([] if trained.versions else ["The versions of this run are not recorded."]),
            ),
        ],
    )  # fmt: skip


def _told(label: str, epochs: Epochs, recipe: Recipe | None) -> str:
    of = "" if recipe is None else f" of {recipe.training.epochs}"
    last, best = epochs[-1], max(e["validation_accuracy"] for e in epochs)
    return (
        f"{label}: {last['number']}{of} epochs, validation accuracy "
        f"{percent(last['validation_accuracy'])} after the last and {percent(best)} at best"
    )


def _unfinished(metrics: dict[str, Epochs], recipe: Recipe | None) -> list[str]:
    if recipe is None:
        return ["There is no recipe.toml."]
    # a folder may hold a dense training and a pruned one, of one recipe; the recipe is the last's
    label = "dense" if recipe.pruning is None else "pruned"
    done = metrics[label][-1]["number"] if label in metrics else 0
    if done >= recipe.training.epochs:
        return []
    return [
        f"Unfinished: {done} of {recipe.training.epochs} epochs of the {label} network are over. "
        "The same command with --resume goes on."
    ]


def _deployed(folder: Path) -> _Trained | None:
    """Return the network that a run of a sweep or study has compiled and proven."""
    if not (folder / "result.json").is_file() or not (folder / "network.net").is_file():
        return None
    result = read_record(folder / "result.json", Result)
    engines = [ENGINES.get(name, name) for name in result.get("compared", ("slayer",))]
    among = " = ".join(engines) if len(engines) > 1 else "SLAYER and the engines asked for"
    proof = Text(
        f"{result['mismatches']} mismatching spikes, {among}, over {result['verified_samples']} "
        "test samples, every layer compared, when the run was deployed.",
        "good" if not result["mismatches"] else "lead",
    )
    network = netx.read(folder / "network.net")
    return _Trained({result["run"]: network}, [proof], [], result["versions"])


def _compiled(folder: Path) -> _Trained:
    """Compile the best checkpoints, and prove that on a random sample."""
    found = _Trained({}, [], [], {})
    best = {m: folder / "checkpoints" / f"{m}-best.safetensors" for m in reversed(MODELS)}
    best = {label: path for label, path in best.items() if path.is_file()}
    if not best:
        found.notes.append(
            "Not shown: answers, cores, energy and exactness, since no network is final yet: there "
            "is no checkpoints/*-best.safetensors."
        )
        return found
    try:
        from loihi_sca.frontend.slayer import compile_slayer
        from loihi_sca.training import checkpoint as checkpoints
    except (ModuleNotFoundError, BackendError) as error:
        found.notes.append(
            f"Not shown: what takes the compiled network, which takes torch: {error}"
        )
        return found
    for label, path in best.items():
        saved = checkpoints.load(path)
        found.versions.update(saved.versions)
        try:
            network = compile_slayer(
                saved.model(), timesteps=saved.recipe.data.timesteps,
                name=f"{saved.recipe.name}-{label}", proof_samples=1,
            )  # fmt: skip
        except (UnsupportedLayer, DoesNotFit) as error:
            found.notes.append(f"The {label} network cannot be compiled: {error}")
            continue
        found.networks[label] = network
        if network.proof is not None:
            found.proofs.append(
                Text(
                    f"{label}: 0 mismatches between SLAYER and the compiled network, compared "
                    f"while this report was made on {network.proof.samples} random sample of "
                    f"{network.proof.timesteps} steps, {len(network.proof.layers)} layers, "
                    f"{network.proof.compared:,} values of spikes.",
                    "good",
                )
            )
    return found
