"""Where counts come from, and counts that cannot be."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from loihi_sca.engine import reference
from loihi_sca.errors import InputError
from loihi_sca.hardware import describe, estimate, load_profile
from loihi_sca.hardware.cost.activity import from_rates, from_run, from_totals
from loihi_sca.hardware.cost.activity_file import from_json, read_activity
from loihi_sca.hardware.mapping.usage import connections
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, Pool

NEURON = Cuba(1024, 128, 80)


def network(first=None):
    conv = Conv(
        "conv", (4, 9, 7), np.full((6, 2, 3, 3), 2), groups=2, stride=(2, 1), padding=(1, 0),
        neuron=NEURON,
    )  # fmt: skip
    pool = Pool("pool", conv.out_shape, np.full((1, 2), 64), stride=(1, 2), neuron=NEURON)
    dense = Dense("dense", pool.out_shape, np.full((3, np.prod(pool.out_shape)), 2), neuron=NEURON)
    layers = (conv, pool, dense) if first is None else (first, conv, pool, dense)
    return Network("net", layers, timesteps=5)


@pytest.fixture(params=["loihi1", "loihi2"])
def profile(request):
    return load_profile(request.param)


def test_connections_are_the_sum_of_fan_outs():
    net = network()
    for layer, spec in zip(net, describe(net).layers, strict=True):
        assert connections(spec.geometry) == layer.fan_out().sum()


@pytest.mark.parametrize(
    "first", [None, Input("in", (4, 9, 7)), Input("in", (4, 9, 7), neuron=NEURON)]
)
def test_counts_of_a_run(first, profile):
    net = network(first)
    rng = np.random.default_rng(0)
    data = (rng.random((2, 4, 9, 7, 5)) < 0.3).astype(int)
    run = reference.run(net, data)
    activity = from_run(run.activity, describe(net), profile, 2, None)
    assert activity.timesteps == 5
    assert activity.synops == sum(a.synops for a in run.activity) / 2
    each = profile.compartments_per_neuron("cuba")
    assert activity.updates == sum(a.updates for a in run.activity) * each / 2
    if first is not None and first.neuron is None:
        assert activity.input_spikes == data.sum() / 2
    elif first is None:
        # derived from synops; exact only for uniform input, as borders have fewer synapses
        assert activity.input_spikes == pytest.approx(data.sum() / 2, rel=0.1)
    else:
        assert activity.input_spikes == 0


def test_counts_of_a_network_of_other_sizes_are_refused(profile):
    run = reference.run(network(), np.ones((1, 4, 9, 7, 5), int))
    wider = replace(
        network().layers[-1], weight=np.full((8, network().layers[-1].weight.shape[1]), 2)
    )
    other = Network("wider", (*network().layers[:-1], wider), timesteps=5)
    with pytest.raises(InputError, match="of 3 neurons in dense, and network 'wider' has 8 there"):
        from_run(run.activity, describe(other), profile, 1, None)


def test_rates_per_layer(profile):
    net = network(Input("in", (4, 9, 7)))
    own = {"input": 0.5, "conv": 0.25}
    activity = from_rates(describe(net), profile, 0.1, rates=own)
    by_name = {x.name: x for x in activity.layers}
    assert activity.input_spikes == 0.5 * 5 * 4 * 9 * 7
    assert by_name["conv"].synops == pytest.approx(0.5 * 5 * net["conv"].fan_out().sum())
    assert by_name["pool"].synops == pytest.approx(0.25 * 5 * net["pool"].fan_out().sum())
    assert by_name["dense"].synops == pytest.approx(0.1 * 5 * net["dense"].fan_out().sum())


def test_the_rate_of_a_first_layer_is_not_that_of_its_input(profile):
    """What comes from the host has a name of its own, where no layer stands for it."""
    own = {"conv": 0.25}
    activity = from_rates(describe(network()), profile, 0.1, rates=own)
    assert activity.input_spikes == pytest.approx(0.1 * 5 * 4 * 9 * 7)
    assert activity == from_rates(describe(network()), profile, 0.1, rates={**own, "input": 0.1})


def test_a_rate_of_the_input_is_counted_or_refused(profile):
    port = describe(network(Input("in", (4, 9, 7))))
    named = from_rates(port, profile, 0.1, rates={"in": 0.5})
    assert named == from_rates(port, profile, 0.1, rates={"input": 0.5})
    with pytest.raises(InputError, match="in and input are the same spikes"):
        from_rates(port, profile, 0.1, rates={"in": 0.5, "input": 0.5})
    driven = describe(network(Input("in", (4, 9, 7), neuron=Cuba(4096, 0, 60))))
    with pytest.raises(InputError, match=r"no spikes come from the host: .* Give the rate of in"):
        from_rates(driven, profile, 0.1, rates={"input": 0.5})
    assert from_rates(driven, profile, 0.1, rates={"in": 0.5}).layers[0].spikes == 0.5 * 5 * 252


LAYERS = ("conv", "pool", "dense")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, p: from_rates(a, p, -0.1), "rate is -0.1"),
        (lambda a, p: from_rates(a, p, 2), "rate is 2; spikes per neuron and step are from 0 to 1"),
        (lambda a, p: from_rates(a, p, float("nan")), "rate is nan"),
        (lambda a, p: from_rates(a, p, ".1"), "rate is '.1'; spikes per neuron and step are from"),
        (lambda a, p: from_rates(a, p, 0.1, rates={"cov": 1}), r"unknown layers \['cov'\]"),
        (lambda a, p: from_run((), a, p, 1, 1), "names the layers"),
        (lambda a, p: from_json([], a, p), "must be a JSON object"),
        (lambda a, p: from_json({}, a, p), "needs 'synops'"),
        (lambda a, p: from_json({"synops": -1}, a, p), "synops is -1"),
        (lambda a, p: from_json({"synops": 1, "updatse": 1}, a, p), r"unknown keys \['updatse'\]"),
        (lambda a, p: from_json({"synops": 1, "samples": 0}, a, p), "samples is 0"),
        (lambda a, p: from_json({"synops": 1, "timesteps": "x"}, a, p), "timesteps is 'x'"),
        (lambda a, p: from_json({"layers": 3}, a, p), "must be a list of objects"),
        (lambda a, p: from_json({"layers": []}, a, p), "no counts for layer 'conv'"),
        (
            lambda a, p: from_json(
                {"layers": [{"name": n, "spikes": 1, "synops": "many"} for n in LAYERS]}, a, p
            ),
            "synops is 'many'",
        ),
    ],
)
def test_counts_that_cannot_be(call, message, profile):
    with pytest.raises(InputError, match=message):
        call(describe(network()), profile)


@pytest.mark.parametrize(
    ("about", "of_dense", "message"),
    [
        ({"sample": 100}, {}, r"unknown keys \['sample'\]; known are .*'samples'"),
        ({}, {"spike": 1}, r"layer 'dense': unknown keys \['spike'\]"),
        ({}, {"spikes": None}, "layer 'dense' lacks spikes"),
        ({}, {"synops": None}, "layer 'dense' lacks synops"),
        ({}, {"name": "dens"}, r"a layer 'dens'; network .* has \['conv', 'pool', 'dense'\]"),
        ({}, {"name": "pool"}, "layer 'pool' is there twice"),
        ({}, {"spikes": 16}, "16 spikes of 'dense' per sample of 5 timesteps; it has 15 when"),
        ({}, {"synops": 1e6}, r"1e\+06 synops of 'dense' .* Give the samples \(1 now\)"),
        ({}, {"updates": 1e5}, r"100000 updates of 'dense' .* Give the samples \(1 now\)"),
        ({"input_spikes": 1e4}, {}, "10000 spikes of 'the input' .* it has 1260 when"),
        ({"samples": 10**400}, {}, "samples is 1000"),
        ({"timesteps": 10**400}, {}, "timesteps is 1000"),
        ({}, {"synops": 10**400}, "synops is 1000"),
        ({"samples": True}, {}, "samples is True"),
        ({"timesteps": True}, {}, "timesteps is True"),
        ({}, {"spikes": True}, "spikes is True"),
    ],
)
def test_counts_per_layer_are_all_read_or_refused(about, of_dense, message, profile):
    layers = [{"name": n, "spikes": 1, "synops": 1} for n in LAYERS]
    net = describe(network())
    assert from_json({"layers": layers}, net, profile).spikes > 3
    layers[-1] = {k: v for k, v in {**layers[-1], **of_dense}.items() if v is not None}
    with pytest.raises(InputError, match=message):
        from_json({"layers": layers, **about}, net, profile)


def test_what_estimate_and_simulate_print_is_no_activity(profile):
    # the one has no counts where they are looked for, the other an update per neuron
    net = network()
    run = reference.run(net, np.ones((1, 4, 9, 7, 5), dtype=int))
    for known in (estimate(net, profile, rate=0.1), run):
        with pytest.raises(InputError, match=r"unknown keys .*'network'"):
            from_json(known.as_json(), describe(net), profile)


def test_steps_must_be_known(profile):
    net = network().replace(timesteps=None)
    with pytest.raises(InputError, match="need the timesteps"):
        from_rates(describe(net), profile, 0.1)


def test_totals_are_kept(profile):
    activity = from_totals(describe(network()), profile, 1e4, 2e3, 30)
    assert activity.synops == pytest.approx(1e4)
    assert activity.updates == pytest.approx(2e3)
    assert activity.spikes == pytest.approx(30)


def test_totals_beyond_every_neuron_at_every_step_are_refused(profile):
    with pytest.raises(InputError, match=r"1e\+06 synops per sample of 5 .* the network has 13200"):
        from_totals(describe(network()), profile, 1e6)
    with pytest.raises(InputError, match=r"1e\+06 updates per sample of 5 .* the network has"):
        from_totals(describe(network()), profile, 1e4, 1e6)


def test_a_file_of_totals(tmp_path, profile):
    path = tmp_path / "counts.json"
    path.write_text(json.dumps({"synops": 2e4, "updates": 4e3, "samples": 2, "timesteps": 7}))
    activity = read_activity(path, describe(network()), profile)
    assert activity.synops == pytest.approx(1e4)
    assert activity.updates == pytest.approx(2e3)
    assert activity.timesteps == 7
    assert read_activity(path, describe(network()), profile, timesteps=7) == activity
    with pytest.raises(InputError, match="is of 7 timesteps per sample, and 3 are given"):
        read_activity(path, describe(network()), profile, timesteps=3)


def test_a_file_per_layer(tmp_path, profile):
    path = tmp_path / "counts.json"
    layers = [
        {"name": "in", "spikes": 40},
        {"name": "conv", "spikes": 10, "synops": 100, "updates": 50},
        {"name": "pool", "spikes": 20, "synops": 200},
        {"name": "dense", "spikes": 2, "synops": 300, "updates": 5},
    ]
    path.write_text(json.dumps({"layers": layers, "samples": 2, "source": "my chip"}))
    net = network(Input("in", (4, 9, 7)))
    activity = read_activity(path, describe(net), profile)
    assert activity.input_spikes == 20
    assert [x.synops for x in activity.layers] == [0, 50, 100, 150]
    assert activity.layers[1].updates == 25
    assert activity.layers[2].updates == 5 * 60 * profile.compartments_per_neuron("cuba")
    assert activity.source == "my chip"


def test_a_file_that_is_not_there_or_not_json(tmp_path, profile):
    with pytest.raises(InputError, match="No such file"):
        read_activity(tmp_path / "none.json", describe(network()), profile)
    path = tmp_path / "bad.json"
    path.write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        read_activity(path, describe(network()), profile)
