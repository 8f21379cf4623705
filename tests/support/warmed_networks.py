"""Warm the fast engine up, run drawn networks, and print the kernels that still were compiled."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_strategies import data_for, graded_networks, residual_networks, video_for

from loihi_sca.compiling import watched_by
from loihi_sca.engine import fast
from loihi_sca.engine.fast.warm import warm
from loihi_sca.network import ComplexDense, Network, Resonator


class Compiled(list):
    def start(self, kernel: str, folder: str | None) -> None:
        self.append(kernel)

    def end(self) -> None:
        pass


warm()
compiled, networks = Compiled(), set()


def run(network: Network, data: np.ndarray, schedule: str) -> None:
    with watched_by(compiled):
        record = [layer.name for layer in network]
        fast.run(network, data, schedule=schedule, record=record, threads=1)  # type: ignore
    networks.add(network.digest())


@settings(
    max_examples=60, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.data())
def check(data: st.DataObject) -> None:
    schedule = data.draw(st.sampled_from(["pipelined", "cold"]))
    network = data.draw(residual_networks())
    run(network, data.draw(data_for(network)), schedule)
    network = data.draw(graded_networks())
    run(network, data.draw(video_for(network)), schedule)


check()
for kind in (np.int8, np.int16, np.int64, np.bool_):
    weight = np.random.default_rng(0).integers(-9, 9, (3, 4))
    turning = ComplexDense("out", (4,), weight, weight, neuron=Resonator(100, 4000, 80, True))
    run(Network("turning", (turning,)), np.ones((2, 4, 5), dtype=kind), "cold")
print(json.dumps({"compiled": compiled, "networks": len(networks)}))
