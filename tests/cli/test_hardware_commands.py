"""estimate, map, cliffs and profiles as a user meets them: output, JSON, exit codes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from loihi_sca import hardware, netx
from loihi_sca.cli import main
from loihi_sca.network import (
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    Sigma,
    SigmaDelta,
)

NEURON = Cuba(1024, 128, 80)

LAYER_KEYS = {
    "name", "type", "shape", "neurons", "weight_bits", "synapse_words", "cores",
    "neurons_per_core", "binding",
}  # fmt: skip


@pytest.fixture
def net(tmp_path):
    rng = np.random.default_rng(0)
    conv = Conv("conv", (2, 8, 8), 2 * rng.integers(-60, 90, (6, 2, 3, 3)), neuron=NEURON)
    dense = Dense("dense", conv.out_shape, 2 * rng.integers(-60, 90, (5, 216)), neuron=NEURON)
    network = Network("small", (Input("input", (2, 8, 8)), conv, dense), timesteps=8)
    path = tmp_path / "small.net"
    netx.write(network, path)
    return path


@pytest.fixture
def too_wide(tmp_path):
    dense = Dense("fc", (5000,), np.full((2, 5000), 254), neuron=NEURON)
    path = tmp_path / "wide.net"
    netx.write(Network("wide", (dense,)), path)
    return path


@pytest.fixture
def cli(capsys):
    """Run the command line; return exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return caught.value.code, out, " ".join(err.split())

    return run


def as_json(cli, *arguments):
    code, out, _ = cli(*arguments, "--json")
    assert code == 0
    value = json.loads(out)
    assert value["schema"] == 1
    return value


# --- estimate -------------------------------------------------------------------------------------


def test_estimate_keeps_its_contract(cli, net):
    value = as_json(cli, "estimate", net)
    assert set(value) == {
        "schema", "network", "profile", "cores", "cores_low", "chips", "layers", "energy",
        "latency", "violations",
    }  # fmt: skip
    assert (value["network"], value["profile"], value["chips"]) == ("small", "loihi2", 1)
    assert value["cores"] == sum(layer["cores"] for layer in value["layers"]) == 2
    assert value["energy"] is None
    assert value["latency"] is None
    assert value["violations"] == []
    port, conv, dense = value["layers"]
    assert all(set(layer) >= LAYER_KEYS for layer in value["layers"])
    assert (port["cores"], conv["neurons"], dense["shape"]) == (0, 216, [5])
    assert conv["weight_bits"] == 8


def test_oxford_takes_5_cores(cli, tmp_path):
    rng = np.random.default_rng(0)
    layers = []
    for name, n_in, n_out, top in (("a", 200, 256, 192), ("b", 256, 200, 124)):
        weight = 2 * rng.integers(-40, 40, (n_out, n_in))
        weight[0, :2] = top, 2
        layers.append(Dense(name, (n_in,), weight, neuron=NEURON))
    path = tmp_path / "oxford.net"
    netx.write(Network("oxford", tuple(layers)), path)
    value = as_json(cli, "estimate", path, "--profile", "loihi2-2023")
    assert [layer["cores"] for layer in value["layers"]] == [3, 2]
    assert [layer["synapse_words"] for layer in value["layers"]] == [8000, 10240]
    assert [layer["neurons_per_core"] for layer in value["layers"]] == [127, 127]


def test_estimate_from_real_input(cli, net, tmp_path):
    data = tmp_path / "x.npy"
    rng = np.random.default_rng(1)
    np.save(data, (rng.random((4, 2, 8, 8, 8)) < 0.2).astype(np.uint8))
    value = as_json(cli, "estimate", net, "--input", data)
    energy, latency = value["energy"], value["latency"]
    assert energy["activity"] == "counted over 4 samples"
    assert energy["not_modelled"]
    for key in ("dynamic_uj", "static_uj", "total_uj"):
        assert 0 < energy[key]["low"] <= energy[key]["best"] <= energy[key]["high"]
    assert {x["item"] for x in energy["items"]} >= {"synop", "update", "spike", "axon_in"}
    assert all(x["source"] and x["confidence"] for x in energy["items"])
    assert [x["name"] for x in energy["layers"]] == ["input", "conv", "dense"]
    assert energy["comparison"]["ann_macs"] == 6 * 36 * 18 + 216 * 5
    assert latency["timesteps"] == 8
    assert latency["synapse_layers"] == 2
    assert latency["binding"]["layer"] in ("conv", "dense")
    assert latency["first_result_us"]["best"] == pytest.approx(10 * latency["step_us"]["best"])
    fewer = as_json(cli, "estimate", net, "--input", data, "--samples", 1)
    assert fewer["energy"]["activity"] == "counted over 1 sample"


def test_estimate_from_rates_and_from_counts(cli, net, tmp_path):
    value = as_json(cli, "estimate", net, "--rate", "0.1", "--rate", "conv=0.5")
    assert value["energy"]["layers"][1]["spikes"] == pytest.approx(0.5 * 8 * 216)
    counts = tmp_path / "counts.json"
    counts.write_text(json.dumps({"synops": 1e4, "updates": 1e3}))
    value = as_json(cli, "estimate", net, "--activity", counts, "--timesteps", 4)
    assert value["energy"]["synops"] == pytest.approx(1e4)
    assert value["energy"]["timesteps"] == 4


def test_estimate_for_people(cli, net):
    code, out, err = cli("estimate", net, "--rate", "0.1")
    assert code == 0
    assert err == ""
    for text in ("small on loihi2: 2 cores", "energy per sample", "latency", "not what the chip"):
        assert text in out
    _, _, err = cli("estimate", net)
    assert "no energy and latency without activity" in err


def test_estimate_of_an_architecture(cli, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "plan"\ninput = 20\nweight_bits = 8\ntimesteps = 4\n'
        '[[layer]]\ntype = "dense"\nneurons = 10\n'
    )
    value = as_json(cli, "estimate", plan, "--rate", "0.1")
    assert (value["network"], value["cores"]) == ("plan", 1)
    code, _, err = cli("estimate", plan, "--input", "x.npy")
    assert code == 2
    assert "an architecture has no weights to run" in err


def test_a_network_that_does_not_fit(cli, too_wide):
    code, out, err = cli("estimate", too_wide, "--profile", "loihi1", "--json")
    assert code == 3
    (violation,) = json.loads(out)["violations"]
    assert violation["actual"] == 5000
    assert violation["limit"] == 4096
    assert "fc needs 5 000 input axons on a core, limit 4 096" in err
    for command in ("estimate", "map"):
        assert cli(command, too_wide, "--profile", "loihi1")[0] == 3


def test_the_board_decides_about_static_power(cli, net):
    shown = {
        board: as_json(cli, "estimate", net, "--rate", "0.1", "--board", board)["energy"]
        for board in ("oheo-gulch", "vpx")
    }
    assert shown["vpx"]["static_uj"]["best"] > 5 * shown["oheo-gulch"]["static_uj"]["best"]
    assert shown["vpx"]["dynamic_uj"] == shown["oheo-gulch"]["dynamic_uj"]
    assert shown["vpx"]["board"]["static_power"]["unit"] == "mW/chip"
    _, out, _ = cli("estimate", net, "--rate", "0.1", "--board", "vpx")
    assert "static power x time, vpx" in out
    assert out.index("total, static power included") < out.index("dynamic, the sum of")
    assert "core_step: our assumption" in " ".join(out.split())
    code, _, err = cli("estimate", net, "--board", "oheo-gluch")
    assert code == 2
    assert "no board 'oheo-gluch' in profile 'loihi2', did you mean 'oheo-gulch'? There are" in err


def test_a_profile_of_ones_own(cli, net, tmp_path):
    from loihi_sca.hardware import profile_paths

    board = tmp_path / "my_board.toml"
    text = profile_paths()["loihi2"].read_text(encoding="utf-8")
    board.write_text(text.replace('name = "loihi2"', 'name = "mine"'), encoding="utf-8")
    assert as_json(cli, "estimate", net, "--profile", board)["profile"] == "mine"
    board.write_text(text.replace("[limits]", "[limit]"), encoding="utf-8")
    code, _, err = cli("estimate", net, "--profile", board)
    assert code == 2
    assert "did you mean 'limits'" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--profile", "loihi3"], 2, "no profile 'loihi3'"),
        (["--rate", "x"], 2, "give 0.1, or LAYER=0.1"),
        (["--rate", "conv=0.1"], 2, "without a layer name"),
        (["--rate", "0.1", "--rate", "nope=1"], 1, "unknown layers ['nope']"),
        (["--rate", "-1"], 1, "rate is -1;"),
        (["--rate", "0.1", "--rate", "0.2"], 2, "--rate '0.2': all layers had a rate before"),
        (["--rate", "1", "--rate", "conv=0", "--rate", "conv=1"], 2, "conv had a rate before"),
        (["--rate", "0.1", "--activity", "x.json"], 2, "give one of --input, --data, --rate"),
        (["--activity", "none.json"], 1, "No such file"),
        (["--input", "none.npy"], 1, "no such file"),
        (["--rate", "0.1", "--timesteps", "0"], 2, "at least 1"),
        (["--input-shape", "3,a"], 2, "give C,H,W"),
        (["--samples", "3"], 2, "--samples goes with --input"),
        (["--input", "x.npy", "--timesteps", "3"], 2, "an input has its own"),
    ],
)
def test_mistakes_end_in_one_line(cli, net, arguments, code, message):
    got, out, err = cli("estimate", net, *arguments)
    assert got == code
    assert message in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("command", ["estimate", "map", "cliffs"])
def test_files_that_are_no_networks(cli, tmp_path, command):
    assert cli(command, tmp_path / "none.net")[0] == 1
    broken = tmp_path / "broken.net"
    broken.write_bytes(b"nothing")
    code, _, err = cli(command, broken)
    assert code == 1
    assert "not a readable HDF5 file" in err


def test_input_of_the_wrong_shape(cli, net, tmp_path):
    data = tmp_path / "x.npy"
    np.save(data, np.zeros((2, 3, 8, 8, 8), dtype=np.uint8))
    code, _, err = cli("estimate", net, "--input", data)
    assert code == 1
    assert "takes data of shape" in err
    np.save(data, np.zeros(3))
    assert cli("estimate", net, "--input", data)[0] == 1
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    assert cli("estimate", net, "--input", tmp_path / "x.npz")[0] == 1


@pytest.mark.parametrize("command", ["check", "estimate", "map", "cliffs"])
def test_a_chip_that_never_holds_a_network_is_refused_by_all(command, cli, tmp_path) -> None:
    weight = 2 * np.random.default_rng(0).integers(-40, 60, (20, 9))
    hidden = Dense("hidden", (9,), weight, neuron=SigmaDelta(6))
    output = Dense("output", (20,), weight[:4, :1].repeat(20, axis=1), neuron=Sigma())
    messages = Network("messages", (Input("input", (9,), neuron=Delta(2)), hidden, output), 4)
    slow = Dense("slow", (9,), weight, neuron=NEURON, delay=np.full((20, 9), 60))
    delayed = Network("delayed", (Input("input", (9,)), slow, replace(output, neuron=NEURON)), 4)
    shipped = hardware.profile_paths()["loihi2"].read_text("utf-8")
    assert "\ndelay = { value = 62" in shipped
    chip = tmp_path / "chip.toml"
    chip.write_text(shipped.replace("\ndelay = { value = 62", "\ndelay = { value = 30"), "utf-8")
    for network, limit, profile in (
        (messages, "needs 1 bits of payload per spike, limit 0", "loihi1"),
        (delayed, "needs 60 steps of delay, limit 30", chip),
    ):
        netx.save(network, tmp_path / "x.net")
        code, out, err = cli(command, tmp_path / "x.net", "--profile", profile)
        assert (code, limit in " ".join(f"{out} {err}".split())) == (3, True), (out, err)
        assert command != "cliffs" or not out
    netx.save(messages, tmp_path / "x.net")
    assert cli(command, tmp_path / "x.net", "--profile", "loihi2")[0] == 0


# --- map, cliffs, profiles ------------------------------------------------------------------------


def test_map_lists_every_core(cli, net):
    value = as_json(cli, "map", net, "--profile", "loihi1")
    assert len(value["assignment"]) == value["cores"] == 2
    first = value["assignment"][0]
    assert first["layer"] == "conv"
    assert (first["channels"], first["rows"], first["columns"]) == ([0, 6], [0, 6], [0, 6])
    assert set(first) >= {"core", "chip", "row", "column", "neurons", "synapse_words", "in_axons"}
    assert value["tightest"]["limit"]


@pytest.mark.parametrize("command", ["map", "estimate"])
def test_columns_of_the_compilers_table_are_shown(cli, net, command):
    value = as_json(cli, command, net)
    assert value["cores_low"] == value["cores"] == 2
    port, conv, _ = (layer["compiler_table"] for layer in value["layers"])
    # 216 neurons to the host or a dense layer, 6 = 4 + 2 channels, 2 x 9 taps of 2 words
    entries = 2 + 18 * 2 + 216 + 216 + 1
    assert conv == pytest.approx(
        {
            "axon_in_percent": 100 * 2 / 16000, "neuron_groups_percent": 12.5,
            "neurons_percent": 100 * 432 / 8190, "synapses_percent": 100 * 36 / 16000,
            "axon_map_percent": 100 * 216 / 16000, "total_percent": 100 * entries / 20000,
        }
    )  # fmt: skip
    assert set(port.values()) == {0.0}
    text = cli(command, net)[1]
    assert all(column in text for column in ("AxonIn", "NeuronGr", "AxonMap", "fullest core"))
    assert "AxonMem is not modelled" in text
    value = as_json(cli, command, net, "--profile", "loihi1")
    assert {layer["compiler_table"] for layer in value["layers"]} == {None}
    assert "AxonMem" not in cli(command, net, "--profile", "loihi1")[1]


def test_the_band_on_cores_is_shown_with_whose_assumption_it_is(cli, tmp_path):
    plan = tmp_path / "wide.toml"
    plan.write_text(
        'name = "wide"\ninput = [1, 64, 64]\nweight_bits = 8\n'
        '[[layer]]\ntype = "conv"\nchannels = 16\nkernel = 3\npadding = 1\n'
    )
    for command in ("map", "estimate"):
        value = as_json(cli, command, plan)
        assert (value["cores"], value["cores_low"]) == (32, 16)
        text = " ".join(cli(command, plan)[1].split())
        assert "band 16 to 32 cores" in text
        assert "the lower edge is our assumption of 1 compartment" in text


@pytest.mark.parametrize("extra", [[], ["--rate", "0.1"]])
def test_map_draws(cli, net, tmp_path, extra):
    picture = tmp_path / "mesh.svg"
    code, out, _ = cli("map", net, "--svg", picture, *extra)
    assert code == 0
    assert "small on loihi2: 2 cores" in out
    text = picture.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert ("synops per step" in text) == bool(extra)
    code, _, err = cli("map", net, "--svg", tmp_path / "no" / "mesh.svg")
    assert code == 1
    assert "cannot write" in err


def test_cliffs(cli, net):
    value = as_json(cli, "cliffs", net)
    assert [x["layer"] for x in value["layers"]] == ["conv"]  # the dense one's are the classes
    assert {"channels", "cores", "words", "saved_cores", "saved_words"} <= set(
        value["layers"][0]["cliffs"][0]
    )
    assert [x["layer"] for x in as_json(cli, "cliffs", net, "--layer", "conv")["layers"]] == [
        "conv"
    ]
    code, _, err = cli("cliffs", net, "--layer", "cnov")
    assert code == 2
    assert "layers with cliffs are conv." in err
    assert "cliffs on loihi2" in cli("cliffs", net)[1]
    assert value["note"] is None


def test_cliffs_of_loihi_1_say_that_they_leave_out_what_couples_layers(cli, net):
    assert (
        "`map` the network that is left"
        in as_json(cli, "cliffs", net, "--profile", "loihi1")["note"]
    )
    _, out, _ = cli("cliffs", net, "--profile", "loihi1", "--layer", "conv")
    assert "output axons couple it with its neighbours" in " ".join(out.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rate", "0.1"], "--rate colours the picture: give --svg too"),
        (["--timesteps", "4"], "--timesteps 4 goes with --rate"),
        (["--rate", "0.1", "--svg", "mesh.svg", "--timesteps", "0"], "timesteps is 0, must be"),
    ],
)
def test_what_map_does_not_look_at_is_refused(cli, net, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("map", net, *options)
    assert code in (1, 2)
    assert message in err
    assert out == ""
    assert not (tmp_path / "mesh.svg").exists()


def test_profiles(cli):
    listed = as_json(cli, "profiles")["profiles"]
    assert {x["name"] for x in listed} == {"loihi1", "loihi2", "loihi2-2023"}
    value = as_json(cli, "profiles", "loihi2")
    assert value["limits"]["synapse_words"]["value"] == 16000
    assert value["energy"]["synop"]["source"]
    code, out, _ = cli("profiles", "loihi2")
    assert code == 0
    assert "limits.synapse_words" in out
    assert "boards.vpx.chips" in out
    assert "board oheo-gulch unless --board says otherwise" in " ".join(out.split())
    assert value["boards"]["vpx"]["static_power"]["value"] == 1000
    (chip,) = (x for x in listed if x["name"] == "loihi2")
    assert chip["default_board"] == "oheo-gulch"
    assert set(chip["boards"]) == {"oheo-gulch", "alia-point", "vpx"}
    assert "fitted on" in " ".join(out.split())
    assert cli("profiles")[0] == 0
    assert cli("profiles", "loihi9")[0] == 2


@pytest.mark.parametrize("command", ["estimate", "map", "cliffs", "profiles"])
def test_help_has_an_example(cli, command):
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert f"loihi-sca {command}" in out
