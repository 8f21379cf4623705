"""The same network, map and constants in SANA-FE, an independent simulator of Loihi 1.

Runs where SANA-FE is installed in this Python or in the one that SANAFE_PYTHON names.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loihi_sca.engine import reference
from loihi_sca.hardware import estimate, load_profile, map_network
from loihi_sca.hardware.cost.activity import Activity, LayerCounts
from loihi_sca.hardware.schema import Profile
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

STEPS = 19

# SANA-FE's arch/loihi.yaml; its update is access plus update of the soma
ENERGY_PJ = {
    "synop": 35.5, "synop_conv": 24.0, "synop_dense": 35.5, "update": 51.2 + 21.6, "spike": 69.3,
    "axon_in": 0.0, "axon_out": 111.0, "tile": 0.0, "hop_east_west": 3.0, "hop_north_south": 4.2,
}  # fmt: skip


@pytest.fixture(scope="module")
def python() -> str:
    named = os.environ.get("SANAFE_PYTHON")
    if named is None and importlib.util.find_spec("sanafe") is None:
        pytest.skip("SANA-FE is not installed: pip install 'loihi-sca[oracle]', or SANAFE_PYTHON")
    return named or sys.executable


@pytest.fixture(scope="module")
def profile() -> Profile:
    """Loihi 1 with SANA-FE's energies, and small cores, so that there is something to route."""
    values = load_profile("loihi1").model_dump(by_alias=True)
    for key, value in ENERGY_PJ.items():
        entry = values["energy"][key] or values["energy"]["synop"]
        values["energy"][key] = {**entry, "value": value, "low": None, "high": None}
    values["limits"]["compartments"]["value"] = 64
    return Profile.model_validate(values)


def integrate(threshold: int) -> Cuba:
    return Cuba(current_decay=4096, voltage_decay=0, threshold=threshold)


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(0)

    def weight(*shape: int) -> np.ndarray:
        return 2 * rng.integers(-30, 60, shape)

    first = Input("input", (2, 10, 10), neuron=integrate(200))
    conv1 = Conv("conv1", first.out_shape, weight(8, 2, 3, 3), neuron=integrate(700))
    conv2 = Conv(
        "conv2", conv1.out_shape, weight(12, 8, 3, 3), stride=(2, 2), padding=(1, 1),
        neuron=integrate(900),
    )  # fmt: skip
    dense = Dense("dense", conv2.out_shape, weight(20, conv2.neurons), neuron=integrate(900))
    return Network("cross-check", (first, conv1, conv2, dense))


def exported(network: Network, profile: Profile, image: np.ndarray) -> dict:
    layers = []
    for placed, layer in zip(map_network(network, profile).layers, network, strict=True):
        core_of = np.zeros(placed.spec.geometry.out_shape, dtype=int)
        for core in placed:
            core_of[
                core.channels.start : core.channels.stop,
                core.rows.start : core.rows.stop,
                core.columns.start : core.columns.stop,
            ] = core.index
        is_input = isinstance(layer, Input)
        layers.append(
            {
                "name": layer.name,
                "threshold": float(layer.neuron.threshold),
                "bias": image.ravel().astype(float).tolist() if is_input else None,
                "synapse": f"loihi_{'conv' if isinstance(layer, Conv) else 'dense'}_synapse",
                "core_of": core_of.ravel().tolist(),
            }
        )
    edges = [synapses(layer) for layer in network.layers[1:]]
    return {"layers": layers, "edges": edges, "steps": STEPS}


def synapses(layer: Conv | Dense) -> dict:
    pairs, weights = [], []
    if isinstance(layer, Dense):
        for o, i in np.ndindex(layer.weight.shape):
            pairs.append((i, o))
            weights.append(float(layer.weight[o, i]))
        return {"pairs": pairs, "weight": weights}
    source = np.arange(np.prod(layer.in_shape)).reshape(layer.in_shape)
    target = np.arange(layer.neurons).reshape(layer.out_shape)
    for o, y, x in np.ndindex(layer.out_shape):
        for c, ky, kx in itertools.product(range(layer.in_shape[0]), range(3), range(3)):
            row = y * layer.stride[0] - layer.padding[0] + ky
            column = x * layer.stride[1] - layer.padding[1] + kx
            if 0 <= row < layer.in_shape[1] and 0 <= column < layer.in_shape[2]:
                pairs.append((int(source[c, row, column]), int(target[o, y, x])))
                weights.append(float(layer.weight[o, c, ky, kx]))
    return {"pairs": pairs, "weight": weights}


def sent_and_received(network: Network, image: np.ndarray) -> Activity:
    """Count as SANA-FE does: a spike's synops in the step in which it is sent."""
    data = np.repeat(image[None, ..., None], STEPS, axis=-1)
    names = [layer.name for layer in network]
    run = reference.run(network, data, schedule="cold", record=names)
    counts, arriving = [], None
    for layer in network:
        per_neuron = run.traces[layer.name].spikes[0].sum(axis=-1, dtype=np.int64)
        synops = 0 if arriving is None else int(arriving.ravel() @ layer.fan_out().ravel())
        counts.append(LayerCounts(layer.name, per_neuron.sum(), synops, layer.neurons * STEPS))
        arriving = per_neuron
    return Activity(tuple(counts), 0.0, STEPS, "the reference engine")


def test_energy_agrees_with_sana_fe(python, network, profile, tmp_path):
    image = np.random.default_rng(1).integers(0, 100, (2, 10, 10))
    activity = sent_and_received(network, image)
    energy = estimate(network, profile, activity).energy
    source, result = tmp_path / "network.json", tmp_path / "result.json"
    source.write_text(json.dumps(exported(network, profile, image)))
    worker = Path(__file__).with_name("sanafe_worker.py")
    subprocess.run([python, worker, source, result], check=True, capture_output=True, timeout=120)
    theirs = json.loads(result.read_text())

    # the same spikes, one by one, and the same synops
    assert theirs["fired"] == sum(layer.spikes for layer in activity.layers)
    assert theirs["spikes"] == activity.synops
    ours = {item: 0.0 for item in ENERGY_PJ}
    for item in energy.by_item:
        ours[item.item] += item.energy_uj.best * 1e-6
    network_j = sum(ours[i] for i in ("axon_out", "hop_east_west", "hop_north_south", "tile"))
    found = theirs["energy_j"]
    assert ours["synop"] == pytest.approx(found["synapse"], rel=1e-6)
    assert ours["update"] + ours["spike"] == pytest.approx(found["soma"], rel=0.12)
    assert network_j == pytest.approx(found["network"], rel=0.12)
    assert energy.dynamic_uj.best * 1e-6 == pytest.approx(found["total"], rel=0.12)
