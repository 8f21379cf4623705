import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loihi_sca.planning.allocation import Stage, allocate, cheapest, cliff_points


def random_stages(seed: int, layers: int = 4) -> list[Stage]:
    rng = np.random.default_rng(seed)
    sizes = [1, *rng.integers(1, 6, layers)]
    return [
        Stage(
            np.arange(1, n + 1),
            np.cumsum(np.sort(rng.random(n))[::-1]),
            rng.integers(0, 9, (n, before)).astype(float),
        )
        for before, n in itertools.pairwise(sizes)
    ]


def all_choices(stages: list[Stage]):
    for chosen in itertools.product(*(range(len(s.choices)) for s in stages)):
        path = (0, *chosen)
        cost = sum(s.costs[b, a] for s, a, b in zip(stages, path, chosen, strict=False))
        yield sum(s.values[c] for s, c in zip(stages, chosen, strict=True)), cost, chosen


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40))
def test_no_choice_is_better(seed: int, limit: int) -> None:
    stages = random_stages(seed)
    best = max(((v, c) for v, c, _ in all_choices(stages) if c <= limit), default=None)
    found = allocate(stages, limit, whole=True)
    assert (found is None) == (best is None)
    if found is not None:
        assert found.cost <= limit
        assert np.isclose(found.value, best[0])


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 40))
def test_costs_that_are_no_whole_numbers_keep_the_limit(seed: int, limit: float) -> None:
    stages = [Stage(s.choices, s.values, s.costs * 1.37) for s in random_stages(seed)]
    found = allocate(stages, limit)
    if found is not None:
        assert found.cost <= limit * (1 + 1e-9)
    slack = 1 - len(stages) / 1024
    best = max((v for v, c, _ in all_choices(stages) if c <= limit * slack), default=None)
    if best is not None:
        assert found is not None
        assert found.value >= best - 1e-9


@given(st.integers(0, 10_000))
@settings(deadline=None)
def test_the_cheapest_is_the_cheapest(seed: int) -> None:
    stages = random_stages(seed)
    assert cheapest(stages).cost == min(c for _, c, _ in all_choices(stages))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(4, 30))
def test_choices_off_the_cliffs_are_never_missed(seed: int, limit: int) -> None:
    """Two stages with step costs: leaving out what is beaten leaves the best value as it is."""
    rng = np.random.default_rng(seed)
    n, m = 8, 3
    following = np.sort(rng.integers(0, 4, (m, n)), axis=1).astype(float)
    own = rng.integers(0, 4, (n, 1)).astype(float)
    first = Stage(np.arange(1, n + 1), np.cumsum(rng.random(n)), own)
    second = Stage(np.arange(1, m + 1), np.cumsum(rng.random(m)), following)
    kept = cliff_points(first.choices, own, following)
    fewer = Stage(first.choices[kept], first.values[kept], own[kept])
    whole = allocate([first, second], limit, whole=True)
    part = allocate([fewer, Stage(second.choices, second.values, following[:, kept])], limit, True)
    assert (whole is None) == (part is None)
    if whole is not None:
        assert np.isclose(whole.value, part.value)
    assert n - 1 in kept
