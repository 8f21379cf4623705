"""NeuroBench's metrics beside our counts: equal where they should be, told apart where not."""

import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from network_strategies import data_for, networks

torch = pytest.importorskip("torch")

from loihi_sca.errors import BackendError, UnsupportedLayer  # noqa: E402
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, Pool  # noqa: E402
from loihi_sca.pipeline.neurobench import neurobench  # noqa: E402
from loihi_sca.pipeline.torch_network import NetworkModule  # noqa: E402


def small(zeros: bool) -> Network:
    rng = np.random.default_rng(0)

    def weight(*shape: int) -> np.ndarray:
        drawn = 2 * rng.integers(1, 60, shape) * rng.choice([-1, 1, 1], shape)
        return np.where(rng.random(shape) < 0.3, 0, drawn) if zeros else drawn

    layers = (
        Input("in", (2, 8, 8)),
        Conv("c", (2, 8, 8), weight(4, 1, 3, 3), groups=2, padding=(1, 1), stride=(2, 2),
             bias=np.arange(4), neuron=Cuba(4096, 300, 90)),
        Pool("p", (4, 4, 4), np.full((2, 2), 64), stride=(2, 2), neuron=Cuba(4096, 4096, 60)),
        Dense("d", (4, 2, 2), weight(10, 16), neuron=Cuba(1024, 128, 100)),
    )  # fmt: skip
    return Network("small", layers, timesteps=12)


@pytest.fixture
def spikes() -> np.ndarray:
    return (np.random.default_rng(1).random((5, 2, 8, 8, 12)) < 0.3).astype(np.uint8)


@pytest.fixture
def theirs():
    return pytest.importorskip("neurobench", reason="pip install 'loihi-sca[neurobench]'")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(), network=networks(delays=False, axon_delays=False, pools=False, recurrent=False)
)
def test_the_module_that_is_counted_sends_the_same_spikes(data, network) -> None:
    from loihi_sca.engine import fast

    values = data.draw(data_for(network))
    # sums of 64 bits of floating point; what grows beyond is no network of a chip
    assume(all(np.abs(x.weight).max() < 1 << 20 for x in network if not isinstance(x, Input)))
    with torch.no_grad():
        sent = NetworkModule(network)(torch.from_numpy(values.astype(np.int64)))
    assert np.array_equal(sent.numpy(), fast.run(network, values).spikes)


def test_without_zeros_all_agree(theirs, spikes) -> None:
    found = neurobench(small(zeros=False), spikes)
    assert all(x.agree for x in found.compared), str(found.table())
    told = {x.name: x for x in found.compared}
    assert told["Effective_ACs"].ours > 1000
    assert told["Footprint"].theirs == 4 * 9 + 4 + 4 * 4 + 160  # bytes: all fit 8 bits
    assert 0 < told["ActivationSparsity"].theirs < 1


def test_stored_zeros_are_told(theirs, spikes) -> None:
    found = neurobench(small(zeros=True), spikes)
    told = {x.name: x for x in found.compared}
    assert [x.name for x in found.compared if not x.agree] == ["Effective_ACs"]
    assert told["Effective_ACs"].ours > told["Effective_ACs"].theirs > 0
    assert "stored weights are 0: the chip visits them" in told["Effective_ACs"].note
    assert "stored weights are 0" in " ".join(str(found.table()).split())
    assert found.as_json()["metrics"][2]["agree"] is False


def test_networks_that_start_with_neurons(theirs) -> None:
    rng = np.random.default_rng(0)
    layers = (
        Input("in", (1, 5, 5), neuron=Cuba(4096, 300, 50)),
        Dense("d", (1, 5, 5), 2 * rng.integers(1, 50, (7, 25)), neuron=Cuba(4096, 300, 60)),
    )
    values = np.repeat(rng.integers(0, 40, (3, 1, 5, 5, 1)), 9, axis=-1).astype(np.int16)
    assert all(x.agree for x in neurobench(Network("x", layers), values).compared)


@pytest.mark.train
def test_a_weight_norm_is_folded_where_the_model_is_compiled(theirs, spikes) -> None:
    """NeuroBench itself counts through the weight that the norm has not been applied to yet."""
    import loihi_sca
    from loihi_sca.slayer.lava import slayer

    cuba = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}
    torch.manual_seed(0)
    block = slayer.block.cuba.Dense(
        cuba, 128, 10, weight_norm=True, weight_scale=3, delay_shift=False
    )
    model = torch.nn.Sequential(block)
    compiled = loihi_sca.compile(model, (128,), 12)
    found = neurobench(compiled.network, spikes.reshape(5, 128, 12))
    told = {x.name: x for x in found.compared}
    assert told["Effective_ACs"].theirs > 0
    zeros = int((compiled.layers[-1].weight == 0).sum())
    assert told["Effective_ACs"].agree == (zeros == 0)
    assert told["ConnectionSparsity"].agree


def test_an_exception_stays_one(theirs, spikes, monkeypatch) -> None:
    from neurobench.metrics.workload import SynapticOperations

    def fail(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(SynapticOperations, "__call__", fail)
    with pytest.raises(BackendError, match="SynapticOperations failed"):
        neurobench(small(zeros=False), spikes)


def test_delays_are_refused(theirs) -> None:
    weight = np.full((2, 3), 4)
    layer = Dense("d", (3,), weight, delay=np.ones((2, 3), int), neuron=Cuba(4096, 0, 1))
    with pytest.raises(UnsupportedLayer, match="d has delays"):
        neurobench(Network("x", (layer,)), np.ones((1, 3, 4), np.uint8))


def test_without_neurobench_an_error_says_what_to_do(spikes, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "neurobench", None)
    for name in [x for x in sys.modules if x.startswith("neurobench.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match=r"pip install 'loihi-sca\[neurobench\]'"):
        neurobench(small(zeros=False), spikes)
