"""NeuroBench's metrics of an integer network, beside our counts of the same run.

NeuroBench (2.3.0) counts through the weights of torch's own layers and the neurons that it is told
of. So a network becomes a module of ``Linear`` and ``Conv2d`` with neurons of ours, whose spikes
are those of the engines; masks and weight norms are folded where a model is compiled. Its metrics
are called one by one: its own loop makes 0.0 of an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from loihi_sca.compiler.passes.lower_pool import lower_pool
from loihi_sca.engine import fast
from loihi_sca.errors import BackendError, NotBitExact, UnsupportedLayer
from loihi_sca.network import Conv, Cuba, Dense, Input, Network, Pool
from loihi_sca.pipeline.torch_network import NetworkModule, Neurons
from loihi_sca.results import Result, add_numbers, open_table, plain

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Compared:
    """One quantity, counted twice.

    Attributes
    ----------
    name : str
        As NeuroBench calls it.
    ours, theirs : float
    note : str
        Why they differ, where they may.
    """

    name: str
    ours: float
    theirs: float
    note: str = ""

    @property
    def agree(self) -> bool:
        """Whether both say the same, up to the digits that NeuroBench keeps."""
        return abs(self.ours - self.theirs) <= 1e-4 * max(abs(self.ours), 1.0)


@dataclass(frozen=True, repr=False)
class NeuroBenched(Result):
    """NeuroBench's metrics beside our counts.

    Attributes
    ----------
    network : str
    samples, timesteps : int
    compared : tuple of Compared
    """

    network: str
    samples: int
    timesteps: int
    compared: tuple[Compared, ...]

    def about(self) -> str:
        """Return what was compared, in a line."""
        return f"{self.network!r}, {self.samples} samples of {self.timesteps} steps"

    def as_json(self) -> dict[str, Any]:
        """Return all values."""
        return {
            "schema": 1, "network": self.network, "samples": self.samples,
            "timesteps": self.timesteps, "metrics": self.rows(),
        }  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per metric."""
        return [{**x.__dict__, "agree": x.agree} for x in self.compared]

    def tables(self) -> list[Table]:
        """Return both counts, and why they differ."""
        table = open_table(self.about(), "metric")
        add_numbers(table, "ours", "NeuroBench")
        table.add_column("", overflow="fold")
        for x in self.compared:
            note = "" if x.agree else x.note
            table.add_row(plain(x.name), f"{x.ours:,.6g}", f"{x.theirs:,.6g}", plain(note))
        return [table]


def neurobench(network: Network, data: npt.NDArray[Any]) -> NeuroBenched:
    """Run NeuroBench's metrics on a network, and count the same with the fast engine.

    Parameters
    ----------
    network : Network
        With CUBA neurons and without delays; pools are lowered.
    data : int array (N, *in_shape, T)
        Spikes of 0 and 1, or bias mantissas where the network starts with neurons.

    Raises
    ------
    UnsupportedLayer
        There are delays, or neurons that torch's layers cannot be followed by.
    BackendError
        NeuroBench is not installed, or one of its metrics failed.
    NotBitExact
        The module that NeuroBench sees sends other spikes than the network.
    InputError
        The data do not fit.
    """
    metrics = _import()
    network = lower_pool(network)
    _require_supported(network)
    ours = fast.run(network, data)
    module = NetworkModule(network)
    model = metrics["TorchModel"](module)
    model.add_activation_module(Neurons)
    # before anything ran: NeuroBench counts states that are left behind as memory
    stored = metrics["TorchModel"](_Stored(network))
    footprint = _call(metrics["Footprint"](), stored)
    sparsity = _call(metrics["ConnectionSparsity"](), model)
    model.register_hooks()
    try:
        with torch.no_grad():
            batch = torch.from_numpy(np.asarray(data, np.int64))
            sent = model(batch)
            _require_same(sent, ours.spikes)
            labels = (batch, torch.zeros(len(batch)))
            synops = _call(metrics["SynapticOperations"](), model, sent, labels)
            silent = _call(metrics["ActivationSparsity"](), model, sent, labels)
    finally:
        model.cleanup_hooks()
    theirs = {
        "Footprint": footprint, "ConnectionSparsity": sparsity,
        "Effective_ACs": synops["Effective_ACs"], "Effective_MACs": synops["Effective_MACs"],
        "ActivationSparsity": silent,
    }  # fmt: skip
    counted = _count(network, ours.activity, len(data))
    return NeuroBenched(
        network.name, len(data), int(data.shape[-1]),
        tuple(Compared(name, *counted[name][:1], value, counted[name][1])
              for name, value in theirs.items()),
    )  # fmt: skip


def _import() -> dict[str, Any]:
    try:
        from neurobench.metrics.static import ConnectionSparsity, Footprint
        from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
        from neurobench.models import TorchModel
    except ImportError as error:
        raise BackendError(
            f"NeuroBench is not there ({error}): pip install 'loihi-sca[neurobench]', with the "
            "torchaudio of your torch."
        ) from error
    found = (ConnectionSparsity, Footprint, ActivationSparsity, SynapticOperations, TorchModel)
    return {kind.__name__: kind for kind in found}


def _call(metric: Any, *arguments: Any) -> Any:
    """Call one of its metrics; an exception stays one."""
    try:
        return metric(*arguments)
    except Exception as error:
        name = type(metric).__name__
        raise BackendError(f"NeuroBench's {name} failed ({error!r}).") from error


def _require_supported(network: Network) -> None:
    if not network.wiring.is_chain:
        raise UnsupportedLayer(
            f"{network.name}: its layers hear others than the one before them",
            "NeuroBench counts through a row of torch's layers.",
        )
    for layer in network:
        if type(layer) not in (Input, Conv, Pool, Dense):
            raise UnsupportedLayer(
                f"{layer.name} is a {type(layer).__name__}, which no layer of torch is",
                "NeuroBench counts through those.",
            )
        late = layer.axon_delay is not None and layer.axon_delay.any()
        if late or (isinstance(layer, Dense) and layer.delay is not None and layer.delay.any()):
            raise UnsupportedLayer(
                f"{layer.name} has delays, which torch's layers do not",
                "NeuroBench counts through those.",
            )
        if not isinstance(layer.neuron, Cuba) and not (
            isinstance(layer, Input) and layer.neuron is None
        ):
            raise UnsupportedLayer(f"{layer.name} has neurons that are not CUBA")


def _require_same(sent: torch.Tensor, spikes: npt.NDArray[Any]) -> None:
    differ = int(np.sum(sent.numpy() != spikes))
    if differ:
        raise NotBitExact(
            f"the module for NeuroBench sends other spikes: {differ} of {spikes.size} differ."
        )


class _Stored(nn.Module):
    """The weights and biases of a network in as few bytes as hold them."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        for index, (_, values) in enumerate(_parameters(network)):
            self.register_buffer(f"stored{index}", torch.from_numpy(_smallest(values)))


def _parameters(network: Network) -> Iterator[tuple[str, npt.NDArray[np.int32]]]:
    for layer in network:
        if isinstance(layer, Dense | Conv):
            even = not np.any(layer.weight % 2)  # as the chip stores them: half, in 8 bits
            yield layer.name, layer.weight // 2 if even else layer.weight
            if layer.bias is not None:
                yield layer.name, layer.bias


def _smallest(values: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
    """Return integers in the smallest type with sign that holds them."""
    for kind in (np.int8, np.int16):
        info = np.iinfo(kind)
        if values.min() >= info.min and values.max() <= info.max:
            return values.astype(kind)
    return np.array(values)


def _count(network: Network, activity: Any, samples: int) -> dict[str, tuple[float, str]]:
    """Return our value of each metric, and why NeuroBench may say something else."""
    weights = [x.weight for x in network if isinstance(x, Dense | Conv)]
    zeros = sum(int(np.sum(w == 0)) for w in weights)
    total = sum(w.size for w in weights)
    spiking = [a for a, x in zip(activity, network, strict=True) if isinstance(x.neuron, Cuba)]
    spikes, updates = sum(a.spikes for a in spiking), sum(a.updates for a in spiking)
    bits = sum(values.size * _smallest(values).itemsize for _, values in _parameters(network))
    visited = (
        f"{zeros:,} stored weights are 0: the chip visits them, NeuroBench does not count them"
        if zeros
        else ""
    )
    return {
        "Footprint": (float(bits), ""),
        "ConnectionSparsity": (zeros / total, ""),
        "Effective_ACs": (sum(a.synops for a in activity) / samples, visited),
        "Effective_MACs": (0.0, ""),
        "ActivationSparsity": (1 - spikes / max(updates, 1), ""),
    }
