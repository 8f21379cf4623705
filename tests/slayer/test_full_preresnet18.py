"""PreResNet18 at full width: planned, compiled, mapped, and the same on all engines."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import loihi_sca
from loihi_sca.compiler.report import Compiled
from loihi_sca.compiler.verify import verify
from loihi_sca.config import Recipe, load_recipe
from loihi_sca.frontend.slayer import compile_slayer
from loihi_sca.hardware import Architecture, describe, estimate, map_network
from loihi_sca.hardware.shapes import Geometry
from loihi_sca.model.build import build
from loihi_sca.network import Network
from loihi_sca.network.wiring import repeated_by
from loihi_sca.pipeline.plan import plan
from loihi_sca.planning.outline import outline_of

SHAPE, STEPS = (3, 32, 32), 4


def frames(samples: int) -> np.ndarray:
    still = np.random.default_rng(0).integers(0, 65, (samples, *SHAPE, 1))
    return still.repeat(STEPS, axis=-1)


def of_8_bits(network: Network) -> Architecture:
    """Return the network as the mapper sees it with weights of 8 bits; those of relays have 2."""
    seen = describe(network)

    def with_bits(geometry: Geometry) -> Geometry:
        added = tuple(replace(table, bits=(8,)) for table in geometry.added)
        return replace(geometry, bits=(8,) if geometry.bits else (), added=added)

    return replace(
        seen,
        layers=tuple(
            x if repeated_by(x.name) else replace(x, geometry=with_bits(x.geometry))
            for x in seen.layers
        ),
    )


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """The shipped one, with neurons that spike before they have learnt, and no norm to fold."""
    values = load_recipe("cifar10-preresnet18").model_dump(mode="json", exclude_none=True)
    values["data"] = {"name": "cifar10", "timesteps": STEPS, "encoding": "direct"}
    untrained = {"weight_scale": 4.0, "neuron": {"voltage_decay": 0.03}}
    values["model"] = {"zoo": "preresnet18", **untrained}
    return Recipe.model_validate(values)


@pytest.fixture(scope="module")
def compiled(recipe: Recipe) -> Compiled:
    torch.manual_seed(0)
    model = build(recipe.model, SHAPE, 10, values=True)
    return compile_slayer(model.eval(), timesteps=STEPS, proof_data=frames(1))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_it_is_planned_compiled_and_mapped(recipe: Recipe, compiled: Compiled, capsys) -> None:
    began = time.process_time()
    assert compiled.proof.compared > 10**6
    assert {"residual9.conv1", "spikes9", "output"} <= {*compiled.proof.layers}
    placement = map_network(compiled.network, "loihi2")
    planned = map_network(describe(outline_of(recipe, SHAPE, 10).architecture), "loihi2")
    # weights drawn at random need fewer than 8 bits; with 8 the plan is what is placed
    assert placement.cores < planned.cores
    assert map_network(of_8_bits(compiled.network), "loihi2").cores == planned.cores
    cost = estimate(compiled.network, "loihi2", loihi_sca.run(compiled.network, frames(1)))
    assert cost.energy.total_uj.best > cost.energy.dynamic_uj.best > 0
    half = plan(recipe, f"cores={planned.cores // 2}")
    assert 0.9 * (planned.cores // 2) < half.plan.promised <= planned.cores // 2
    with capsys.disabled():
        print(
            f"\nPreResNet18: {compiled.parameters:,} weights, {placement.cores} cores on "
            f"{placement.chips} chips, {cost.energy.total_uj.best:,.0f} uJ per sample; planned for "
            f"half: {half.plan.promised}; {time.process_time() - began:.0f} CPU s"
        )


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.timeout(7200)
def test_four_samples_are_the_same_on_all_engines(compiled: Compiled) -> None:
    found = verify(compiled.network, data=frames(4), timeout_s=7000)
    assert found.engines == ("reference", "fast", "lava")
    assert found.samples == 4
    assert found.mismatches == 0
    busy = [name for name, spikes in found.spikes.items() if spikes]
    assert {"residual2.select", "residual9.select"} <= {*busy}
