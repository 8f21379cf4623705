"""Pools become part of the synapses beside them, exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.errors import UnsupportedLayer
from loihi_sca.exchange.float_layers import Synapses
from loihi_sca.exchange.folding import fold, pool


@st.composite
def windows(draw, channels: tuple[int, int], groups: int = 1):
    kernel, stride, padding, dilation = (
        (draw(st.integers(low, high)), draw(st.integers(low, high)))
        for low, high in ((1, 3), (1, 3), (0, 2), (1, 2))
    )
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    weight = rng.normal(size=(channels[1], channels[0] // groups, *kernel))
    return {"weight": weight, "bias": rng.normal(size=channels[1]), "stride": stride,
            "padding": padding, "dilation": dilation, "groups": groups}  # fmt: skip


@given(st.data(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_folding_changes_nothing_or_is_refused(data, pool_first) -> None:
    shape = (2, data.draw(st.integers(7, 12)), data.draw(st.integers(7, 12)))
    window = {**data.draw(windows((1, 1))), "bias": np.zeros(1)}
    like = Synapses(("p",), (1, *shape[1:]), **window)
    if pool_first:
        first = pool("p", shape, like)
        if min(first.out_shape) < 1:
            return
        second = Synapses(("c",), first.out_shape, **data.draw(windows((2, 4), groups=2)))
    else:
        first = Synapses(("c",), shape, **data.draw(windows((2, 4))))
        if min(first.out_shape) < 1:
            return
        second = pool("p", first.out_shape, like)
    if min(second.out_shape) < 1:
        return
    try:
        both = fold(first, second)
    except UnsupportedLayer:
        with pytest.raises(UnsupportedLayer, match="zeros are padded"):
            fold(first, second)
        assert max(second.padding) > 0
        return
    spikes = np.random.default_rng(0).random((3, *shape))
    assert both.out_shape == second.out_shape
    assert np.allclose(both.apply(spikes), second.apply(first.apply(spikes)))
