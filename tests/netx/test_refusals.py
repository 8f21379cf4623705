"""What a file may say and no engine of ours can make exact: refused by name, never passed over."""

from __future__ import annotations

import numpy as np
import pytest
from netx_layers import CUBA_NEURON, FILES, RF_NEURON, SDNN_NEURON, dense, weights, window, write

import loihi_sca
from loihi_sca import netx
from loihi_sca.engine import fast, reference
from loihi_sca.errors import NetworkError, UnsupportedLayer

COMPLEX = {"real": weights(4, 5), "imag": weights(4, 5)}

READ_AND_REFUSED = {
    "graded spikes": (
        [dense(5, 4, neuron={**CUBA_NEURON, "gradedSpike": True})], "0-dense", "gradedSpike = 1",
    ),
    "ALIF": ([dense(5, 4, neuron={"type": b"ALIF", "vThMant": 64})], "0-dense", "'ALIF'"),
    "ADRF, which stock netx loads as plain RF": (
        [{**dense(5, 4, neuron={**RF_NEURON, "type": b"ADRF_PHASE"}), "weight": COMPLEX}],
        "0-dense", "which stock lava-dl loads as one that stays",
    ),
    "ADRF_IZ": (
        [{**dense(5, 4, neuron={**RF_NEURON, "type": b"ADRF_IZHIKEVICH"}), "weight": COMPLEX}],
        "0-dense", "which stock lava-dl loads as one that stays",
    ),
    "resonators that encode the input": (
        [{"type": [b"input"], "shape": [5], "neuron": RF_NEURON}, *FILES["dense"][1:]],
        "0-input", "RF_PHASE",
    ),
    "resonators of a map": (
        [{"type": [b"input"], "shape": [2, 6, 5]},
         window(b"conv", 4, weight=weights(4, 2, 3, 2), neuron=RF_NEURON)],
        "1-conv", "RF_PHASE",
    ),
    "delays of a recurrent block": (
        [dense(4, 4, kind=b"dense_rec", weight_rec=weights(4, 4), delay=np.arange(4.0))],
        "0-dense_rec", "recurrent",
    ),
    "an activation that netx takes for relu": (
        [FILES["sigma-delta"][0], dense(5, 4, neuron={**SDNN_NEURON, "activation": b"tanh"})],
        "1-dense", "activation = tanh",
    ),
    "exponents that only an argument of netx says": (
        [FILES["sigma-delta"][0], dense(5, 4, neuron={**SDNN_NEURON, "spike_exp": 0})],
        "1-dense", "spike_exp",
    ),
    "message bits, of which netx dies": (
        [FILES["sigma-delta"][0], dense(5, 4, neuron={**SDNN_NEURON, "messageBits": 16})],
        "1-dense", "messageBits",
    ),
    "a weight of the input, which netx passes over": (
        [{**FILES["sigma-delta"][0], "weight": [32], "bias": [0]},
         dense(5, 4, neuron=SDNN_NEURON)],
        "0-input", "weight 32 and bias 0, which netx passes over",
    ),
    "a bias of a sum, of which netx dies": (
        [FILES["sigma-delta"][0],
         {**dense(5, 4, neuron={**SDNN_NEURON, "sigma_output": True}), "bias": [1, 2, 3, 4]}],
        "1-dense", "it puts out its sum and has a bias",
    ),
    "spikes beside messages": (
        [FILES["sigma-delta"][0], dense(5, 4, neuron=SDNN_NEURON), dense(4, 3)],
        "2-dense", "its neuron is CUBA, beside sigma-delta ones",
    ),
}  # fmt: skip
"""The layers of a file, the one that is refused, and what must be said of it."""


@pytest.mark.parametrize("name", READ_AND_REFUSED)
def test_what_is_read_and_refused_by_name(tmp_path, name):
    layers, refused, said = READ_AND_REFUSED[name]
    network = netx.read(write(tmp_path / "x.net", layers))
    found = [str(problem) for problem in loihi_sca.check(network)]
    assert any(text.startswith(f"{refused}: ") and said in text for text in found), found
    data = np.zeros((1, *network.in_shape, 3), dtype=int)
    for engine in (reference, fast):
        with pytest.raises(UnsupportedLayer, match=refused):
            engine.run(network, data)
    with pytest.raises(UnsupportedLayer, match=refused):
        netx.write(network, tmp_path / "y.net")


NOT_READ = {
    "complex weights of a map": (
        [{"type": [b"input"], "shape": [2, 6, 5]},
         {**window(b"conv", 4, neuron=RF_NEURON),
          "weight": {"real": weights(4, 2, 3, 2), "imag": weights(4, 2, 3, 2)}}],
        "1-conv: its weight is complex, and netx has no such conv layer",
    ),
    "a threshold between two mantissas": (
        [dense(5, 4, neuron={**CUBA_NEURON, "vThMant": 63.5})], "'/layer/0/neuron/vThMant' holds",
    ),
    "a threshold of a sigma-delta neuron between two": (
        [dense(5, 4, neuron={**SDNN_NEURON, "vThMant": 6.3})], "0-dense, neuron/vThMant: .* holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_even_read(tmp_path, name):
    layers, said = NOT_READ[name]
    with pytest.raises(NetworkError, match=said):
        netx.read(write(tmp_path / "x.net", layers))
