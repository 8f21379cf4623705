"""Networks that are no chains on Lava: reference = fast = Lava, through our own file and loader."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from network_cases import LAVA_S, cases

from loihi_sca import netx
from loihi_sca.compiler.passes.hold_branches import hold_branches
from loihi_sca.compiler.verify import verify
from loihi_sca.engine import lava_cpu
from loihi_sca.errors import UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
LEAKY = Cuba(1024, 128, 60)


def network(driven=False):
    """Return convolutions of all kinds that add up, a second head, and dense layers that do."""
    rng = np.random.default_rng(0)

    def weight(*shape):
        return 2 * rng.integers(-60, 70, shape)

    a = Conv("a", (2, 7, 6), weight(4, 2, 3, 2), stride=(2, 1), padding=(1, 0), neuron=LEAKY,
             bias=rng.integers(-10, 10, 4))  # fmt: skip
    b = Conv("b", (4, 4, 5), weight(6, 2, 2, 3), groups=2, dilation=(2, 1), neuron=LEAKY,
             bias=rng.integers(-10, 10, 6),
             added=(Conv("b+in", (2, 7, 6), weight(6, 2, 6, 2), dilation=(1, 3), source="in"),),
             )  # fmt: skip
    of_c = weight(9, 36)
    of_c[:, 0] = -256, 254, -2, 2, 0, 8, -254, 64, -64  # ends of the range
    own = Cuba(rng.integers(500, 4096, 9), rng.integers(10, 900, 9), 70)
    c = Dense("c", (6, 2, 3), of_c, neuron=own, bias=rng.integers(-5, 5, 9),
              added=(Dense("c+a", (4, 4, 5), weight(9, 80) // 4 * 2, source="a"),))  # fmt: skip
    head = Dense("head", (36,), -(abs(weight(3, 36)) // 16) * 2 - 2, neuron=Cuba(1024, 128, 0),
                 source="b",
                 added=(Dense("head+c", (9,), abs(weight(3, 9)) + 110, source="c"),))  # fmt: skip
    out = Dense("out", (9,), weight(5, 9), neuron=LEAKY, source="c")
    first = Input("in", (2, 7, 6), neuron=Cuba(4096, 100, 30) if driven else None)
    return hold_branches(Network("graph", (first, a, b, c, head, out), timesteps=9))


@pytest.mark.lava
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("driven", "schedule"), [(False, "pipelined"), (False, "cold"), (True, "pipelined")]
)
def test_all_layers_of_a_saved_graph_agree(tmp_path, driven, schedule):
    netx.save(network(driven), tmp_path / "graph.net")
    found = verify(tmp_path / "graph.net", samples=3, schedule=schedule)
    assert found.engines == ("reference", "fast", "lava")
    busy = [name for name in ("a", "b", "c", "head", "out") if found.spikes[name] > 5]
    assert len(busy) >= (3 if driven else 5)


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.timeout(7200)
@settings(
    max_examples=12, deadline=None, suppress_health_check=QUIET, phases=[Phase.generate],
    derandomize=True,
)  # fmt: skip
@given(case=cases("residual", for_lava=True))
def test_random_residual_networks_on_lava(case):
    network, data, schedule = case
    verify(network, data=data, schedule=schedule, timeout_s=LAVA_S)


def without_relays():
    layers = [x for x in network() if "~" not in x.name]
    unheld = [x.with_tables([_renamed(table) for table in x.tables]) for x in layers]
    return Network("early", tuple(unheld))


def _renamed(table):
    source = table.source and table.source.partition("~")[0]
    return replace(table, added=(), source=source)


def test_spikes_that_come_early_are_refused():
    with pytest.raises(UnsupportedLayer, match=r"b\+in: its spikes come earlier .*c\+a: its"):
        lava_cpu.run(without_relays(), np.zeros((1, 2, 7, 6, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delay": np.ones((3, 3), int)}, "a: delays in a network that is no chain"),
        ({"weight": np.full((3, 3), 3)}, "a: its weights are no even numbers"),
        ({"weight": np.full((3, 3), 256)}, "a: its weights are no even numbers"),
        ({"bias": np.full(3, 5000)}, "a: biases 5000 to 5000 exceed"),
        ({"axon_delay": np.ones(3, int)}, "a: axon delays must be moved"),
    ],
)
def test_what_lava_would_run_as_something_else_is_refused(change, message):
    more = {"weight": np.full((3, 3), 2), "neuron": LEAKY, **change}
    first = Dense("a", (3,), **more)
    second = Dense("b", (3,), np.full((3, 3), 2), neuron=LEAKY)
    other = Dense("c", (3,), np.full((3, 3), 2), neuron=LEAKY, source="a")
    heads = Network("x", (Input("in", (3,)), first, second, other))
    with pytest.raises(UnsupportedLayer, match=message):
        lava_cpu.run(heads, np.zeros((1, 3, 3), dtype=np.uint8))
