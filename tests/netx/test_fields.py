"""Every field of a file is read, agrees with the others, is declared harmless, or is refused."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from netx_layers import CUBA_NEURON, FILES, LOIHI_NEURON, dense, write

from loihi_sca import netx
from loihi_sca.errors import LoihiScaError, NetworkError, UnsupportedLayer
from loihi_sca.network import Cuba
from loihi_sca.netx.fields import CUBA, LAYERS, OTHER_NEURONS

HARMLESS = {field.name for field in CUBA if field.use == "ignored"}
OF_A_SUM = ("layer/1/neuron/sigma_output", "layer/1/neuron/vThMant")
"""Of a sigma-delta neuron that puts out its sum: that the first is there counts, not its value, and
there is no threshold."""

OPTIONAL = HARMLESS | {
    "bias", "delay", "gradedSpike", "refDelay", "wgtExp", "inFeatures", "outFeatures",
    "inChannels", "outChannels", "kernelSize", "Ts", "tSample",
}  # fmt: skip
"""Fields without which stock netx loads the same, or what it takes for no bias and no delay."""


CHANGES = {
    "doubled": lambda old: old * 2,
    "halved": lambda old: old / 2,
    "one more": lambda old: old + 1,
    "several": lambda old: np.append(old, np.ravel(old)[-1:] + 2),
    "none": lambda old: np.zeros(0),
    "no number": lambda old: np.full(np.shape(old), np.nan),
    "text": lambda old: np.bytes_(b"many"),
}


def fields_of(name):
    """Return the paths of all fields of a file, those in groups too."""
    found = ["simulation/Ts", "simulation/tSample"]
    for index, layer in enumerate(FILES[name]):
        for key, value in layer.items():
            inner = [f"{key}/{x}" for x in value] if isinstance(value, dict) else [key]
            found += [f"layer/{index}/{x}" for x in inner]
    return found


@functools.cache
def image(name):
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder, "x.net"), FILES[name]).read_bytes()


def read(tmp_path, name, change=None):
    path = tmp_path / "x.net"
    path.write_bytes(image(name))
    if change is not None:
        with h5py.File(path, "r+") as file:
            change(file)
    return netx.read(path)


def outcome(tmp_path, name, change):
    """Return the network that is read from a changed file, or what is said about it."""
    try:
        return read(tmp_path, name, change)
    except LoihiScaError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_good(tmp_path, name):
    assert read(tmp_path, name).timesteps == 20


@pytest.mark.parametrize("name", FILES)
def test_a_renamed_field_is_named(tmp_path, name):
    for field in fields_of(name):
        said = outcome(tmp_path, name, lambda file, field=field: file.move(field, f"{field}x"))
        assert isinstance(said, str), field
        assert field.rpartition("/")[2] in said


@pytest.mark.parametrize("name", FILES)
def test_a_field_that_is_missing_is_named_unless_netx_does_without(tmp_path, name):
    before = read(tmp_path, name)
    for field in fields_of(name):
        own = field.rpartition("/")[2]
        said = outcome(tmp_path, name, lambda file, field=field: file.pop(field))
        host = name == "conv" and field in ("layer/0/weight", "layer/0/bias")
        only_mapped = name == "resonator" and "/neuron/" in field
        # netx rectifies in any case, and a neuron that puts out its sum has no threshold
        spared = name == "sigma-delta" and own in ("activation", "sigma_output", "vThMant")
        if isinstance(said, str):
            assert own in said or "weight_rec and recWeight" in said, field
        elif own in HARMLESS or (name, field) == ("old", "layer/1/shape"):
            assert said == before
        else:
            assert own in OPTIONAL or host or only_mapped or spared, field


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FILES)
def test_a_changed_value_is_seen(tmp_path, name, change):
    """It changes the network, or is refused by name, or the table says that it is harmless."""
    before = read(tmp_path, name)
    for field in fields_of(name):
        same = []

        def apply(file, field=field, same=same):
            old = np.asarray(file[field][()])
            text = old.dtype.kind in "SO"
            new = np.bytes_(b"another") if text else CHANGES[change](old.astype(float))
            same.append(np.array_equal(old, new))
            del file[field]
            file[field] = new

        after = outcome(tmp_path, name, apply)
        if isinstance(after, str):
            arrives = field == "layer/0/shape" and "arrive" in after  # at the layer behind
            assert field.rpartition("/")[2] in after or arrives, field
        else:
            harmless = field.rpartition("/")[2] in HARMLESS or field in OF_A_SUM
            assert after != before or harmless or same[0], field


@pytest.mark.parametrize(
    ("field", "attribute"),
    [("weight", "weight"), ("bias", "bias"), ("delay", "delay"), ("neuron/iDecay", "current_decay"),
     ("neuron/vDecay", "voltage_decay"), ("neuron/vThMant", "threshold")],
)  # fmt: skip
def test_a_changed_value_is_read_right(tmp_path, field, attribute):
    def double(file):
        file[f"layer/1/{field}"][...] = 2 * file[f"layer/1/{field}"][()]

    before, after = (read(tmp_path, "dense", c).layers[1] for c in (None, double))
    one, two = (x.neuron if "neuron" in field else x for x in (before, after))
    np.testing.assert_array_equal(getattr(two, attribute), 2 * np.array(getattr(one, attribute)))


@pytest.mark.parametrize("place", ["layer/0", "layer/1", "layer/1/neuron", "simulation", ""])
@pytest.mark.parametrize("value", [np.ones((4, 4)), 1, "group"], ids=["array", "number", "group"])
@pytest.mark.parametrize("name", ["dense", "conv", "sigma-delta"])
def test_a_field_that_nobody_knows_is_refused(tmp_path, name, place, value):
    def add(file):
        if isinstance(value, str):
            file.create_group(f"{place}/reservoir")
        else:
            file[f"{place}/reservoir"] = value

    with pytest.raises(NetworkError, match="reservoir"):
        read(tmp_path, name, add)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("wgtExp", -2, "LOIHI with wgtExp -2"),
        ("refDelay", 5, "LOIHI with refDelay 5"),
        ("weight_exp", [0.0, -2.0, 0.0], "LOIHI with weight_exp -2 to 0"),
        ("gradedSpike", True, "LOIHI with graded spikes"),
        ("messageBits", 16, "LOIHI with messageBits 16"),
    ],
)
def test_what_acts_on_spikes_and_is_not_modelled_is_mapped_only(tmp_path, field, value, message):
    layers = [FILES["dense"][0], dense(5, 4, neuron={**LOIHI_NEURON, field: value})]
    network = netx.read(write(tmp_path / "x.net", layers))
    assert network.layers[1].neuron.type == message
    from loihi_sca import check
    from loihi_sca.engine import fast

    (problem,) = check(network)
    assert problem.layer == "1-dense"
    assert f"{field} = " in problem.reason
    with pytest.raises(UnsupportedLayer, match=f"1-dense: neuron type '{message}'"):
        fast.run(network, np.zeros((1, 5, 3), dtype=int))
    zero = {**LOIHI_NEURON, field: np.zeros(3) + (field == "refDelay")}
    plain = netx.read(write(tmp_path / "y.net", [layers[0], dense(5, 4, neuron=zero)]))
    assert isinstance(plain.layers[1].neuron, Cuba)


@pytest.mark.parametrize("kind", ["convT", "unpool", "concat", "reservoir"])
def test_a_layer_of_another_type_is_refused(tmp_path, kind):
    layers = [FILES["dense"][0], {**FILES["dense"][1], "type": [kind.encode()]}]
    with pytest.raises(UnsupportedLayer, match=f"1-{kind}"):
        netx.read(write(tmp_path / "x.net", layers))


def test_a_neuron_of_another_type_is_refused(tmp_path):
    layers = [dense(5, 4, neuron={**CUBA_NEURON, "type": b"KWTA"})]
    with pytest.raises(NetworkError, match="0-dense: neuron type 'KWTA' is not known"):
        netx.read(write(tmp_path / "x.net", layers))


@pytest.mark.parametrize("kind", OTHER_NEURONS)
def test_known_neurons_are_mapped_and_refused_by_name(tmp_path, kind):
    layers = [dense(5, 4, neuron={"type": kind.encode(), "vThMant": 64})]
    from loihi_sca import check, hardware

    network = netx.read(write(tmp_path / "x.net", layers))
    assert hardware.estimate(network, hardware.load_profile("loihi2")).cores == 1
    assert f"its neuron is '{kind}'" in check(network)[0].reason


# --- notes --------------------------------------------------------------------------------------


def test_notes_say_what_a_file_leaves_open(tmp_path):
    def change(file):
        file["layer/2"].attrs["author"] = "someone"
        del file["layer/2/neuron/theta"]
        file["layer/2/neuron/theta"] = 99
        del file["layer/1/neuron"]

    said = " / ".join(netx.notes_of(read(tmp_path, "dense", change)))
    assert "layer/2: HDF5 attributes author are passed over" in said
    assert "layer/2: theta is 99, and vThMant would make it 5120" in said
    assert "1-dense: the file gives it no neuron" in said
    assert "1-dense: there are biases, and a file cannot say" in said
    assert netx.notes_of(read(tmp_path, "old")) == ()
    assert netx.notes_of(read(tmp_path, "dense")) != ()


def test_our_own_files_leave_nothing_open(tmp_path):
    network = netx.read(write(tmp_path / "x.net", FILES["dense"]))
    plain = network.replace(metadata={})
    netx.write(plain, tmp_path / "own.net")
    assert netx.notes_of(netx.read(tmp_path / "own.net")) == ()


def test_the_table_covers_the_types_that_are_read():
    assert {"input", "flatten", "dense", "dense_rec", "conv", "pool", "average"} <= set(LAYERS)
    assert all(field.why and field.instead for field in CUBA if field.use == "default")
    assert all(field.why for field in CUBA if field.use == "ignored")
