"""SLAYER in evaluation, the exported and the compiled network send the same spikes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slayer_models import models

import loihi_sca
from loihi_sca.compiler.compare import assert_same_spikes
from loihi_sca.engine import fast, reference
from loihi_sca.errors import ConfigError, InputError, NetworkError, UnsupportedLayer
from loihi_sca.frontend.export import to_network
from loihi_sca.frontend.recording import spikes_of
from loihi_sca.model.copying import copied
from loihi_sca.network import Dense as DenseLayer
from loihi_sca.slayer.lava import slayer

cuba = slayer.block.cuba
Norm = slayer.neuron.norm.MeanOnlyBatchNorm
NEURON = {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1}
STEPS = 20


@pytest.fixture
def rng():
    torch.manual_seed(3)
    return np.random.default_rng(3)


def neuron(**more):
    return {**NEURON, **more}


def spikes(rng, *shape, rate=0.3):
    return (rng.random((2, *shape, STEPS)) < rate).astype(np.uint8)


def trained(model, shape, rng):
    """Let norms see data, and give them biases that count."""
    model.train()
    with torch.no_grad():
        model(torch.from_numpy(spikes(rng, *shape)).float())
        for part in model.modules():
            if isinstance(part, Norm):
                part.running_mean += 0.2 * torch.randn_like(part.running_mean)
    return model.eval()


def prove(model, shape, rng, **options):
    """Compile and compare: SLAYER, what is exported, what is compiled, on both engines."""
    data = spikes(rng, *shape)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    sent = spikes_of(model, data)
    exported = to_network(model, timesteps=STEPS, input_shape=shape)
    names = list(sent)
    traces = reference.run(exported, data, record=names).traces
    ours = {n: traces[n].spikes.reshape(sent[n].shape) for n in names}
    assert_same_spikes(sent, ours, "SLAYER and the reference")
    compiled = loihi_sca.compile_slayer(model, shape, STEPS, **options)
    output = sent[names[-1]]
    assert output.any()
    for engine in (reference, fast):
        np.testing.assert_array_equal(
            engine.run(compiled, data).spikes.reshape(output.shape), output
        )
    after = model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    return compiled


def conv(*args, **more):
    return cuba.Conv(more.pop("params", neuron()), *args, delay_shift=False, weight_scale=3, **more)


def dense(*args, **more):
    return cuba.Dense(
        more.pop("params", neuron()), *args, delay_shift=False, weight_scale=3, **more
    )


def set_delays(block, *steps):
    block.delay.delay.data = torch.tensor(steps).float()
    block.delay.init = True
    return block


# --- what is supported --------------------------------------------------------------------------


def test_a_stack_with_everything(rng):
    normed = neuron(norm=Norm, dropout=slayer.neuron.Dropout(0.2))
    model = torch.nn.Sequential(
        conv(2, 6, (3, 2), stride=(2, 1), padding=(1, 2), params=normed, weight_norm=True),
        torch.nn.Dropout(0.5),
        cuba.Pool(neuron(), 2, delay_shift=False, weight_scale=1.5),
        conv(6, 4, 3, padding=2, dilation=2, groups=2, params=dict(normed)),
        cuba.Flatten(),
        dense(4 * 3 * 6, 9, params=dict(normed), weight_norm=True),
        dense(9, 5),
    )
    trained(model, (2, 11, 9), rng)
    network = prove(model, (2, 11, 9), rng)
    assert network.timesteps == STEPS
    assert [x.name for x in network] == [
        "input", "0-conv", "2-pool", "3-conv", "5-dense", "6-dense",
    ]  # fmt: skip
    assert '"pass": "lower_pool"' in network.metadata["compiler"]
    assert model[0].synapse.weight_norm_enabled


class Lavaish(torch.nn.Module):
    """lava-dl's usual idiom."""

    def __init__(self, *blocks):
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)

    def forward(self, x):
        count = []
        for block in self.blocks:
            x = block(x)
            count.append(x.mean())
        return x, torch.stack(count)


def test_a_module_with_blocks_and_a_list_of_blocks(rng):
    blocks = [cuba.Input(delay_shift=False), dense(6, 8), dense(8, 4)]
    by_module = prove(Lavaish(*blocks), (6,), rng)
    by_list = loihi_sca.compile_slayer(blocks, (6,), STEPS)
    assert by_module == by_list
    assert [x.name for x in by_list] == ["0-input", "1-dense", "2-dense"]


def test_a_block_that_runs_twice_is_two_layers(rng):
    block = dense(6, 6)
    model = torch.nn.Sequential(block, block)
    network = to_network(model, input_shape=(6,))
    assert [x.name for x in network] == ["input", "0-dense", "1-dense"]
    data = spikes(rng, 6)
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(data).float()).numpy()
    assert expected.any()
    np.testing.assert_array_equal(reference.run(network, data).spikes, expected)


def test_a_recurrent_block_that_runs_twice_is_refused():
    block = slayer.block.cuba.Recurrent(neuron(), 6, 6, weight_scale=3, delay_shift=False)
    model = torch.nn.Sequential(block, block)
    assert [p.layer for p in loihi_sca.check(model, (6,))] == ["1-recurrent"]
    with pytest.raises(UnsupportedLayer, match=r"1-recurrent: .* runs again in one"):
        loihi_sca.compile(model, (6,), 8)


def test_a_forward_pass_that_is_no_row_is_found_out(rng):
    class Skips(Lavaish):
        def forward(self, x):
            return self.blocks[1](self.blocks[0](x) + x)

    class Forgets(Lavaish):
        def forward(self, x):
            return self.blocks[0](x)

    with pytest.raises(UnsupportedLayer, match="1-dense: the model's forward pass does not feed"):
        loihi_sca.compile_slayer(Skips(dense(6, 6), dense(6, 6)), (6,), STEPS)
    with pytest.raises(UnsupportedLayer, match="1-dense: the model's forward pass does not run"):
        loihi_sca.compile_slayer(Forgets(dense(6, 6), dense(6, 6)), (6,), STEPS)
    with pytest.raises(UnsupportedLayer, match="LSTM is no row of blocks"):
        loihi_sca.compile_slayer(torch.nn.LSTM(2, 2), (6,), STEPS)


def test_dense_on_a_map_with_tuple_and_with_int(rng):
    # lava-dl: (width, height, channels)
    tuples = torch.nn.Sequential(dense((5, 4, 3), 7), dense(7, 4))
    assert isinstance(prove(tuples, (3, 4, 5), rng)["0-dense"], DenseLayer)
    pointwise = torch.nn.Sequential(dense(3, 7), cuba.Flatten(), dense(7 * 20, 4))
    assert prove(pointwise, (3, 4, 5), rng)["0-dense"].kernel == (1, 1)


def test_dense_with_a_mask(rng):
    mask = torch.from_numpy(rng.integers(0, 2, (5, 6))).float()
    model = torch.nn.Sequential(dense(6, 5, mask=mask), dense(5, 3))
    prove(model, (6,), rng)
    network = to_network(model, input_shape=(6,))
    assert not network["0-dense"].weight[mask.numpy() == 0].any()


def test_dense_delays_without_and_with_bias(rng):
    first = set_delays(dense(6, 3, delay=True), 0.9, 2.2, 5.7)
    model = torch.nn.Sequential(first, dense(3, 3))
    assert prove(model, (6,), rng)["0-dense"].delay.max() == 5
    network = to_network(model, input_shape=(6,))
    assert network["0-dense"].axon_delay.tolist() == [0, 2, 5]
    hidden = dense(6, 12, delay=True, params=neuron(norm=Norm))
    model = trained(torch.nn.Sequential(hidden, dense(12, 3)), (6,), rng)
    set_delays(hidden, *([0.9, 2.2, 3, 70] * 3))
    assert prove(model, (6,), rng)["1-dense"].delay.max() == 62  # lava-dl clamps


def test_a_delay_never_used_is_none(rng):
    prove(torch.nn.Sequential(dense(6, 3, delay=True), dense(3, 3)), (6,), rng)


def test_a_conv_delay_before_a_dense_block(rng):
    first = set_delays(conv(2, 3, 2, delay=True), 3, 0, 1)
    prove(torch.nn.Sequential(first, cuba.Flatten(), dense(3 * 16, 4)), (2, 5, 5), rng)


def test_a_conv_delay_before_a_conv_is_refused_or_unrolled(rng):
    first = set_delays(conv(2, 3, 2, delay=True), 3, 0, 1)
    model = torch.nn.Sequential(first, conv(3, 2, 2))
    with pytest.raises(UnsupportedLayer, match="0-conv: its outputs are delayed, and 1-conv"):
        loihi_sca.compile_slayer(model, (2, 5, 5), STEPS)
    prove(model, (2, 5, 5), rng, unroll_delays=True)


def test_a_norm_that_never_saw_data_is_no_bias(rng):
    network = prove(torch.nn.Sequential(dense(6, 3, params=neuron(norm=Norm))), (6,), rng)
    assert network["0-dense"].bias.tolist() == [0, 0, 0]


def test_a_weight_norm_loaded_from_a_checkpoint_is_not_that_of_the_last_forward(rng):
    model = torch.nn.Sequential(dense(6, 5, weight_norm=True), dense(5, 3, weight_norm=True))
    other = torch.nn.Sequential(dense(6, 5, weight_norm=True), dense(5, 3, weight_norm=True))
    model.load_state_dict({k: 1.7 * v for k, v in other.state_dict().items()})
    prove(model, (6,), rng)


def test_an_input_with_neurons(rng):
    params = neuron(current_decay=1.0, threshold=0.5)
    model = torch.nn.Sequential(
        cuba.Input(params, weight=0.5, bias=0.125, delay_shift=False), dense(6, 4)
    )
    network = loihi_sca.compile_slayer(model, (6,), STEPS, proof_samples=2)
    assert (network.layers[0].weight, network.layers[0].bias) == (32, 8)
    values = rng.integers(0, 3, (2, 6, STEPS))
    sent = spikes_of(model, values * 0.25)
    assert sent["1-dense"].any()
    mantissas = values * 16 * network.layers[0].weight // 64 + network.layers[0].bias
    ours = reference.run(network, mantissas, record=["0-input"])
    np.testing.assert_array_equal(ours.traces["0-input"].spikes, sent["0-input"])
    np.testing.assert_array_equal(ours.spikes, sent["1-dense"])


def test_an_input_block_rounds_what_it_is_given_to_even_mantissas():
    block, mantissas = cuba.Input(neuron(current_decay=1.0)), torch.arange(65.0)
    seen = []
    block.neuron.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    block(mantissas[None, :, None] / 64)
    np.testing.assert_array_equal(64 * seen[0][0, :, 0], 2 * np.rint(mantissas / 2))


@pytest.mark.parametrize("end", ["average", "affine", "affine with dynamics"])
def test_readouts_go_to_the_host(rng, end):
    last = {
        "average": lambda: cuba.Average(2),
        "affine": lambda: cuba.Affine(neuron(), 4, 3, dynamics=False),
        "affine with dynamics": lambda: cuba.Affine(neuron(), 4, 3),
    }[end]()
    network = prove(torch.nn.Sequential(dense(6, 4), last), (6,), rng)
    assert len(network.layers) == 2
    if end == "average":
        assert (network.readout.kind, network.readout.groups) == ("average", 2)
    else:
        assert network.readout.kind == "affine"
        assert network.readout.weight.shape == (3, 4)
        assert (network.readout.neuron is not None) == (end == "affine with dynamics")


def test_all_decays_equal_per_channel_are_shared(rng):
    model = torch.nn.Sequential(
        dense(6, 4, params=neuron(shared_param=False, current_decay=(0.3, 0.3),
                                  voltage_decay=(0.1, 0.1)))
    )  # fmt: skip
    assert "shared_param=False, and its decays are only drawn" in str(
        loihi_sca.check(model, (6,))[0]
    )
    trained(model, (6,), rng)
    assert isinstance(prove(model, (6,), rng).layers[-1].neuron.current_decay, int)


# --- delay_shift --------------------------------------------------------------------------------


def shifted(*blocks):
    for block in blocks:
        block.delay_shift = True
    return torch.nn.Sequential(*blocks)


def test_shifts_without_bias_are_a_matter_of_labels(rng):
    model = shifted(conv(2, 3, 2), conv(3, 2, 2), cuba.Flatten(), dense(18, 4))
    network = loihi_sca.compile_slayer(model, (2, 5, 5), STEPS, proof_samples=2)
    assert network.metadata["output_shift"] == "3"
    data = spikes(rng, 2, 5, 5)
    theirs = spikes_of(model, data)["3-dense"]
    assert theirs.any()
    np.testing.assert_array_equal(reference.run(network, data).spikes[..., :-3], theirs[..., 3:])
    # and where all layers share one clock, that is what SLAYER's time is
    cold = reference.run(network, data, schedule="cold").spikes
    np.testing.assert_array_equal(cold, theirs)


def test_a_biased_dense_after_a_shift_is_exact_by_a_delay(rng):
    model = shifted(
        conv(2, 3, 2), cuba.Flatten(), dense(48, 4, params=neuron(norm=Norm)), dense(4, 3)
    )
    trained(model, (2, 5, 5), rng)
    network = loihi_sca.compile_slayer(model, (2, 5, 5), STEPS, proof_samples=2)
    assert (network["2-dense"].delay == 1).all()
    assert network.metadata["output_shift"] == "2"


def test_a_biased_conv_after_a_shift_is_refused_or_the_shift_dropped(rng):
    model = shifted(conv(2, 3, 2), conv(3, 2, 2, params=neuron(norm=Norm)))
    trained(model, (2, 5, 5), rng)
    with pytest.raises(UnsupportedLayer, match=r"1-conv: .*its bias acts 1 steps before"):
        loihi_sca.compile_slayer(model, (2, 5, 5), STEPS)
    network = loihi_sca.compile_slayer(model, (2, 5, 5), STEPS, delay_shift="drop")
    data = spikes(rng, 2, 5, 5)
    for block in model:
        block.delay_shift = False
    np.testing.assert_array_equal(
        reference.run(network, data).spikes, spikes_of(model, data)["1-conv"]
    )
    with pytest.raises(ConfigError, match="exact or drop"):
        loihi_sca.compile_slayer(model, (2, 5, 5), STEPS, delay_shift="ignore")


# --- any model ----------------------------------------------------------------------------------


def compare_any(data):
    """Draw a model and compare SLAYER with the network; return that, where it compiles."""
    model, shape = data.draw(models())
    spikes_in = (torch.rand(2, *shape, 10).numpy() < 0.3).astype(np.uint8)
    sent = spikes_of(model, spikes_in)
    exported = to_network(model, timesteps=10, input_shape=shape)
    result = reference.run(exported, spikes_in, record=list(sent))
    if any(a.current_wraps or a.voltage_saturations for a in result.activity):
        return None  # SLAYER does not know of 24 bits
    ours = {n: result.traces[n].spikes.reshape(sent[n].shape) for n in sent}
    assert_same_spikes(sent, ours, "SLAYER and the reference")
    try:
        compiled = loihi_sca.compile_slayer(model, shape, 10)
    except UnsupportedLayer:
        return None  # dead layers, delays of the last block
    output = sent[list(sent)[-1]]
    for engine in (reference, fast):
        actual = engine.run(compiled, spikes_in).spikes.reshape(output.shape)
        np.testing.assert_array_equal(actual, output)
    return compiled, spikes_in


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(st.data())
def test_any_model(data):
    compare_any(data)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(st.data())
def test_very_many_models(data):
    compare_any(data)


# --- the rest -----------------------------------------------------------------------------------


def test_the_shape_of_the_input_is_needed_and_must_fit():
    with pytest.raises(NetworkError, match="shape of the input is not known"):
        to_network(torch.nn.Sequential(dense(6, 3)))
    problems = loihi_sca.check(torch.nn.Sequential(dense(6, 3), dense(4, 2)), (6,))
    assert "1-dense: weight (2, 4) takes 4 inputs, but 3 arrive" in str(problems[0])


def test_a_model_that_has_run_is_copied(rng):
    model = torch.nn.Sequential(dense(6, 3, weight_norm=True))
    output = model(torch.from_numpy(spikes(rng, 6)).float())
    again = copied(model)(torch.from_numpy(spikes(np.random.default_rng(3), 6)).float())
    assert output.shape == again.shape


def test_importing_the_package_loads_neither_torch_nor_lava():
    code = "import sys, loihi_sca; sys.exit(any(m in sys.modules for m in ('torch', 'lava')))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert callable(loihi_sca.check)


def test_state_that_persists_is_reset_where_that_is_asked_for() -> None:
    torch.manual_seed(0)
    options = {"delay_shift": False, "weight_scale": 4}
    kept = {"threshold": 1, "current_decay": 0.5, "voltage_decay": 0.1, "persistent_state": True}
    model = torch.nn.Sequential(slayer.block.cuba.Dense(kept, 12, 6, **options)).eval()
    with pytest.raises(UnsupportedLayer, match="reset=True"):
        loihi_sca.compile_slayer(model, (12,), 8)
    found = loihi_sca.compile_slayer(model, (12,), 8, reset=True, proof_samples=6)
    assert found.proof.spikes > 0
    assert model[0].neuron.persistent_state is True


def test_what_is_no_model_is_said() -> None:
    for wrong, why in (
        ("model.pt", "this is a str. Make it, load its state_dict"),
        (torch.nn.Linear(1, 1).state_dict(), "this is a OrderedDict"),
        ([torch.nn.Identity(), "b"], "this is a list"),
        (torch.nn.Sequential, "this is a type. Call it"),
        (lambda: torch.nn.Sequential(), "this is a function. Call it"),
    ):
        for action in (loihi_sca.compile, loihi_sca.fold_batchnorm):
            with pytest.raises(ConfigError, match=why):
                action(wrong, *([(4,), 4] if action is loihi_sca.compile else []))


@pytest.mark.parametrize("shape", [20, (20.0,), "20", ((4, 5),)])
def test_a_shape_that_is_none_is_said(shape: object) -> None:
    with pytest.raises(NetworkError, match=r"input_shape=.* is no tuple of whole numbers"):
        loihi_sca.compile(dense(20, 4), shape, 4)


def test_a_shape_may_be_an_array() -> None:
    model = torch.nn.Sequential(conv(1, 2, 3))
    assert loihi_sca.compile(model, np.array([1, 5, 5]), 4).in_shape == (1, 5, 5)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused_by_name(kind: torch.dtype) -> None:
    model = torch.nn.Sequential(dense(20, 8), dense(8, 4)).to(kind)
    assert [p.layer for p in loihi_sca.check(model, (20,))] == ["0-dense", "1-dense"]
    with pytest.raises(UnsupportedLayer, match=f"its parameters are {kind}.*model.float"):
        loihi_sca.compile(model, (20,), 6)


def test_a_model_in_double_precision_is_that_in_single(rng) -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = torch.nn.ModuleList([dense(20, 8), dense(8, 4)])

        def forward(self, flow: torch.Tensor) -> torch.Tensor:
            return self.blocks[1](self.blocks[0](flow))

    model = Own()
    single = loihi_sca.compile(model, (20,), 6)
    data = spikes(rng, 20)
    double = loihi_sca.compile(model.double(), (20,), 6, proof_data=data)
    assert model.blocks[0].synapse.weight.dtype == torch.float64
    np.testing.assert_array_equal(double.layers[1].weight, single.layers[1].weight)
    assert double.proof.samples == 2


def test_proof_data_of_another_shape_are_said(rng) -> None:
    for shape in ((2, 7, 6), (20, 6), (0, 20, 6), (2, 20, 0)):
        with pytest.raises(InputError, match=r"proof_data has shape .*expected \(N, \*\(20,\), T"):
            loihi_sca.compile([dense(20, 4)], (20,), 6, proof_data=np.zeros(shape))
