"""The table of docs/exchange.md: who exports what, each row with the test that shows it."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAD = ("from", "what it hands on", "how it comes here", "what is then the same", "shown by")


class Row(NamedTuple):
    """Who exports what, how it is read, and the tests that do so."""

    who: str
    what: str
    how: str
    same: str
    tests: tuple[str, ...]


ROWS = (
    Row("lava-dl 0.6.0", "the model, of SLAYER's blocks", "`compile module:function`",
        "every spike", ("slayer/test_frontend.py::test_any_model",)),
    Row("lava-dl 0.6.0", "netx HDF5 (`export_hdf5`)", "as it is: `verify`, `estimate`",
        "every spike", ("compiler/test_third_party.py::test_reference_and_fast_agree",
                        "compiler/test_third_party.py::test_lava_agrees")),
    Row("SpikingJelly 0.0.0.0.14, 2.0.0", "the model, of its own modules",
        "`compile module:function`", "every spike on a binary grid, else counted",
        ("frontend/test_spikingjelly.py::test_integrate_and_fire_on_a_grid_gives_the_very_spikes",
         "frontend/test_spikingjelly.py::test_weights_that_are_rounded_are_reported_and_counted")),
    Row("SpikingJelly 0.0.0.0.14", "`lava_exchange.to_lava_blocks`",
        "`compile module:function --reset`", "every spike of those blocks, not of its modules",
        ("exchange/test_who_exports.py::test_blocks_of_to_lava_blocks_want_a_reset",)),
    Row("snnTorch 1.0.0", "NIR (`export_to_nir`)", "`import --from snntorch`",
        "every spike as read; quantised, counted",
        ("exchange/test_nir_tools.py::test_round_trips",)),
    Row("Norse 1.1.0", "NIR (`to_nir`)", "`import --from norse`",
        "every spike as read; quantised, counted",
        ("exchange/test_nir_tools.py::test_round_trips",)),
    Row("sinabs 3.1.3", "NIR (`to_nir`)", "`import --from sinabs --reset zero`",
        "every spike as read; quantised, counted",
        ("exchange/test_nir_tools.py::test_round_trips",)),
    Row("Rockpool, as of the NIR paper", "NIR", "`import --dt 1e-4 --reset zero`",
        "decays and threshold", (
            "exchange/test_nir_paper.py::"
            "test_graphs_of_the_nir_paper_are_read_with_a_reset_to_zero",)),
    Row("any other", "NIR, by its equations", "`import --dt SECONDS`", "counted",
        ("exchange/test_nir_import.py::test_integers_pass_unchanged",
         "exchange/test_nir_import.py::test_floats_are_scaled_to_eight_bits_and_the_change_is_told")),
    Row("loihi-sca", "NIR (`export --for TOOL`)", "`import`", "every bit",
        ("exchange/test_nir_identity.py::test_every_network_comes_back_bit_for_bit",)),
)  # fmt: skip


def as_table() -> str:
    """Return the table of the page."""
    lines = [HEAD, ("---",) * len(HEAD)]
    for who, what, how, same, tests in ROWS:
        shown = ", ".join(f"`{test.partition('::')[2]}`" for test in tests)
        lines.append((who, what, how, same, shown))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs" / "exchange.md").read_text("utf-8")
    assert as_table() in page, f"docs/exchange.md wants\n{as_table()}"


def test_versions_are_those_that_run() -> None:
    made = (ROOT / "scripts" / "exchange" / "make_environments").read_text("utf-8")
    needed = (ROOT / "pyproject.toml").read_text("utf-8")
    for who in {row.who for row in ROWS}:
        name, *versions = who.replace(",", "").split()
        for version in versions:
            if version[0].isdigit():
                assert f"{name.lower()}=={version}" in made + needed, who


@pytest.mark.parametrize("name", sorted({test for row in ROWS for test in row.tests}))
def test_every_row_has_its_test(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    assert function in {x.name for x in ast.walk(tree) if isinstance(x, ast.FunctionDef)}


@pytest.mark.train
def test_blocks_of_to_lava_blocks_want_a_reset() -> None:
    """They keep their state between samples: what the chip sends is compared with them afresh."""
    torch = pytest.importorskip("torch")
    exchange = pytest.importorskip("spikingjelly.activation_based.lava_exchange")
    from spikingjelly.activation_based import neuron

    import loihi_sca
    from loihi_sca.errors import UnsupportedLayer

    if not hasattr(exchange, "to_lava_blocks"):
        pytest.skip("this SpikingJelly, or this Python without lava-dl, has no to_lava_blocks")
    torch.manual_seed(0)
    layers = [torch.nn.Linear(n, m, bias=False) for n, m in ((12, 10), (10, 4))]
    net = [layers[0], neuron.IFNode(v_threshold=0.3), layers[1], neuron.IFNode(v_threshold=0.3)]
    blocks = torch.nn.Sequential(*exchange.to_lava_blocks(net))
    with pytest.raises(UnsupportedLayer, match="reset=True"):
        loihi_sca.compile_slayer(blocks, (12,), 8)
    found = loihi_sca.compile_slayer(blocks, (12,), 8, reset=True, proof_samples=6)
    assert found.proof.spikes > 0
