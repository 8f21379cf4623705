"""Reports of networks that are no chain of CUBA layers: each is shown, and what is not is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from html_page import Page, check_page

import loihi_sca
from loihi_sca import netx
from loihi_sca.errors import InputError
from loihi_sca.network import (
    ComplexDense,
    Conv,
    Cuba,
    Delta,
    Dense,
    Input,
    Network,
    Recurrent,
    Resonator,
    Sigma,
    SigmaDelta,
)

CUBA = Cuba(1024, 128, 80)
PIXELS = Input("input", (1, 8, 8))


def weights(*shape: int) -> np.ndarray:
    return 2 * np.random.default_rng(0).integers(-40, 60, shape)


def residual() -> Network:
    first = Conv("first", (1, 8, 8), weights(4, 1, 3, 3), padding=(1, 1), neuron=CUBA)
    by = Conv("by", (4, 8, 8), weights(4, 4, 1, 1), source="first")
    middle = Conv("middle", (4, 8, 8), weights(4, 4, 3, 3), padding=(1, 1), neuron=CUBA)
    join = Conv("join", (4, 8, 8), weights(4, 4, 3, 3), padding=(1, 1), neuron=CUBA, added=(by,))
    output = Dense("output", (4, 8, 8), weights(10, 256), neuron=CUBA)
    return Network("residual", (PIXELS, first, middle, join, output), timesteps=4)


def recurrent() -> Network:
    ring = Recurrent("ring", (1, 8, 8), weights(20, 64), feedback=weights(20, 20), neuron=CUBA)
    output = Dense("output", (20,), weights(10, 20), neuron=CUBA)
    return Network("recurrent", (PIXELS, ring, output), timesteps=4)


def sigma_delta() -> Network:
    pixels = Input("input", (1, 8, 8), neuron=Delta(2))
    hidden = Dense("hidden", (1, 8, 8), weights(20, 64), neuron=SigmaDelta(6))
    output = Dense("output", (20,), weights(10, 20), neuron=Sigma())
    return Network("sigma-delta", (pixels, hidden, output), timesteps=4)


def resonators() -> Network:
    neuron = Resonator(2287, 3148, 80, True)
    hidden = ComplexDense("hidden", (1, 8, 8), weights(20, 64), weights(20, 64), neuron=neuron)
    output = Dense("output", (20,), weights(10, 20), neuron=CUBA)
    return Network("resonators", (PIXELS, hidden, output), timesteps=4)


def two_heads(classes: tuple[int, int] = (4, 10)) -> Network:
    body = Dense("body", (1, 8, 8), weights(20, 64), neuron=CUBA)
    first, second = (
        Dense(name, (20,), weights(count, 20), neuron=CUBA, source="body")
        for name, count in zip(("first", "second"), classes, strict=True)
    )
    return Network("two heads", (PIXELS, body, first, second), timesteps=4)


def page_of(network: Network, folder, data: str | None = "digits") -> Page:
    path = folder / "drawn.net"
    netx.save(network, path)
    made = loihi_sca.report(path, data, samples=4, profiles=["loihi2"])
    return check_page(made.read_text("utf-8"))


@pytest.mark.parametrize(
    ("made", "sent", "without"),
    [
        (residual, "Spikes", "No cliffs: residual: it is no chain"),
        (recurrent, "Spikes", ""),
        (sigma_delta, "Messages", ""),
        (resonators, "Spikes", ""),
        (two_heads, "Spikes", "No cliffs: two heads: it is no chain"),
    ],
)
def test_a_network_of_each_kind_is_shown(
    made: Callable[[], Network], sent: str, without: str, tmp_path
) -> None:
    network = made()
    text = page_of(network, tmp_path).text
    for title in (
        f"Confusion, {network.name}", f"{sent} of the first test sample of digits",
        f"The mesh: {network.name} on loihi2", "Dynamic energy by layer", "Time per step of",
        "0 mismatches between reference and fast engine",
    ):  # fmt: skip
        assert title in text
    assert ("Cliffs: " in text) != bool(without)
    assert without in text
    assert "values, of which" in text
    shown = {layer.name for layer in network.layers}
    assert all(f'<th scope="row">{name}</th>' in text for name in shown)


def test_a_chip_without_payloads_says_that_messages_do_not_fit(tmp_path) -> None:
    netx.save(sigma_delta(), tmp_path / "graded.net")
    page = loihi_sca.report(tmp_path / "graded.net", profiles=["loihi1"]).read_text("utf-8")
    assert "It does not fit: input needs 1 bits of payload per spike, limit 0" in page
    assert "on random messages of 4 steps" in page


def test_the_last_head_answers_and_other_classes_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="tells 4 classes apart, but digits has 10"):
        page_of(two_heads((10, 4)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.net"]
