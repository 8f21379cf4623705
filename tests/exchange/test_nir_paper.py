"""The graphs of the NIR paper are read, or refused by name."""

import os
from pathlib import Path

import pytest

import loihi_sca
from loihi_sca.errors import UnsupportedLayer

DT = 1e-4

PAPER = {
    "lif_norse.nir": (UnsupportedLayer, r"'1' \(LIF\) has no v_reset"),
    "lif_rockpool.nir": (UnsupportedLayer, r"'1_LIFNeuronTorch' \(LIF\) has no v_reset"),
    "two_lif.nir": (UnsupportedLayer, r"'lif1' \(LIF\) has no v_reset"),
    "braille_bias_zero.nir": (
        UnsupportedLayer, r"form a cycle: 'lif1.lif' \(CubaLIF\), 'lif1.w_rec' \(Affine\)",
    ),
    "braille_nobias_subtract.nir": (
        UnsupportedLayer, r"form a cycle: 'lif1.lif' \(CubaLIF\), 'lif1.w_rec' \(Linear\)",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def paper() -> Path:
    folder = Path(os.environ.get("LOIHI_SCA_DATA", "nowhere")) / "nir"
    if not folder.is_dir():
        pytest.skip("LOIHI_SCA_DATA has no folder nir, with the graphs of the NIR paper")
    return folder


@pytest.mark.parametrize("name", PAPER)
def test_graphs_of_the_nir_paper_are_refused_by_name(name, paper) -> None:
    kind, said = PAPER[name]
    with pytest.raises(kind, match=said):
        loihi_sca.read_nir(paper / name, dt=DT)


@pytest.mark.parametrize(
    ("name", "decays", "threshold_per_weight"),
    [
        ("lif_norse.nir", [164], 0.1 / (1 * 0.04)),
        ("lif_rockpool.nir", [164], 0.1 / (0.04 * 24.019737 * 0.04)),
        ("two_lif.nir", [41, 41], 20 / (1 * 0.01)),
    ],
)
def test_graphs_of_the_nir_paper_are_read_with_a_reset_to_zero(
    name, decays, threshold_per_weight, paper
) -> None:
    assert {p.name for p in paper.glob("*_*.nir")} == set(PAPER)
    found = loihi_sca.read_nir(paper / name, dt=DT, reset="zero")
    assert [x.neuron.voltage_decay for x in found.layers[1:]] == decays
    last = found.layers[-1]
    assert last.neuron.threshold / last.weight.max() == pytest.approx(
        threshold_per_weight, rel=0.02
    )
    assert any("is now reset to 0" in note for note in found.notes)
