"""Make a small network in another tool, let that tool write it as NIR, and run it on spikes there.

    python write_in_tool.py snntorch|norse|sinabs OUT.nir SPIKES.npy OUT.npy

SPIKES.npy gets random spikes (N, C, H, W, T) or (N, C, T), OUT.npy what the network sends. Neurons
are reset to 0, as on the chip.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

warnings.simplefilter("ignore")
import nir  # noqa: E402
import torch  # noqa: E402

SAMPLES, STEPS = 16, 24


def of_snntorch(path: str) -> tuple[Any, Any]:
    """Beta and threshold must be vectors: scalars, as in its docstring, do not export."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def leaky(*shape: int, beta: float) -> Any:
        return snn.Leaky(
            beta=torch.full(shape, beta), threshold=torch.ones(shape), reset_mechanism="zero",
            init_hidden=True, reset_delay=False,
        )  # fmt: skip

    network = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3, padding=1), leaky(6, 8, 8, beta=0.9), torch.nn.Flatten(),
        torch.nn.Linear(384, 10), leaky(10, beta=0.8),
    )  # fmt: skip
    network[3].weight *= 12
    spikes = (torch.rand(SAMPLES, 2, 8, 8, STEPS) < 0.3).float()
    nir.write(path, export_to_nir(network, torch.ones(1, 2, 8, 8), ignore_dims=[0]))
    sent = []
    for sample in spikes:
        network[1].reset_mem(), network[4].reset_mem()
        sent.append(torch.stack([network(sample[None, ..., t])[0] for t in range(STEPS)], -1))
    return spikes, torch.stack(sent)


def of_norse(path: str) -> tuple[Any, Any]:
    from norse.torch import LIFBoxCell, LIFBoxParameters
    from norse.torch.module.sequential import SequentialState
    from norse.torch.utils.export_nir import to_nir

    def lif(count: int) -> Any:
        return LIFBoxCell(
            LIFBoxParameters(
                tau_mem_inv=torch.full((count,), 100.0), v_th=torch.ones(count),
                v_leak=torch.zeros(count),
            )
        )  # fmt: skip

    network = SequentialState(torch.nn.Linear(30, 40), lif(40), torch.nn.Linear(40, 10), lif(10))
    network[0].weight *= 30
    network[2].weight *= 30
    spikes = (torch.rand(SAMPLES, 30, STEPS) < 0.3).float()
    nir.write(path, to_nir(network, torch.ones(1, 30)))
    sent = []
    for sample in spikes:
        state, steps = None, []
        for step in range(STEPS):
            out, state = network(sample[None, :, step], state)
            steps.append(out[0])
        sent.append(torch.stack(steps, -1))
    return spikes, torch.stack(sent)


def of_sinabs(path: str) -> tuple[Any, Any]:
    import sinabs.activation as sa
    import sinabs.layers as sl
    from sinabs.nir import to_nir

    options = {
        "batch_size": 1, "reset_fn": sa.MembraneReset(), "spike_fn": sa.SingleSpike,
        "spike_threshold": torch.tensor([1.0]), "norm_input": False,
    }  # fmt: skip
    network = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3, padding=1),
        sl.LIFSqueeze(tau_mem=torch.tensor([10.0]), **options),
        sl.SumPool2d(2), torch.nn.Flatten(), torch.nn.Linear(96, 10),
        sl.LIFSqueeze(tau_mem=torch.tensor([20.0]), **options),
    )  # fmt: skip
    spikes = (torch.rand(SAMPLES, 2, 8, 8, STEPS) < 0.3).float()
    network[4].weight *= 4
    graph = to_nir(network, torch.ones(STEPS, 2, 8, 8))
    for node in graph.nodes.values():  # sinabs leaves them out, and then nir 1.0.4 does not write
        if isinstance(node, nir.Conv2d):
            node.input_shape = (8, 8)
        elif isinstance(node, nir.Flatten):
            node.input_type = {"input": np.array([6, 4, 4])}
    nir.write(path, graph)
    sent = []
    for sample in spikes:
        for layer in (network[1], network[5]):
            layer.reset_states()
        sent.append(torch.movedim(network(torch.movedim(sample, -1, 0)), 0, -1))
    return spikes, torch.stack(sent)


def main() -> None:
    tool, path, data, target = sys.argv[1:5]
    torch.manual_seed(0)
    with torch.no_grad():
        make = {"snntorch": of_snntorch, "norse": of_norse, "sinabs": of_sinabs}[tool]
        spikes, sent = make(path)
    np.save(data, spikes.numpy().astype(np.uint8))
    np.save(target, sent.numpy())


if __name__ == "__main__":
    main()
