"""What is to be seen of a network: its answers, one sample, its cores and costs, its exactness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from loihi_sca import netx
from loihi_sca.compiler.silence import explain_silence
from loihi_sca.compiler.verification import Verification
from loihi_sca.compiler.verify import verify
from loihi_sca.data import Dataset
from loihi_sca.engine import fast
from loihi_sca.errors import ConfigError, DoesNotFit, InputError, UnsupportedLayer
from loihi_sca.hardware import Profile, describe, estimate, map_network
from loihi_sca.hardware.cost.activity import from_run
from loihi_sca.hardware.cost.load import synops_per_step
from loihi_sca.hardware.mapping.cliffs import cliffs
from loihi_sca.network import Network
from loihi_sca.pipeline.evaluate import dataset_for, evaluate
from loihi_sca.pipeline.evaluation import Evaluation
from loihi_sca.pipeline.report.options import Options
from loihi_sca.reporting.chapters import OnChip, Seen
from loihi_sca.reporting.page import Text
from loihi_sca.reporting.text import percent

Recorded = Mapping[str, Mapping[str, Any]]
"""Estimates that a run has written, as JSON, by chip."""


@dataclass(frozen=True)
class Found:
    """A network as a report shows it.

    Attributes
    ----------
    seen : Seen
    proofs : tuple of Text
        What was compared while the report was made.
    """

    seen: Seen
    proofs: tuple[Text, ...]


def look_at(
    network: Network,
    name: str,
    options: Options,
    run: Path | None,
    chips: Sequence[Profile],
    recorded: Recorded | None = None,
) -> Found:
    """Run a network on the data at hand, and map it to the chips.

    Parameters
    ----------
    network : Network
    name : str
        What it is called in the report.
    options : Options
    run : Path or None
        The run folder whose data it is, if no others are asked for.
    chips : sequence of Profile
    recorded : mapping, optional
        Estimates that the run has written, on all of its samples: they are shown as they are.

    Raises
    ------
    ConfigError, InputError
        The data that are asked for do not exist, or do not fit.
    NotBitExact
        Reference and fast engine do not agree.
    """
    recorded = recorded or {}
    dataset, missing = _data(network, options, run)
    notes = [*netx.notes_of(network), *missing]
    seen, measured = Seen(name, graded=network.is_graded), None
    sample: npt.NDArray[Any] | None = None
    try:
        if dataset is not None:
            seen, measured, sample = _run(network, seen, dataset, options)
            notes += explain_silence(network, {a.name: a.spikes for a in measured.activity})
        options.tell(f"{name}: reference = fast", 0, 1)
        proof = verify(network, engines=("reference", "fast"), data=sample, samples=1)
        proofs = [_proven(name, proof, network.is_graded)]
    except UnsupportedLayer as error:
        notes.append(f"It is not simulated: {error}")
        proofs = [Text(f"{name}: nothing was compared, since it is not simulated.", "missing")]
    found = tuple(_on_chip(network, chip, measured, recorded.get(chip.name)) for chip in chips)
    return Found(replace(seen, chips=found, notes=tuple(notes)), tuple(proofs))


def _data(network: Network, options: Options, run: Path | None) -> tuple[Dataset | None, list[str]]:
    """Return the samples, or why there are none; what is asked for must be there."""
    if options.data is not None:
        return dataset_for(network, options.data, options.split, options.root), []
    takes = "accuracy, confusion, raster, energy and latency take data"
    if run is None:
        return None, [f"Not shown: {takes}. Give --data NAME."]
    try:
        return dataset_for(network, str(run), options.split, options.root), []
    except (ConfigError, InputError) as error:
        return None, [f"Not shown: {takes}, and the run's are not at hand ({error})"]


def _run(
    network: Network, seen: Seen, dataset: Dataset, options: Options
) -> tuple[Seen, Evaluation, npt.NDArray[Any]]:
    """Return the answers to the first samples, and what each layer does in the very first."""
    few = dataset.first(options.samples)
    measured = evaluate(
        network, few,
        on_progress=lambda done, total: options.tell(f"{seen.name}: samples", done, total),
    )  # fmt: skip
    sample = few.spikes(slice(0, 1))
    layers = [layer.name for layer in network.layers]
    traces = fast.run(network, sample, record=layers).traces
    spikes = {n: traces[n].spikes[0].reshape(-1, dataset.timesteps) for n in layers if n in traces}
    which = (
        f"all {len(dataset):,}"
        if len(few) == len(dataset)
        else (f"the first {len(few):,} of {len(dataset):,}")
    )
    told = f"{which} {options.split} samples of {dataset.name}"
    return (
        replace(
            seen, confusion=measured.confusion, spikes=spikes, samples=told,
            accuracy=f"Accuracy of the integers {percent(measured.accuracy)}, on {told}.",
            sample=f"the first {options.split} sample of {dataset.name}, class {few.labels[0]}",
        ),
        measured, sample,
    )  # fmt: skip


def _on_chip(
    network: Network,
    chip: Profile,
    measured: Evaluation | None,
    recorded: Mapping[str, Any] | None,
) -> OnChip:
    placement, loads = map_network(network, chip), None
    costs = recorded or estimate(network, chip, measured).as_json()
    if measured is not None and placement.cores:
        activity = from_run(
            measured.activity, describe(network), chip, measured.samples, measured.timesteps
        )
        loads = synops_per_step(placement, activity)
    try:
        found, notes = cliffs(network, chip), ()
    except (UnsupportedLayer, DoesNotFit) as error:
        return OnChip(costs, placement, loads, None, (f"No cliffs: {error}",))
    return OnChip(costs, placement, loads, found, notes)


def _proven(name: str, proof: Verification, graded: bool) -> Text:
    sent = "messages" if graded else "spikes"
    of = f"random {sent}" if proof.data.startswith("random") else "the sample shown"
    return Text(
        f"{name}: {proof.mismatches} mismatches between reference and fast engine, compared while "
        f"this report was made on {of} of {proof.timesteps} steps: {sent}, currents, voltages and "
        f"counts of {len(proof.layers)} layers, {proof.compared:,} values, of which "
        f"{sum(proof.spikes.values()):,} are {sent}. With Lava: loihi-sca verify.",
        "good",
    )
