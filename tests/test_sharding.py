"""Parts of a dataset, evaluated by whoever, add up to the evaluation of the whole."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ray_or_skip import started

from loihi_sca import netx
from loihi_sca.engine import fast
from loihi_sca.errors import BackendError
from loihi_sca.execution import Local
from loihi_sca.execution.on_ray import OnRay
from loihi_sca.network import Conv, Cuba, Dense, Network
from loihi_sca.pipeline import evaluate as evaluation
from loihi_sca.pipeline.shards import Source, evaluate_sharded

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'loihi-sca[ray]'"
)
NEURON = Cuba(1024, 128, 40)


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    conv = Conv("conv", (1, 8, 8), rng.integers(-60, 64, (8, 1, 3, 3)) * 2, neuron=NEURON)
    dense = Dense("out", (8, 6, 6), rng.integers(-60, 64, (10, 288)) * 2, neuron=NEURON)
    path = tmp_path_factory.mktemp("net") / "digits.net"
    netx.write(Network("digits", (conv, dense), timesteps=8), path)
    return path


@pytest.fixture(params=["here", pytest.param("ray", marks=[needs_ray, pytest.mark.slow])])
def executor(request) -> Iterator[Local | OnRay]:
    with Local() if request.param == "here" else started(OnRay(workers=2)) as found:
        yield found


def test_parts_add_up_to_the_whole(net, executor) -> None:
    source = Source(net, "digits", limit=101)
    whole = evaluation.evaluate(*source.load(), fast.prepare)
    seen = []
    parts = evaluate_sharded(source, 101, executor, on_progress=lambda *x: seen.append(x))
    assert (parts.confusion == whole.confusion).all()
    assert parts.activity == whole.activity
    assert (parts.samples, parts.timesteps) == (101, 8)
    assert len(seen) == 4 * executor.workers
    assert seen[-1] == (101, 101)


def test_a_part_that_fails_is_named(net) -> None:
    source = Source(net, "digits", limit=3, root=net.parent / "nowhere")
    with pytest.raises(BackendError, match=r"digits, samples 0 to 0: InputError: .*no folder"):
        evaluate_sharded(source, 3, Local())
