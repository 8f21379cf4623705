"""Old files: squeezed weights, averages, recurrent tables, delays of what is only mapped."""

from __future__ import annotations

import numpy as np
import pytest
from netx_layers import FILES, LOIHI_NEURON, dense, weights, window, write

from loihi_sca import netx
from loihi_sca.errors import NetworkError, UnsupportedLayer
from loihi_sca.network import Conv, Recurrent


@pytest.mark.parametrize(("n_in", "n_out"), [(6, 1), (1, 6), (1, 1), (3, 2)])
def test_squeezed_dense_weights(tmp_path, n_in, n_out):
    layer = dense(n_in, n_out, neuron=LOIHI_NEURON)
    full = layer["weight"]
    for weight in (full, full.squeeze(), full[:, :, None, None, None]):
        network = netx.read(write(tmp_path / "x.net", [{**layer, "weight": weight}]))
        np.testing.assert_array_equal(network.layers[0].weight, full)


def test_a_transposed_table_is_not_reshaped(tmp_path):
    layer = dense(6, 4)
    with pytest.raises(NetworkError, match=r"weight has shape \(6, 4\).*expected \(4, inputs\)"):
        netx.read(write(tmp_path / "x.net", [{**layer, "weight": layer["weight"].T}]))


@pytest.mark.parametrize(
    ("c_in", "c_out", "kernel"), [(1, 4, (3, 2)), (2, 1, (3, 2)), (2, 4, (1, 1))]
)
def test_squeezed_kernels_with_their_sizes_beside_them(tmp_path, c_in, c_out, kernel):
    full = weights(c_out, c_in, *kernel)
    shape = [c_out, 6 - kernel[0] + 1, 5 - kernel[1] + 1]
    layer = window(b"conv", c_out, weight=full.squeeze(), shape=shape, inChannels=c_in,
                   kernelSize=kernel, stride=[1, 1], padding=[0, 0])  # fmt: skip
    layers = [{"type": [b"input"], "shape": [c_in, 6, 5]}, layer]
    network = netx.read(write(tmp_path / "x.net", layers))
    conv = network.layers[1]
    assert ("squeezed" in str(netx.notes_of(network))) == (full.squeeze().ndim < 4)
    assert isinstance(conv, Conv)
    np.testing.assert_array_equal(conv.weight, full)
    del layer["kernelSize"]
    with pytest.raises(NetworkError, match="kernelSize"):
        netx.read(write(tmp_path / "y.net", layers))


def test_an_average_stands_at_the_end_and_divides(tmp_path):
    network = netx.read(write(tmp_path / "o.net", FILES["old"]))
    assert (network.readout.kind, network.readout.groups) == ("average", 4)
    with pytest.raises(UnsupportedLayer, match="4-dense comes after 3-average"):
        netx.read(write(tmp_path / "x.net", [*FILES["old"], dense(8, 2)]))
    uneven = [*FILES["old"][:-1], {"type": [b"average"], "shape": [3, 1, 1]}]
    with pytest.raises(NetworkError, match="3-average: shape says"):
        netx.read(write(tmp_path / "x.net", uneven))


def test_recurrent_tables_have_one_name_and_count(tmp_path):
    from loihi_sca import hardware

    network = netx.read(write(tmp_path / "r.net", FILES["recurrent"]))
    for layer in network:
        assert isinstance(layer, Recurrent)
        assert layer.feedback.any()
        spec = hardware.describe(network).layers[network.layers.index(layer)]
        assert len(spec.geometry.bits) == len(spec.geometry.recurrent_bits) == 1
    both = dense(5, 4, kind=b"recurrent", weight_rec=weights(4, 4), recWeight=weights(4, 4))
    with pytest.raises(NetworkError, match="it has 2"):
        netx.read(write(tmp_path / "x.net", [both]))
    with pytest.raises(NetworkError, match=r"weight_rec has shape \(4, 5\)"):
        netx.read(
            write(tmp_path / "x.net", [dense(5, 4, kind=b"dense_rec", weight_rec=weights(4, 5))])
        )


def test_delays_and_biases_of_what_is_only_mapped_are_kept(tmp_path):
    from loihi_sca import check, hardware

    long = dense(5, 4, kind=b"recurrent", recWeight=weights(4, 4), delay=np.arange(4) + 60,
                 bias=[1, 3, 5, 7])  # fmt: skip
    network = netx.read(write(tmp_path / "x.net", [long]))
    (spec,) = hardware.describe(network).layers
    assert spec.geometry.delays
    assert spec.ranges.delay == 63
    assert spec.ranges.biases
    assert any("63 steps of delay, limit 62" in p.reason for p in check(network))
