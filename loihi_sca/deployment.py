"""What a trained model is worth on the chip: its integers, their accuracy, their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loihi_sca import netx
from loihi_sca.compiler import compile_network
from loihi_sca.compiler.verify import assert_same_spikes, verify
from loihi_sca.data import Dataset
from loihi_sca.engine import fast, reference
from loihi_sca.errors import NotBitExact
from loihi_sca.evaluation import Evaluation, evaluate
from loihi_sca.hardware import Estimate, estimate, load_profile
from loihi_sca.network import Conv, Dense, Network
from loihi_sca.slayer.frontend import to_network
from loihi_sca.slayer.run import spikes_of
from loihi_sca.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Deployment:
    """A compiled network, proven and measured.

    Attributes
    ----------
    network : Network
        As read back from the file.
    evaluation : Evaluation
        Of the integers, on the whole test split.
    estimates : dict of profile name to Estimate
        At the activity of the test split.
    verified_samples : int
        Samples on which model, network before and after compiling and engines agreed, spike for
        spike.
    """

    network: Network
    evaluation: Evaluation
    estimates: dict[str, Estimate]
    verified_samples: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures of a table."""
        samples = self.evaluation.samples
        activity = self.evaluation.activity
        return {
            "accuracy": self.evaluation.accuracy,
            "test_samples": samples,
            "channels": {x.name: x.out_shape[0] for x in self.network.layers[1:]},
            "connections": sum(x.weight.size for x in self.network if isinstance(x, Conv | Dense)),
            "synops": sum(a.synops for a in activity) / samples,
            "spikes": sum(a.spikes for a in activity) / samples,
            "digest": self.network.digest(),
            "verified_samples": self.verified_samples,
            "mismatches": 0,  # one would have raised
            "chips": {name: _costs(e) for name, e in self.estimates.items()},
        }


def deploy(
    checkpoint: Checkpoint,
    test: Dataset,
    path: Path,
    *,
    profiles: Sequence[str] = ("loihi1", "loihi2"),
    verify_samples: int = 16,
    lava_samples: int = 0,
) -> Deployment:
    """Compile a trained model to a file, prove it, measure it and estimate what it costs.

    Parameters
    ----------
    checkpoint : Checkpoint
        A trained model.
    test : Dataset
        All of it is run through the integers.
    path : path
        The netx file to write.
    profiles : sequence of str
        Chips to estimate for.
    verify_samples, lava_samples : int
        Test samples to compare model, network and engines on, and Lava's CPU backend as well.

    Raises
    ------
    NotBitExact
        Two of them do not agree.
    """
    recipe = checkpoint.recipe
    model = checkpoint.model()
    exported = to_network(model, timesteps=recipe.data.timesteps, name=recipe.name)
    network = compile_network(exported)
    netx.write(network, path)
    read = netx.read(path)
    if read != network:
        raise NotBitExact(f"{path}: reading it back gives another network.")
    samples = test.first(verify_samples).spikes()
    trained = spikes_of(model, samples)
    output = network.layers[-1].name
    before = reference.run(exported, samples, record=list(trained))
    sent = {name: before.traces[name].spikes for name in trained}
    assert_same_spikes(trained, sent, "SLAYER and the integers")
    after = {output: fast.run(read, samples).spikes}
    assert_same_spikes({output: trained[output]}, after, "SLAYER and the compiled network")
    verify(read, engines=("reference", "fast"), data=samples)
    if lava_samples:
        verify(path, engines=("fast", "lava"), data=test.first(lava_samples).spikes())
    found = evaluate(read, test, fast.run)
    estimates = {
        name: estimate(read, load_profile(name), found.activity, found.samples, found.timesteps)
        for name in profiles
    }
    return Deployment(read, found, estimates, len(samples))


def _costs(found: Estimate) -> dict[str, Any]:
    costs: dict[str, Any] = {"cores": found.cores, "chips": found.chips}
    costs["synapse_words"] = int(sum(x.words.sum() for x in found.placement.layers))
    costs["fits"] = not found.violations
    if found.energy is not None and found.latency is not None:
        costs["energy_uj"] = found.energy.total_uj.as_json()
        costs["dynamic_uj"] = found.energy.dynamic_uj.as_json()
        costs["sample_us"] = found.latency.sample_us.as_json()
    return costs
