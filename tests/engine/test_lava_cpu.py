"""The Lava engine agrees with the reference engine, and leaves nothing behind however it ends."""

from __future__ import annotations

import threading

import h5py
import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.engine import fast, lava_cpu, reference
from loihi_sca.engine.lava_start import check_start
from loihi_sca.errors import ConfigError, InputError, NetworkError, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, Pool

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("nothing_left"),
]

LEAKY = Cuba(current_decay=1024, voltage_decay=128, threshold=60)
FORGETFUL = Cuba(current_decay=4096, voltage_decay=100, threshold=80)


def random_weight(rng, *shape):
    return 2 * rng.integers(-60, 70, shape)


def spatial_network(rng):
    return Network(
        "spatial",
        (
            Input("shape", (2, 7, 6)),
            Conv("padded", (2, 7, 6), random_weight(rng, 4, 2, 3, 2), neuron=LEAKY,
                 bias=rng.integers(-10, 10, 4), stride=(2, 1), padding=(1, 0)),
            Conv("grouped", (4, 4, 5), random_weight(rng, 6, 2, 2, 3), neuron=LEAKY,
                 groups=2, dilation=(2, 1)),
            Dense("hidden", (6, 2, 3), random_weight(rng, 9, 36), neuron=FORGETFUL,
                  bias=rng.integers(-5, 5, 9)),
            Dense("out", (9,), random_weight(rng, 5, 9), neuron=LEAKY),
        ),
    )  # fmt: skip


def delayed_network(rng):
    """Dense on spatial input, delays in two layers; a bias too small to spike by itself."""
    return Network(
        "delayed",
        (
            Dense("first", (2, 3, 2), random_weight(rng, 7, 12), neuron=LEAKY,
                  bias=rng.integers(-4, 5, 7), delay=rng.integers(0, 6, (7, 12))),
            Dense("second", (7,), random_weight(rng, 4, 7), neuron=LEAKY,
                  delay=rng.integers(0, 63, (4, 7)) // 8),
        ),
    )  # fmt: skip


def early_network(bias: int, delay: int) -> Network:
    """Return a network whose first layer spikes of its own if the bias is above 0, held back."""
    at_once = Cuba(current_decay=0, voltage_decay=0, threshold=0)
    one, held = np.full((1, 1), 2), np.full((1, 1), delay)
    first = Dense("first", (1,), one, neuron=at_once, bias=np.array([bias]))
    return Network("early", (first, Dense("second", (1,), one, neuron=at_once, delay=held)))


def own_decays_network(rng):
    """Dense layers of which each neuron has decays of its own."""

    def own(n):
        return Cuba(rng.integers(0, 4097, n), rng.integers(0, 4097, n), 60)

    return Network(
        "own",
        (
            Dense("first", (12,), random_weight(rng, 9, 12), neuron=own(9),
                  bias=rng.integers(-5, 6, 9)),
            Dense("second", (9,), random_weight(rng, 6, 9), neuron=own(6)),
        ),
    )  # fmt: skip


def driven_network(rng):
    """Neurons in the input layer, driven by values."""
    return Network(
        "driven",
        (
            Input("eyes", (1, 5, 4), neuron=LEAKY),
            Conv("conv", (1, 5, 4), random_weight(rng, 3, 1, 2, 2), neuron=LEAKY),
            Dense("out", (3, 4, 3), random_weight(rng, 6, 36), neuron=LEAKY),
        ),
    )


def assert_same(network, data, schedule):
    record = [layer.name for layer in network]
    expected = reference.run(network, data, schedule=schedule, record=record)
    got = lava_cpu.run(network, data, schedule=schedule, record=record)
    assert got.spikes.dtype == np.uint8
    assert 0 < expected.spikes.mean() < 1
    np.testing.assert_array_equal(got.spikes, expected.spikes)
    assert list(got.traces) == record
    for name, trace in got.traces.items():
        np.testing.assert_array_equal(trace.spikes, expected.traces[name].spikes, err_msg=name)
    assert got.activity == ()
    assert got.wall_time_s > 0


@pytest.mark.lava
@pytest.mark.parametrize("schedule", ["pipelined", "cold"])
@pytest.mark.parametrize(
    "build", [spatial_network, delayed_network, driven_network, own_decays_network]
)
def test_spikes_of_all_layers_are_those_of_the_reference(build, schedule, rng):
    network = build(rng)
    driven = isinstance(network.layers[0], Input) and network.layers[0].neuron is not None
    data = rng.integers(0, 40 if driven else 2, (3, *network.in_shape, 11))
    assert_same(network, data, schedule)


@pytest.mark.lava
def test_currents_wrap_and_voltages_saturate_as_in_the_reference(rng):
    weight = np.outer([1, -1, 1], np.full(60, 254))
    weight[2, ::2] *= -1
    neurons = Cuba(current_decay=0, voltage_decay=0, threshold=130_000)
    network = Network("extreme", (Dense("only", (60,), weight, neuron=neurons),))
    data = np.ones((2, 60, 40), dtype=int)
    expected = reference.run(network, data).activity[0]
    assert expected.current_wraps > 0
    assert expected.voltage_saturations > 0
    assert_same(network, data, "pipelined")


@pytest.mark.lava
@pytest.mark.parametrize(
    ("width", "options"),
    [(200, {}), (100, {"padding": (0, 20)}), (9, {"padding": (0, 70)}),
     (150, {"dilation": (1, 65)})],
)  # fmt: skip
def test_sizes_that_8_bits_do_not_hold(width, options, rng):
    """Lava keeps them in int8; numpy 1 counted on in 64 bits, numpy 2 does not."""
    weight = random_weight(rng, 1, 1, 1, 3)
    network = Network("wide", (Conv("c", (1, 1, width), weight, neuron=LEAKY, **options),))
    assert_same(network, rng.integers(0, 2, (1, 1, 1, width, 4)), "pipelined")


@pytest.mark.lava
def test_samples_of_one_timestep(rng):
    network = Network("small", (Dense("d", (3,), random_weight(rng, 2, 3), neuron=LEAKY),))
    assert_same(network, rng.integers(0, 2, (9, 3, 1)), "pipelined")


@pytest.mark.lava
def test_two_runs_at_once_do_not_disturb_each_other(rng):
    networks = [spatial_network(rng), spatial_network(rng)]
    data = [rng.integers(0, 2, (n, 2, 7, 6, 12)) for n in (2, 4)]
    results = [None, None]

    def work(i):
        results[i] = lava_cpu.run(networks[i], data[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, result in enumerate(results):
        np.testing.assert_array_equal(result.spikes, reference.run(networks[i], data[i]).spikes)


@pytest.mark.lava
def test_a_file_runs_as_it_is(rng, tmp_path):
    path = tmp_path / "mine.net"
    network = spatial_network(rng)
    netx.write(network, path)
    with h5py.File(path, "r+") as file:
        del file["loihi_sca"]  # as if lava-dl had written it
    before = path.read_bytes()
    data = rng.integers(0, 2, (2, 2, 7, 6, 8))
    seen = []
    result = lava_cpu.run_file(
        path, data, on_progress=lambda done, total: seen.append((done, total))
    )
    np.testing.assert_array_equal(result.spikes, reference.run(network, data).spikes)
    assert path.read_bytes() == before
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {2 * 8 + 4}


def test_a_network_of_an_input_alone_needs_no_lava():
    network = Network("eyes", (Input("eyes", (2,), neuron=LEAKY),))
    data = np.full((1, 2, 5), 40)
    expected = reference.run(network, data, record=["eyes"])
    got = lava_cpu.run(network, data, record=["eyes"])
    np.testing.assert_array_equal(got.spikes, expected.spikes)
    assert got.spikes.any()


def test_bad_input_is_refused_before_lava_starts(rng, tmp_path, nothing_left):
    network = Network("small", (Dense("d", (3,), random_weight(rng, 2, 3), neuron=LEAKY),))
    with pytest.raises(InputError, match="takes data of shape"):
        lava_cpu.run(network, np.ones((1, 4, 5), dtype=int))
    pool = Network("pool", (Pool("pool", (1, 4, 4), np.ones((2, 2), dtype=int), neuron=LEAKY),))
    with pytest.raises(UnsupportedLayer, match="pool"):
        lava_cpu.run(pool, np.ones((1, 1, 4, 4, 5), dtype=int))
    with pytest.raises(NetworkError, match="no such file"):
        lava_cpu.run_file(tmp_path / "none.net", np.ones((1, 4, 5), dtype=int))
    (tmp_path / "text.net").write_text("not HDF5")
    with pytest.raises(NetworkError, match="not a readable HDF5 file"):
        lava_cpu.run_file(tmp_path / "text.net", np.ones((1, 4, 5), dtype=int))
    assert nothing_left == []


def test_what_delays_carry_into_a_window_is_refused() -> None:
    """Found by the campaign of random networks: stock Lava spikes a step too early there."""
    quiet = np.zeros((2, 1, 3), dtype=np.uint8)
    for network in (early_network(8, 1), early_network(8, 2)):
        with pytest.raises(UnsupportedLayer, match=r"first: a bias .* what delays hold back"):
            lava_cpu.run(network, quiet)
    for network in (early_network(8, 0), early_network(0, 2)):
        check_start(network)


@pytest.mark.lava
@pytest.mark.parametrize(
    ("bias", "delay", "schedule"), [(8, 0, "pipelined"), (0, 2, "pipelined"), (8, 2, "cold")]
)
def test_what_delays_do_not_carry_into_a_window_is_exact(bias, delay, schedule) -> None:
    data = np.array([[[1, 0, 0, 0]], [[0, 1, 1, 0]]], dtype=np.uint8)
    network = early_network(bias, delay)
    found, expected = (e.run(network, data, schedule=schedule) for e in (lava_cpu, reference))
    assert expected.spikes.any()
    assert np.array_equal(found.spikes, expected.spikes)


@pytest.mark.parametrize("engine", [reference, fast, lava_cpu])
def test_a_schedule_that_is_none_is_named(engine) -> None:
    with pytest.raises(ConfigError, match="schedule 'colt': pipelined or cold"):
        engine.run(early_network(0, 0), np.zeros((1, 1, 3), dtype=np.uint8), schedule="colt")
