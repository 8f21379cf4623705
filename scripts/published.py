#!/usr/bin/env python3
"""Every public figure that we know of beside ours: cores, memory, energy and time, hits and misses.

    scripts/published.py                # the table of docs/hardware.md
    scripts/published.py --write        # puts it into docs/hardware.md
    scripts/published.py --json OUT     # the same in numbers

Networks are described by shapes (scripts/networks/*.toml), activity by published counts; where
counts are not published, a rate is assumed and the row says so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from _figures import Figure
from _tables import table
from update_readme import put

from loihi_sca.files import write_text
from loihi_sca.hardware import (
    Architecture,
    Estimate,
    Placement,
    estimate,
    load_profile,
    map_network,
)
from loihi_sca.hardware.architecture import read_architecture
from loihi_sca.hardware.cost.activity import from_rates, from_totals
from loihi_sca.hardware.cost.energy import EnergyEstimate, dynamic_energy
from loihi_sca.hardware.cost.latency import LatencyEstimate, step_time
from loihi_sca.hardware.quantity import Band

SCRIPTS = Path(__file__).resolve().parent
PAGE = SCRIPTS.parent / "docs" / "hardware.md"

ASSUMED_RATE = 0.1
"""Spikes per neuron and step, where no counts are published."""

AUTOENCODER_STEPS = 15
"""Not published: what 1.0e4 updates of 672 neurons mean."""

INTEL_2023 = "Intel compiler log of January 2023, lava-dl tutorial"
INTEL = "Intel compiler table, lava-dl tutorial"
AUTOENCODER = "notes on arXiv 2608.18341"
NRC = "Intel's nrc-ecosystem models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    found = [*loihi2_maps(), *loihi2_costs(), *loihi1_maps(), *loihi1_costs()]
    text = page(found)
    print(text, end="")
    if options.write:
        write_text(PAGE, put(PAGE.read_text("utf-8"), PAGE, "published", text))
    if options.json:
        rows = [asdict(figure) | {"verdict": figure.verdict} for figure in found]
        write_text(options.json, json.dumps({"schema": 1, "rows": rows}, indent=2) + "\n")


def page(found: Sequence[Figure]) -> str:
    head = ("chip", "network", "figure", "published", "ours", "off by", "", "source")
    verdicts = [figure.verdict for figure in found]
    counts = ", ".join(
        f"{verdicts.count(v)} {name}"
        for v, name in (("hit", "hits"), ("in the band", "in the band only"), ("miss", "misses"))
    )
    rows = table(head, (figure.cells() for figure in found), numbers=0)
    return f"{rows}\n{len(found)} figures: {counts}.\n"


def loihi2_maps() -> Iterator[Figure]:
    """Cores and memory of Loihi 2."""
    pilot = mapped("pilotnet_lif", "loihi2-2023")
    of = ("Loihi 2", "PilotNet LIF")
    published = (13, 25, 13, 3, 3, 2, 12, 1, 1, 1)
    yield Figure(*of, "cores", "", (74,), (pilot.cores,), INTEL_2023)
    yield Figure(*of, "cores per layer", "", published, cores(pilot), INTEL_2023)
    words = (0, 81, 864, 1620, 2160, 2880, 7253, 1300, 150, 10)
    yield Figure(*of, "words per core, mean", "", words, mean_words(pilot), INTEL_2023)
    neurons = (3168, 3072, 2160, 2688, 2048, 2048, 9, 50, 10, 1)
    ours = tuple(int(x.neurons.max()) for x in pilot.layers)
    yield Figure(*of, "neurons of a full core", "", neurons, ours, INTEL_2023)
    oxford = mapped("oxford", "loihi2-2023")
    of = ("Loihi 2", "Oxford")
    yield Figure(*of, "cores per layer", "", (3, 2), cores(oxford), INTEL_2023)
    words = (5400, 8064)
    yield Figure(*of, "words per core, mean", "", words, mean_words(oxford), INTEL_2023)
    yolo = mapped("yolo_kp", "loihi2")
    of = ("Loihi 2", "YOLO-KP")
    published = (224, 112, 56, 28, 56, 16, 32, 14, 32, 4)
    yield Figure(*of, "cores", "", (574,), (yolo.cores,), INTEL)
    yield Figure(*of, "cores per layer", "", published, cores(yolo), INTEL)
    limit = yolo.profile.limits.synapse_words.value
    fill = tuple(round(100 * float(x.words.max()) / limit, 2) for x in yolo.layers)
    shares = (0.34, 3.6, 10.8, 39.6, 79.2, 72.0, 86.4, 67.2, 86.4, 19.2)
    yield Figure(*of, "synapse memory of a core", "%", shares, fill, INTEL)
    spread = mapped("autoencoder", "loihi2").cores
    note = f"{AUTOENCODER}; we take the fewest cores, they spread the network"
    yield Figure("Loihi 2", "dense autoencoder", "cores", "", (74,), (spread,), note)
    yield detection()


def detection() -> Figure:
    """Return what neurons alone need of the detection networks, whose layers are not printed."""
    profile, neurons = load_profile("loihi2"), 0.76e6
    taken = profile.neurons.default.band
    fewest, most = (
        -int(-neurons * each // profile.limits.compartments.value)
        for each in (taken.low, taken.best)
    )
    note = (
        "arXiv 2605.00146: three networks of about 0.76 M LIF neurons on one chip; ours counts "
        f"neurons alone, at two compartments per neuron; {fewest} at one"
    )
    chip = (profile.chip.cores.value,)
    what = "cores, ours at least"
    return Figure("Loihi 2", "detection", what, "", chip, (most,), note)


def loihi2_costs() -> Iterator[Figure]:
    """Energy and time of Loihi 2."""
    profile = load_profile("loihi2-2023")
    architecture = network("pilotnet_lif")
    activity = from_totals(architecture, profile, 36.6e6, 5.85e6)
    found = estimate(architecture, profile, activity)
    energy, time = costs(found)
    of = ("Loihi 2", "PilotNet LIF")
    counts = "lava-dl tutorial; 36.6 M synops, 5.85 M updates, 16 steps"
    six = "median of six runs, 560 to 1390, most without counts"
    yield banded(*of, "dynamic energy", "uJ", 1094, energy.dynamic_uj, f"{counts}; fitted on it")
    yield banded(*of, "dynamic energy", "uJ", 1080, energy.dynamic_uj, six)
    fps = "342 to 416 per s; synops spread evenly over the cores of a layer"
    yield banded(*of, "samples per second", "", 379, time.samples_per_s, f"middle of {fps}")
    busiest = step_time(profile, synops=151e3)
    yield banded(*of, "step", "us", 153, busiest, "151 k synops on the busiest core; fitted on it")
    yield banded(*of, "step", "us", 153, time.step_us, "the same, synops spread evenly")
    power = "0.18 to 0.38 W at 342 to 416 samples per s: 433 to 1111"
    yield banded(*of, "static energy", "uJ", 772, energy.static_uj, f"middle of {power}")
    yield from autoencoder()


def autoencoder() -> Iterator[Figure]:
    """Energy and time of the second network with counts, on the cores that it had."""
    profile, steps, placed = load_profile("loihi2"), AUTOENCODER_STEPS, 74
    synops, updates, spikes = 3.0e5, 1.0e4, 2.0e4
    energy = dynamic_energy(
        profile, synops=synops, updates=updates, messages=spikes, core_steps=placed * steps
    )
    note = f"{AUTOENCODER}; 3.0e5 synops, 1.0e4 updates, 2.0e4 spikes, 74 cores, {steps} steps"
    of = ("Loihi 2", "dense autoencoder")
    yield banded(*of, "dynamic energy", "uJ", 40.6, energy, f"{note} assumed; core_step is from it")
    per_core = {"synops": synops / placed / steps, "updates": updates / placed / steps}
    time = step_time(profile, **per_core) * steps
    yield banded(*of, "latency", "us", 48.3, time, f"{note} assumed")


def loihi1_maps() -> Iterator[Figure]:
    """Cores of Loihi 1."""
    gesture = mapped("dvs_gesture", "loihi1")
    of = ("Loihi 1", "DVS gesture")
    toolbox = "SNN-Toolbox/NxTF"
    yield Figure(*of, "cores", "", (49,), (gesture.cores,), toolbox)
    yield Figure(*of, "cores per layer", "", (1, 8, 8, 22, 9, 1), cores(gesture), toolbox)
    mnist = mapped("nxtf_mnist", "loihi1").cores
    yield Figure("Loihi 1", "NxTF MNIST", "cores", "", (14,), (mnist,), "NxTF")
    nmnist = mapped("slayer_nmnist", "loihi1")
    note = "SLAYER, Loihi 1: 62 neurons per core, 7 bit weights; we store 7 as 8 (9, 8, 1 at 6)"
    yield Figure("Loihi 1", "SLAYER N-MNIST", "cores per layer", "", (7, 9, 1), cores(nmnist), note)
    digits = mapped("ntidigits", "loihi1")
    note = "Intel's nrc-ecosystem models; we take the fewest cores"
    yield Figure("Loihi 1", "N-TIDIGITS", "cores per layer", "", (1, 2, 2, 1), cores(digits), note)


def loihi1_costs() -> Iterator[Figure]:
    """Energy and time of Loihi 1, at a rate that is assumed."""
    profile = load_profile("loihi1")
    for file, step_us in (("nxtf_mnist", 57.4), ("ntidigits", 17.6)):
        architecture = network(file)
        of = ("Loihi 1", architecture.name)

        def step(rate: float, net: Architecture = architecture) -> Band:
            return costs(estimate(net, profile, from_rates(net, profile, rate)))[1].step_us

        def dynamic(rate: float, net: Architecture = architecture) -> Band:
            return costs(estimate(net, profile, from_rates(net, profile, rate)))[0].dynamic_uj

        note = assumed(step, step_us)
        yield banded(*of, "step", "us", step_us, step(ASSUMED_RATE), note)
        if file == "ntidigits":
            note = f"3000 steps; {assumed(dynamic, 576)}"
            yield banded(*of, "dynamic energy", "uJ", 576, dynamic(ASSUMED_RATE), note)
    floor = step_time(profile, synops=0.0)
    note = "no step of Intel's nrc-ecosystem models is shorter; ours is the chip's own barrier"
    yield banded("Loihi 1", "any", "idle step", "us", 6.6, floor, note)


def assumed(at: Callable[[float], Band], published: float) -> str:
    """Say at which rate ours is the published figure, which grows with the rate."""
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle).best >= published else (middle, high)
    return (
        f"{NRC}; counts are not published, {ASSUMED_RATE} spikes per neuron and step assumed, "
        f"equal at {high:.3f}"
    )


def banded(
    chip: str, of: str, what: str, unit: str, published: float, ours: Band, source: str
) -> Figure:
    best, ends = (ours.best,), (ours.low, ours.high)
    return Figure(chip, of, what, unit, (published,), best, source, ends)


@cache
def network(file: str) -> Architecture:
    return read_architecture(SCRIPTS / "networks" / f"{file}.toml")


@cache
def mapped(file: str, profile: str) -> Placement:
    return map_network(network(file), load_profile(profile))


def costs(found: Estimate) -> tuple[EnergyEstimate, LatencyEstimate]:
    if found.energy is None or found.latency is None:
        raise SystemExit(f"{found.placement.architecture.name}: neither energy nor time")
    return found.energy, found.latency


def cores(placement: Placement) -> tuple[int, ...]:
    return tuple(layer.cores for layer in placement.layers)


def mean_words(placement: Placement) -> tuple[int, ...]:
    return tuple(round(float(layer.words.mean())) for layer in placement.layers)


if __name__ == "__main__":
    main()
