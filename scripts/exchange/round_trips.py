#!/usr/bin/env python3
"""Networks of ours run in snnTorch, Norse and sinabs, and theirs run here: how many spikes differ.

    scripts/exchange/make_environments FOLDER
    scripts/exchange/round_trips.py FOLDER [--tool snntorch] [--json OUT]

Of ours: a convolution and a dense layer, written for the tool, read by the tool's own importer,
and run there on the same spikes. Of theirs: a small network of random weights, written by the
tool's own exporter, read, quantised, compiled, verified on both engines, mapped, and compared with
what it sends there, both before it is quantised and after.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import loihi_sca
from loihi_sca.compiler import compile_with_report
from loihi_sca.exchange.neurons import Reading, require_dt
from loihi_sca.exchange.nir_file import read_graph
from loihi_sca.exchange.nir_graph import chain_of
from loihi_sca.exchange.tools import find_tool
from loihi_sca.exchange.walk import walk
from loihi_sca.files import write_json
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

HERE = Path(__file__).resolve().parent
TOOLS = ("snntorch", "norse", "sinabs")
NEURONS = {"no decay": (4096, 0), "voltage decays": (4096, 300), "both decay": (1024, 300)}
STEPS, SAMPLES = 32, 8


def network_of_ours(current_decay: int, voltage_decay: int) -> Network:
    """Return a network with biases where a tool reads them: not beside a current."""
    rng = np.random.default_rng(0)
    biased = current_decay == 4096

    def weight(*shape: int) -> Any:
        return 2 * rng.integers(-60, 70, shape).astype(np.int32)

    def bias(count: int) -> Any:
        return 2 * rng.integers(-9, 10, count) if biased else None

    neurons = [Cuba(current_decay, voltage_decay, threshold) for threshold in (600, 1400)]
    layers = (
        Input("input", (2, 9, 9)),
        Conv(
            "conv", (2, 9, 9), weight(6, 2, 3, 3), bias=bias(6), stride=(2, 2), padding=(1, 1),
            neuron=neurons[0],
        ),
        Dense("dense", (6, 5, 5), weight(20, 150), bias=bias(20), neuron=neurons[1]),
    )  # fmt: skip
    return Network("ours", layers, timesteps=STEPS)


def run_script(script: str, tool: str, folder: Path, *arguments: str) -> None:
    """Run one of the scripts beside this one with what a tool needs."""
    environment = {**os.environ, "PYTHONPATH": str(folder / tool)}
    command = [sys.executable, str(HERE / script), tool, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{script} failed in {tool}:\n{done.stderr[-3000:]}")


def ours_there(tool: str, folder: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Yield a row per kind of neuron that the tool reads."""
    graph, data, out = (str(work / name) for name in ("ours.nir", "data.npy", "out.npy"))
    for kind, (current_decay, voltage_decay) in NEURONS.items():
        if tool == "sinabs" and current_decay < 4096:
            continue
        network = network_of_ours(current_decay, voltage_decay)
        notes = loihi_sca.write_nir(network, graph, tool=tool)  # type: ignore[arg-type]
        rng = np.random.default_rng(1)
        spikes = (rng.random((SAMPLES, *network.in_shape, STEPS)) < 0.2).astype(np.uint8)
        np.save(data, spikes)
        run_script("run_in_tool.py", tool, folder, graph, data, out)
        here, there = loihi_sca.run(network, spikes).spikes, np.load(out)
        yield {
            "tool": tool, "network": f"ours, {kind}", "outputs": int(here.size),
            "spikes": int(here.sum()), "differ": int(np.sum(here != there)),
            "notes": list(notes), "exact": bool(loihi_sca.read_nir(graph).network == network),
        }  # fmt: skip


def as_read(path: Path, tool: str, spikes: Any) -> Any:
    """Return what a graph sends as it is read, in floating point and reset to 0."""
    known = find_tool(tool)
    reading = Reading(known, require_dt(known, None), zero_reset=True)
    for layer in walk(chain_of(read_graph(path)), reading, None).layers:
        spikes = layer.run(spikes, subtract=False)
    return spikes


def theirs_here(tool: str, folder: Path, work: Path) -> dict[str, Any]:
    """Return the row of a network that the tool made."""
    graph, data, out = (str(work / name) for name in ("theirs.nir", "data.npy", "out.npy"))
    run_script("write_in_tool.py", tool, folder, graph, data, out)
    spikes, there = np.load(data), np.load(out)
    found = loihi_sca.read_nir(
        graph, tool=tool,  # type: ignore[arg-type]
        # the nir of sinabs cannot say how neurons are reset; these are to 0
        reset="zero" if tool == "sinabs" else None,
        timesteps=spikes.shape[-1], data=spikes,
    )  # fmt: skip
    misread = int(np.sum(as_read(Path(graph), tool, spikes) != there))
    compiled = compile_with_report(found.network)
    verified = loihi_sca.verify(compiled, engines=("reference", "fast"), data=spikes)
    here = loihi_sca.run(compiled, spikes).spikes
    return {
        "tool": tool, "network": "theirs, quantised", "outputs": int(here.size),
        "spikes": int(there.sum()), "differ": int(np.sum(here != there)),
        "misread": misread, "mismatches": verified.mismatches,
        "cores": loihi_sca.map_network(compiled).cores, "notes": list(found.notes),
    }  # fmt: skip


def show(row: dict[str, Any]) -> None:
    shown = ("tool", "network", "outputs", "spikes", "differ")
    print("| " + " | ".join(str(row[key]) for key in shown) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="of make_environments")
    parser.add_argument("--tool", choices=TOOLS, action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print("| tool | network | outputs | spikes there or here | outputs that differ |")
    print("|---|---|---:|---:|---:|")
    for tool in options.tool or TOOLS:
        with tempfile.TemporaryDirectory() as work:
            for row in (
                *ours_there(tool, options.folder, Path(work)),
                theirs_here(tool, options.folder, Path(work)),
            ):
                rows.append(row)
                if "misread" in row:
                    show({**row, "network": "theirs, as read", "differ": row["misread"]})
                show(row)
    if options.json:
        write_json(options.json, {"schema": 1, "rows": rows})


if __name__ == "__main__":
    main()
