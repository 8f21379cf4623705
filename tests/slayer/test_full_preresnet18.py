"""PreResNet18 at full width: planned, compiled, mapped, and the same on all engines."""

import time

import numpy as np
import pytest
import torch

from loihi_sca.compiler.verify import verify
from loihi_sca.config import load_recipe
from loihi_sca.frontend.slayer import compile_slayer
from loihi_sca.hardware import describe, map_network
from loihi_sca.model.build import build
from loihi_sca.model.folding import measure_and_fold
from loihi_sca.pipeline.plan import plan
from loihi_sca.planning.outline import outline_of

SHAPE = (3, 32, 32)


def frames(samples: int) -> np.ndarray:
    still = np.random.default_rng(0).integers(0, 65, (samples, *SHAPE, 1))
    return still.repeat(4, axis=-1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_it_is_planned_compiled_mapped_and_equal_on_all_engines(capsys) -> None:
    recipe = load_recipe("cifar10-preresnet18")
    began = time.process_time()
    torch.manual_seed(0)
    model = build(recipe.model, SHAPE, 10, values=True).train()
    if recipe.model.norm == "batch":
        few = torch.from_numpy(frames(4)).float()
        measure_and_fold(model, [few], few[:1])
    # random weights: without a push the deepest layers are silent on random input
    compiled = compile_slayer(model.eval(), timesteps=4, proof_data=frames(1))
    assert compiled.proof.compared > 10**6
    assert {"residual9.conv1", "spikes9", "output"} <= {*compiled.proof.layers}
    found = verify(compiled.network, engines=("reference", "fast"), data=frames(1))
    assert found.mismatches == 0
    assert found.spikes["residual9.select"] > 0

    placement = map_network(compiled.network, "loihi2")
    planned = map_network(describe(outline_of(recipe, SHAPE, 10).architecture), "loihi2")
    # weights that happen to need fewer bits take fewer cores
    assert placement.cores <= planned.cores <= 1.1 * placement.cores
    half = plan(recipe, f"cores={placement.cores // 2}")
    assert 0.9 * (placement.cores // 2) < half.plan.promised <= placement.cores // 2
    with capsys.disabled():
        print(
            f"\nPreResNet18: {compiled.parameters:,} weights, {placement.cores} cores on "
            f"{placement.chips} chips; planned for half: {half.plan.promised}; "
            f"{time.process_time() - began:.0f} CPU s"
        )
