"""SpikingJelly's own modules on the chip: what is exact, what is measured, what is refused."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly_models import (
    functional,
    random_model,
    spikes,
    torch,
)

import loihi_sca
from loihi_sca.engine import fast, reference


def theirs(model, data) -> np.ndarray:
    """Run SpikingJelly itself, with none of our code."""
    functional.reset_net(model)
    steps = torch.from_numpy(np.moveaxis(data, -1, 0).copy()).float()
    with torch.no_grad():
        multi = next(m.step_mode for m in model.modules() if hasattr(m, "step_mode")) == "m"
        sent = model(steps) if multi else torch.stack([model(step) for step in steps])
    functional.reset_net(model)
    return np.moveaxis(sent.numpy(), 0, -1)


@given(st.integers(0, 10**6), st.sampled_from(["m", "s"]))
@settings(max_examples=25, deadline=None)
def test_integrate_and_fire_on_a_grid_gives_the_very_spikes(seed: int, mode: str) -> None:
    model, shape = random_model(seed, mode=mode)
    data = spikes(shape, seed=seed)
    compiled = loihi_sca.compile(model, shape, 12, proof_data=data)
    assert [row.layer for row in compiled.translations if not row.exact] == []
    assert all(row.snr_db is None and not row.differ for row in compiled.translations)
    expected = theirs(model, data)
    for engine in (reference, fast):
        assert np.array_equal(engine.run(compiled, data).spikes, expected)
    assert compiled.proof is not None
    assert compiled.proof.compared == sum(row.compared for row in compiled.translations)
