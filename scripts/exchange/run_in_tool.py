"""Run a NIR file in another tool: with the Python of that tool, which needs nothing of ours.

    python run_in_tool.py snntorch|norse|sinabs IN.nir SPIKES.npy OUT.npy

SPIKES.npy holds (N, *in_shape, T); OUT.npy gets (N, *out_shape, T).
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

warnings.simplefilter("ignore")
import nir  # noqa: E402
import torch  # noqa: E402


def in_snntorch(graph: Any, spikes: Any) -> Any:
    """Step by step, a sample at a time: its Flatten swallows a batch."""
    from snntorch.import_nir import import_from_nir

    out = []
    for sample in spikes:
        network, state, steps = import_from_nir(graph), None, []
        for step in range(sample.shape[-1]):
            sent, state = network(sample[..., step], state)
            steps.append(sent[0] if isinstance(sent, tuple) else sent)
        out.append(torch.stack(steps, -1))
    return torch.stack(out)


def in_norse(graph: Any, spikes: Any) -> Any:
    """Step by step, a sample at a time: its Flatten swallows a batch too."""
    from norse.torch.utils.import_nir import from_nir

    network, out = from_nir(graph), []
    for sample in spikes:
        state, steps = None, []
        for step in range(sample.shape[-1]):
            sent, state = network(sample[..., step], state)
            steps.append(sent)
        out.append(torch.stack(steps, -1))
    return torch.stack(out)


def in_sinabs(graph: Any, spikes: Any) -> Any:
    """All steps at once, of one sample; with a reset to 0 and one spike per step, as NIR has it."""
    import sinabs.activation as sa
    from sinabs.nir import from_nir

    out = []
    for sample in spikes:
        network = from_nir(graph, batch_size=1)
        for module in network.modules():
            if hasattr(module, "reset_fn"):
                module.reset_fn, module.spike_fn = sa.MembraneReset(), sa.SingleSpike
        sent = network(torch.movedim(sample, -1, 0))
        sent = sent[0] if isinstance(sent, tuple) else sent
        out.append(torch.movedim(sent, 0, -1))
    return torch.stack(out)


def main() -> None:
    tool, source, data, target = sys.argv[1:5]
    spikes = torch.from_numpy(np.load(data)).float()
    graph = nir.read(source)
    with torch.no_grad():
        out = {"snntorch": in_snntorch, "norse": in_norse, "sinabs": in_sinabs}[tool](graph, spikes)
    np.save(target, out.numpy())


if __name__ == "__main__":
    main()
