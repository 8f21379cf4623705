"""Input that does not change in time: weighed and normed once, with the same results."""

import pytest
import torch

from loihi_sca.config import ConvConfig, DenseConfig, ModelConfig, NeuronConfig, Norm
from loihi_sca.model import normed
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.model.folding import fold_norms


def built(norm: Norm) -> SpikingNet:
    torch.manual_seed(0)
    layers = (
        ConvConfig(type="conv", channels=7, kernel=3, stride=2, padding=1),
        DenseConfig(type="dense", neurons=9),
    )
    neuron = NeuronConfig(voltage_decay=0.3, tau_grad=0.05)
    return build(ModelConfig(layers=layers, neuron=neuron, norm=norm, weight_scale=3), (2, 9, 9), 4)


def step(model: SpikingNet, spikes: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the output, and the gradient of every parameter."""
    model.zero_grad()
    output = model(spikes)
    (output.sum(dim=-1) * torch.arange(4.0)).sum().backward()
    return output.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("norm", [True, False, "batch", "folded"])
def test_a_step_that_is_expanded_brings_what_it_brings_repeated(norm: Norm | str) -> None:
    torch.manual_seed(1)
    once = (torch.rand(6, 2, 9, 9, 1) < 0.4).float()
    expanded, repeated = once.expand(-1, -1, -1, -1, 5), once.repeat(1, 1, 1, 1, 5)
    found = []
    for spikes in (expanded, repeated):
        model = built("batch" if norm == "folded" else norm)  # type: ignore[arg-type]
        if norm == "folded":
            model(repeated)
            fold_norms(model)
        found.append(step(model, spikes))
    (ours, gradients), (plain, wanted) = found
    assert plain.any()
    assert torch.equal(ours, plain)
    assert len(gradients) == len(wanted) > 2
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_it_is_weighed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    weigh = normed.Normed._current

    def watched(block: normed.Normed, spikes: torch.Tensor) -> torch.Tensor:
        seen.append(spikes.shape[-1])
        return weigh(block, spikes)

    monkeypatch.setattr(normed.Normed, "_current", watched)
    model, once = built(True), torch.ones(2, 2, 9, 9, 1)
    model(once.expand(-1, -1, -1, -1, 5))
    assert seen == [1, 5, 5], "only the first layer hears what does not change"
