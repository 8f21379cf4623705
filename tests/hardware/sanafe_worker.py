"""Run a placed network in SANA-FE; a process of its own, since SANA-FE is GPL and ours is not.

python sanafe_worker.py NETWORK.json RESULT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(source: str, result: str) -> None:
    import sanafe

    spec = json.loads(Path(source).read_text())
    arch = sanafe.load_loihi()
    cores = [core for tile in arch.tiles for core in tile.cores]
    network = sanafe.Network()
    groups = []
    for layer in spec["layers"]:
        group = network.create_neuron_group(
            layer["name"],
            len(layer["core_of"]),
            # neurons that neither forget nor hold a current: exact integers on both sides
            model_attributes={"threshold": layer["threshold"], "reset": 0.0, "leak_decay": 1.0},
            default_synapse_hw_name=layer["synapse"],
            soma_hw_name="loihi_lif",
        )
        for i, core in enumerate(layer["core_of"]):
            if layer["bias"] is not None:
                group.neurons[i].set_attributes(model_attributes={"bias": layer["bias"][i]})
            group.neurons[i].map_to_core(cores[core])
        groups.append(group)
    for before, after, edges in zip(groups[:-1], groups[1:], spec["edges"], strict=True):
        pairs = [tuple(pair) for pair in edges["pairs"]]
        before.connect_neurons_sparse(after, {"weight": edges["weight"]}, pairs)
    chip = sanafe.SpikingChip(arch)
    chip.load(network)
    done = chip.sim(spec["steps"], timing_model="simple", perf_trace=True)
    perf = {key: sum(done["perf_trace"][key]) for key in ("fired", "spikes", "hops", "updated")}
    Path(result).write_text(json.dumps({"energy_j": dict(done["energy"]), **perf}, default=float))


if __name__ == "__main__":
    main(*sys.argv[1:])
