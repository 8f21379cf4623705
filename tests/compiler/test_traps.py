"""What stock lava-dl does to networks without a word, and what we do: a test for each case.

Stock lava-dl runs in one child process (:mod:`stock_lava`) on files that its own blocks exported.
"""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from stock_lava import export, run_stock

import loihi_sca
from loihi_sca import netx
from loihi_sca.engine import fast, reference
from loihi_sca.errors import NotBitExact, UnsupportedLayer
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.network import Cuba, Dense, Network
from loihi_sca.slayer.lava import slayer

pytestmark = [
    pytest.mark.lava,
    pytest.mark.timeout(300),
]

cuba = slayer.block.cuba
MeanNorm, ScaleNorm = slayer.neuron.norm.MeanOnlyBatchNorm, slayer.neuron.norm.WgtScaleBatchNorm
STEPS = 24


def neuron(**more):
    return {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1, **more}


def conv(*args, **more):
    return cuba.Conv(more.pop("params", neuron()), *args, weight_scale=3, **more)


def dense(*args, **more):
    return cuba.Dense(more.pop("params", neuron()), *args, weight_scale=3, **more)


def delayed(block, *steps):
    block.delay.delay.data, block.delay.init = torch.tensor(steps).float(), True
    return block


def with_weight(block, *rows):
    weight = torch.tensor(rows, dtype=torch.float32) / 64
    block.synapse.weight.data = weight.reshape(block.synapse.weight.shape)
    return block


def with_threshold(block, threshold):
    block.neuron._threshold = threshold  # as of a block that learns it
    return block


def mean_norm():
    params = neuron(norm=MeanNorm, voltage_decay=0.01)
    return [dense(6, 9, params=dict(params)), dense(9, 4, params=params)], 6


def scale_norm():
    return [dense(6, 9, params=neuron(norm=ScaleNorm)), dense(9, 4)], 6


def pool():
    return [
        conv(2, 3, 3),
        cuba.Pool(neuron(), 2, weight_scale=1.5),
        cuba.Flatten(),
        dense(12, 4),
    ], (2, 6, 6)


def many_groups():
    return [conv(128, 128, 1, groups=128), cuba.Flatten(), dense(512, 4)], (128, 2, 2)


def dense_delay():
    return [delayed(dense(6, 5, delay=True), 0, 3, 1, 5, 2), dense(5, 4)], 6


def dense_delay_and_bias():
    params = neuron(norm=MeanNorm)
    return [delayed(dense(6, 5, params=params, delay=True), 0, 3, 1, 5, 2), dense(5, 4)], 6


def conv_delay():
    return [delayed(conv(2, 3, 2, delay=True), 3, 1, 6), cuba.Flatten(), dense(48, 4)], (2, 5, 5)


def zero_dense():
    return [dense(6, 5), with_weight(dense(5, 2), *[[0] * 5] * 2)], 6


def negative_dense():
    # the hidden neurons only inhibit, and spike by their bias unless they do
    hidden = with_weight(dense(6, 2, params=neuron(norm=MeanNorm)), [-2] * 6, [-2] * 6)
    return [hidden, with_weight(dense(2, 2), [90, 60], [70, 80])], 6


def plain():
    return [dense(6, 9), dense(9, 4)], 6


def input_neurons():
    params = neuron(current_decay=1.0, threshold=0.5)
    return [cuba.Input(params), dense(6, 4)], 6


MODELS = (
    mean_norm, scale_norm, pool, many_groups, dense_delay, dense_delay_and_bias, conv_delay,
    zero_dense, negative_dense, plain, input_neurons,
)  # fmt: skip


class Case:
    """A model, its input, and what SLAYER itself makes of it."""

    def __init__(self, build):
        torch.manual_seed(4)
        rng = np.random.default_rng(4)
        blocks, shape = build()
        self.shape = shape if isinstance(shape, tuple) else (shape,)
        self.model = torch.nn.Sequential(*blocks).train()
        self.spikes = (rng.random((1, *self.shape, STEPS)) < 0.3).astype(np.uint8)
        with torch.no_grad():
            self.model(torch.from_numpy(self.spikes).float())
            for part in self.model.modules():
                if isinstance(part, MeanNorm):
                    part.running_mean = torch.linspace(-0.4, 0.2, part.num_features)
                if isinstance(part, ScaleNorm):
                    part.running_var = torch.tensor([9.0])  # halved twice
        self.model.eval()
        self.expected = list(spikes_of(self.model, self.spikes).values())[-1]

    def without_shift(self):
        for block in self.model:
            block.delay_shift = False
        self.expected = list(spikes_of(self.model, self.spikes).values())[-1]
        assert self.expected.any()
        return self

    def compiled_is_exact(self, **options):
        network = loihi_sca.compile_slayer(self.model, self.shape, STEPS, **options)
        for engine in (reference, fast):
            actual = engine.run(network, self.spikes).spikes.reshape(self.expected.shape)
            np.testing.assert_array_equal(actual, self.expected)
        return network


def case(build):
    return Case(build)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Outputs of stock lava-dl, by the name of the model; a text where it failed."""
    folder = tmp_path_factory.mktemp("stock")
    jobs = {}
    for build in MODELS:
        made = Case(build)
        export(made.model, folder / f"{build.__name__}.net")
        jobs[build.__name__] = {"net": folder / f"{build.__name__}.net", "spikes": made.spikes[0]}
    jobs["untagged"] = {**jobs["plain"], "tag": None}
    jobs["open"] = {**jobs["plain"], "load_only": True}
    return run_stock(jobs, folder)


def agrees(output, expected):
    """Tell whether spikes are the same, with any shift in time."""
    output, expected = output.reshape(-1, STEPS), expected.reshape(-1, STEPS)
    same = (
        np.array_equal(output[:, late : STEPS - 4 + late], expected[:, wait : STEPS - 4 + wait])
        for late in range(4)
        for wait in range(4)
    )
    return expected.any() and any(same)


def test_plain_networks_are_right_in_stock_too(stock):
    assert agrees(stock["plain"], case(plain).expected)
    case(plain).without_shift().compiled_is_exact()


def test_mean_only_norm(stock):
    assert not agrees(stock["mean_norm"], case(mean_norm).expected)
    case(mean_norm).without_shift().compiled_is_exact()


def test_weight_scale_norm(stock):
    made = case(scale_norm)
    assert not agrees(stock["scale_norm"], made.expected)
    with pytest.raises(UnsupportedLayer, match=r"0-dense: WgtScaleBatchNorm .*fold_batchnorm"):
        loihi_sca.compile_slayer(made.model, made.shape, STEPS)


def test_pool(stock):
    assert stock["pool"].startswith("NotImplementedError")
    case(pool).without_shift().compiled_is_exact()


def test_many_groups(stock):
    assert isinstance(stock["many_groups"], str) or not stock["many_groups"].any()
    network = case(many_groups).without_shift().compiled_is_exact()
    assert network["0-conv"].groups == 64


def test_dense_delay_without_bias(stock):
    assert agrees(stock["dense_delay"], case(dense_delay).expected)
    case(dense_delay).without_shift().compiled_is_exact()


def test_dense_delay_with_bias(stock):
    assert not agrees(stock["dense_delay_and_bias"], case(dense_delay_and_bias).expected)
    network = case(dense_delay_and_bias).without_shift().compiled_is_exact()
    assert network["0-dense"].delay is None
    assert network["1-dense"].delay is not None


def test_conv_delay(stock):
    made = case(conv_delay)
    assert not agrees(stock["conv_delay"], made.expected)
    made.model[0].delay = None
    assert agrees(stock["conv_delay"], list(spikes_of(made.model, made.spikes).values())[-1])
    case(conv_delay).without_shift().compiled_is_exact()
    torch.manual_seed(0)
    twice = [delayed(conv(2, 3, 2, delay=True), 3, 1, 6), conv(3, 2, 2)]
    with pytest.raises(UnsupportedLayer, match="whose delays netx drops without a word"):
        loihi_sca.compile_slayer(twice, (2, 5, 5), STEPS)


@pytest.mark.parametrize("end", ["average", "affine", "decimation"])
def test_readouts(tmp_path, end):
    block = {
        "average": cuba.Average(2),
        "affine": cuba.Affine(neuron(), 4, 3, dynamics=False),
        "decimation": cuba.TimeDecimation(2),
    }[end]
    model = torch.nn.Sequential(dense(6, 4), block).eval()
    with torch.no_grad():
        model(torch.zeros(1, 6, 4))
    if end == "affine":  # exported as a dense layer with the neuron of an integrator
        export(model, tmp_path / "stock.net")
        with h5py.File(tmp_path / "stock.net") as file:
            assert file["layer/1/type"][0] == b"dense"
            assert "neuron" not in file["layer/1"]
    else:
        with pytest.raises(AttributeError):
            export(model, tmp_path / "stock.net")
    if end == "decimation":
        with pytest.raises(UnsupportedLayer, match=r"1-timedecimation: .*averages over time"):
            loihi_sca.compile_slayer(model, (6,), STEPS)
    else:
        network = loihi_sca.compile_slayer(model, (6,), STEPS)
        assert (len(network.layers), network.readout.kind) == (2, end)


def test_zero_dense(stock):
    assert stock["zero_dense"].startswith("OverflowError")
    made = case(zero_dense)
    with pytest.raises(UnsupportedLayer, match="1-dense: all its weights are zero"):
        loihi_sca.compile_slayer(made.model, made.shape, STEPS)


def test_negative_dense(stock):
    made = case(negative_dense)
    # its bias would be wrong by a step too: compare with the weights that netx makes of it
    assert not agrees(stock["negative_dense"], made.expected)
    network = made.without_shift().compiled_is_exact()
    assert network["0-dense"].weight.max() == 2


def test_wrapping_currents():
    weight = np.full((2, 700), 254)
    layer = Dense("a", (700,), weight, neuron=Cuba(1024, 128, 60))
    data = np.ones((1, 700, 3), dtype=np.uint8)
    result = reference.run(Network("net", (layer,)), data)
    assert result.activity[0].current_wraps > 0
    assert fast.run(Network("net", (layer,)), data).activity == result.activity
    model = torch.nn.Sequential(
        with_weight(
            cuba.Dense(
                neuron(current_decay=0.25, voltage_decay=0.03125, threshold=0.9375),
                700,
                2,
                delay_shift=False,
            ),
            *weight.tolist(),
        )
    ).eval()
    slayers = spikes_of(model, data)["0-dense"]
    assert (slayers != result.spikes).any()
    compiled = loihi_sca.compile_slayer(model, (700,), 3)
    assert "0-dense: currents of up to" in compiled.metadata["compiler"]
    assert compiled.proof is None
    with pytest.raises(NotBitExact, match="0-dense, first at sample 0, neuron"):
        loihi_sca.compile_slayer(model, (700,), 3, proof_data=data)


def test_no_select_tag(stock):
    assert not agrees(stock["untagged"], case(plain).expected)


def test_input_with_neurons(stock):
    made = case(input_neurons)
    assert made.expected.any()
    assert isinstance(stock["input_neurons"], str) or not stock["input_neurons"].any()
    made.without_shift()
    network = loihi_sca.compile_slayer(made.model, made.shape, STEPS, proof_samples=1)
    assert network.layers[0].weight == 64
    slow = cuba.Input(neuron(current_decay=0.5), delay_shift=False)
    with pytest.raises(UnsupportedLayer, match=r"0-input: .*only with current_decay=1"):
        loihi_sca.compile_slayer([slow, dense(6, 4)], (6,), STEPS)


def test_the_file_is_closed(stock, tmp_path):
    assert stock["open"] == 1
    made = case(plain)
    path = tmp_path / "ours.net"
    netx.write(loihi_sca.compile_slayer(made.model, made.shape, STEPS), path)
    netx.read(path)
    with h5py.File(path, "r+"):  # HDF5 refuses while it is open for reading
        pass


THRESHOLDS = {"threshold_step": 0.1, "threshold_decay": 0.1, "refractory_decay": 0.1}
RESONATOR = {"threshold": 1.0, "period": 10, "decay": 0.1}

REFUSED = {
    "graded_spike": (lambda: dense(6, 4, params=neuron(graded_spike=True)), "graded_spike=True"),
    "persistent_state": (
        lambda: dense(6, 4, params=neuron(persistent_state=True)), "persistent_state=True",
    ),
    "alif": (lambda: slayer.block.alif.Dense(neuron(**THRESHOLDS), 6, 4), "alif.Dense"),
    "adrf": (
        lambda: slayer.block.adrf.Dense({**RESONATOR, **THRESHOLDS}, 6, 4), "adrf.Dense",
    ),
    "adrf_iz": (
        lambda: slayer.block.adrf_iz.Dense({**RESONATOR, **THRESHOLDS}, 6, 4), "adrf_iz.Dense",
    ),
    "rf.Conv": (lambda: slayer.block.rf.Conv(RESONATOR, 6, 4, 1), "rf.Conv"),
    "rf_iz.Conv": (lambda: slayer.block.rf_iz.Conv(RESONATOR, 6, 4, 1), "rf_iz.Conv"),
    "rf.Input": (lambda: slayer.block.rf.Input(RESONATOR), "rf.Input"),
    "rf_iz.Input": (lambda: slayer.block.rf_iz.Input(RESONATOR), "rf_iz.Input"),
    "KWTA": (lambda: cuba.KWTA(neuron(), 6, 4, 2), "block KWTA"),
    "ConvT": (lambda: cuba.ConvT(neuron(), 6, 4, 2), "block ConvT"),
    "Unpool": (lambda: cuba.Unpool(neuron(), 2), "block Unpool"),
    "torch": (lambda: torch.nn.ReLU(), "ReLU is no block of slayer.block.cuba"),
    "pre_hook_fx": (lambda: dense(6, 4, pre_hook_fx=None), "not whole after quantisation"),
    "threshold": (lambda: dense(6, 4, params=neuron(threshold=64)), "its threshold is 64"),
    "threshold between two mantissas": (
        lambda: with_threshold(dense(6, 4), 0.77), "its threshold is 0.77, between two mantissas",
    ),
    "mask": (
        lambda: dense(6, 4, weight_norm=True, mask=torch.ones(4, 6)), "the mask has no effect",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    build, message = REFUSED[name]
    (problem, *others) = loihi_sca.check([build()], (6,))
    assert message in str(problem)
    assert problem.instead or name in ("pre_hook_fx", "mask")
    assert not others
    with pytest.raises(UnsupportedLayer, match="0-"):
        loihi_sca.compile_slayer([build()], (6,), STEPS)


@pytest.mark.parametrize(
    ("options", "shape"),
    [({"stride": 1}, (2, 4, 4)), ({"padding": 1}, (2, 4, 4)), ({}, (2, 5, 4)),
     ({"dilation": 2, "stride": 2}, (2, 4, 4))],
)  # fmt: skip
def test_pools_that_mix_channels_are_refused(options, shape):
    (problem,) = loihi_sca.check([cuba.Pool(neuron(), 2, **options)], shape)
    assert "windows mix channels" in str(problem)


def test_slayer_spikes_at_a_threshold_of_64_and_the_chip_does_not():
    blocks = torch.nn.Sequential(
        with_weight(
            dense(
                32,
                1,
                params=neuron(threshold=64.0, voltage_decay=0.0, current_decay=1.0),
                delay_shift=False,
            ),
            [128] * 32,
        )
    ).eval()
    data = np.zeros((1, 32, 3), dtype=np.uint8)
    data[..., 1] = 1  # a voltage of exactly 64
    assert spikes_of(blocks, data)["0-dense"].any()
    layer = Dense("a", (32,), np.full((1, 32), 128), neuron=Cuba(4096, 0, 64 * 64))
    assert not reference.run(Network("net", (layer,)), data).spikes.any()


def test_a_subclass_with_its_own_forward_is_refused():
    class Louder(cuba.Dense):
        def forward(self, x):
            return super().forward(2 * x)

    (problem,) = loihi_sca.check([Louder(neuron(), 6, 4)], (6,))
    assert "Louder overrides the forward pass of slayer.block.cuba.Dense" in str(problem)


def test_all_problems_are_told_at_once():
    blocks = [
        conv(2, 3, 2, params=neuron(norm=ScaleNorm, graded_spike=True)),
        cuba.ConvT(neuron(), 3, 2, 2),
        dense(8, 4, params=neuron(persistent_state=True)),
        cuba.Average(2),
        dense(4, 4),
    ]
    problems = loihi_sca.check(blocks, (2, 5, 5))
    assert [p.layer for p in problems] == ["0-conv", "0-conv", "1-convt", "2-dense", "4-dense"]
    with pytest.raises(UnsupportedLayer, match="5 problems:"):
        loihi_sca.compile_slayer(blocks, (2, 5, 5), STEPS)
