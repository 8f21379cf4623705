"""The loops of batch norm: torch's values, for any number of channels and threads."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.slayer.dynamics import affine


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([1, 2, 7, 64, 1500]), st.integers(0, 1000))
def test_the_loops_are_what_they_say(places: int, channels: int, seed: int) -> None:
    torch.manual_seed(seed)
    places = min(places, 200_000 // channels)
    given, values = torch.randn(2, places, channels)
    a, b, c = torch.randn(3, channels)

    # in steps of 1/64 nothing rounds on the way, so the middle between two of them is met
    whole, factor = (values * 64).round() / 64, (a * 2).round() / 2
    shift = (b * 64).round() / 64
    rounded = affine.rounded(whole, factor, shift, 64)
    assert torch.equal(rounded, ((whole * factor + shift) * 64).round() / 64)

    total, product = affine.sums(given, values)
    scale = places**0.5 * 1e-5
    torch.testing.assert_close(total, given.double().sum(0).float(), rtol=1e-5, atol=scale)
    wanted = (given.double() * values.double()).sum(0).float()
    torch.testing.assert_close(product, wanted, rtol=1e-5, atol=scale)

    combined = affine.combined(given, values, a, b, c)
    torch.testing.assert_close(combined, a * given + b * values + c, rtol=1e-5, atol=1e-5)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_sums_do_not_depend_on_the_number_of_threads() -> None:
    torch.manual_seed(0)
    given, values = torch.randn(2, 40_000, 5)
    found = []
    for count in (1, 2, 5):
        torch.set_num_threads(count)
        found.append(torch.stack(affine.sums(given, values)))
    assert all(torch.equal(found[0], other) for other in found[1:])
