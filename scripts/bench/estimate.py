#!/usr/bin/env python3
"""How fast and how right the estimate is.

Speed is that of the whole command, in a process of its own, on a network of a million neurons and
120 layers. Rightness is the deviation from what is published.

    scripts/bench/estimate.py [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _bench import commit

from loihi_sca import netx
from loihi_sca.hardware import describe, estimate, load_profile, map_network
from loihi_sca.hardware.cost.activity import from_totals
from loihi_sca.hardware.cost.energy import dynamic_energy
from loihi_sca.hardware.cost.latency import step_time
from loihi_sca.hardware.mapping.memory import core_budget_of
from loihi_sca.hardware.mapping.need import cores_and_words
from loihi_sca.network import Conv, Cuba, Dense, Input, Network
from loihi_sca.versions import machine

PROFILES = ("loihi2", "loihi2-2023", "loihi1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one repetition instead of five")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args()
    rows = [*speed(1 if options.quick else 5), *pruner(), *published()]
    for r in rows:
        print(f"{r['work']:<52} {r['metric']:<22} {r['value']:>10.4g} {r['unit']:<4}"
              f" target {r['target']:g}")  # fmt: skip
    if options.json:
        report = {"schema": 1, "machine": machine(), "commit": commit(), "rows": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def million() -> Network:
    """Return a network of 120 layers and a little more than a million neurons."""
    rng = np.random.default_rng(0)
    neuron = Cuba(1024, 128, 80)
    shape: tuple[int, ...] = (2, 24, 24)
    layers: list[Input | Conv | Dense] = [Input("input", shape, neuron=neuron)]
    for i in range(117):
        weight = 2 * rng.integers(-128, 128, (15 + i % 3, shape[0], 3, 3))
        conv = Conv(f"conv{i}", shape, weight, padding=(1, 1), neuron=neuron)
        layers.append(conv)
        shape = conv.out_shape
    for i, n in enumerate((64, 10)):
        weight = 2 * rng.integers(-128, 128, (n, int(np.prod(shape))))
        layers.append(Dense(f"dense{i}", shape, weight, neuron=neuron))
        shape = (n,)
    return Network("million", tuple(layers), timesteps=16)


def speed(repetitions: int) -> list[dict]:
    network = million()
    neurons = sum(layer.neurons for layer in network)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.net"
        netx.write(network, path)
        for profile in PROFILES:
            work = f"estimate {neurons:,} neurons, {len(network.layers)} layers, {profile}"
            times = [command(path, profile) for _ in range(repetitions)]
            rows.append(row(work, "wall time", times, 2.0, "s"))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        rows.append(row("estimate, all of the above", "peak memory", [peak], 500, "MB"))
    return rows


def command(path: Path, profile: str) -> float:
    """Return the seconds that the command takes, activity from a rate."""
    arguments = ["estimate", str(path), "--profile", profile, "--rate", "0.1", "--json"]
    started = time.perf_counter()
    done = subprocess.run(  # its exit code is 3 where the network does not fit
        [sys.executable, "-m", "loihi_sca", *arguments], capture_output=True, check=False
    )
    elapsed = time.perf_counter() - started
    if not done.stdout:
        raise SystemExit(done.stderr.decode())
    return elapsed


def pruner() -> list[dict]:
    """Return the time of one question of a pruner."""
    rows = []
    conv = describe(million()).layers[60].geometry
    for profile in PROFILES:
        budget = core_budget_of(load_profile(profile))
        started = time.perf_counter()
        count = 0
        for channels in range(1, 129):
            cores_and_words(conv, budget, channels)
            count += 1
        elapsed = (time.perf_counter() - started) / count * 1e6
        rows.append(row(f"cores_and_words, first time, {profile}", "time", [elapsed], 1000, "us"))
    return rows


def published() -> list[dict]:
    """Return deviations from published figures, in percent."""
    path = next(
        Path(str(file.locate()))
        for file in importlib.metadata.files("lava-dl") or []
        if str(file).endswith("gts/pilotnet_lif/network.net")
    )
    network, profile = netx.read(path), load_profile("loihi2-2023")
    cores = map_network(network, profile).cores
    energy = dynamic_energy(
        profile, synops=36.6e6, updates=5.85e6, core_steps=cores * network.timesteps
    ).best
    step = step_time(profile, synops=151e3).best
    spread = from_totals(describe(network), profile, 36.6e6, 5.85e6, timesteps=16)
    busiest = estimate(network, profile, spread).latency
    rows = [
        deviation("PilotNet LIF cores, 74", cores, 74, 0),
        deviation("PilotNet LIF dynamic energy, 1094 uJ", energy, 1094, 15),
        deviation("PilotNet LIF time per step, 153 us", step, 153, 25),
    ]
    if busiest is not None:
        name = "PilotNet LIF time per step, uniform activity"
        rows.append(deviation(name, busiest.step_us.best, 153, 25))
    return rows


def deviation(work: str, found: float, published: float, target: float) -> dict:
    return row(work, "deviation", [100 * abs(found / published - 1)], target, "%")


def row(work: str, metric: str, runs: list[float], target: float, unit: str) -> dict:
    return {
        "work": work, "metric": metric, "value": statistics.median(runs), "target": target,
        "better": "lower", "unit": unit, "runs": runs,
    }  # fmt: skip


if __name__ == "__main__":
    main()
