"""Every field that a netx file may have, by type of layer and of neuron, and what becomes of it.

One table, and nothing beside it: what is not in it is refused by name, since it might be synapses
(``recWeight`` was once passed over) or a factor of the weights (``weight_exp``). Sources: what
lava-dl 0.6.0 writes (``slayer/block/*.py``, ``export_hdf5``; ``slayer/neuron/*.py``,
``device_params``) and reads (``netx/hdf5.py``), what slayerPytorch and spytorch2loihi wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import h5py
import numpy as np

from loihi_sca.errors import NetworkError
from loihi_sca.toml_files import suggestion

Use: TypeAlias = Literal["read", "checked", "default", "mapped", "ignored"]
"""``read``: part of the network. ``checked``: repeats what other fields say, and must agree.
``default``: acts on spikes and is not modelled, so that only one value is exact. ``mapped``: of a
neuron that is mapped and not simulated, kept as it is. ``ignored``: changes nothing."""


@dataclass(frozen=True)
class Field:
    """What becomes of one field.

    Attributes
    ----------
    name : str
        As in the file, ``weight/real`` for a field in a group.
    use : Use
    why : str
        For ``default``, what another value would mean; for ``ignored``, why it changes nothing.
    only : int or str
        The one value that is exact, for ``default``.
    instead : str
        What to do about another value, for ``default``.
    """

    name: str
    use: Use
    why: str = ""
    only: int | str = 0
    instead: str = ""


def _all(use: Use, names: str) -> tuple[Field, ...]:
    return tuple(Field(name, use) for name in names.split())


_WEIGHT = _all("read", "weight weight/real weight/imag")
_EACH = _all("read", "type shape")
_DENSE = (*_EACH, *_WEIGHT, *_all("read", "bias delay"), *_all("checked", "inFeatures outFeatures"))
_WINDOW = (*_EACH, *_all("read", "weight stride padding dilation delay kernelSize"))

LAYERS: Mapping[str, tuple[Field, ...]] = {
    "input": (*_EACH, *_all("read", "weight bias")),
    "flatten": (*_all("read", "type"), *_all("checked", "shape")),
    "dense": _DENSE,
    "dense_rec": (*_DENSE, *_all("read", "weight_rec recWeight")),
    "recurrent": (*_DENSE, *_all("read", "weight_rec recWeight")),
    "dense_comp": _DENSE,
    "conv": (*_WINDOW, *_all("read", "groups bias"), *_all("checked", "inChannels outChannels")),
    "pool": _WINDOW,
    "average": _EACH,
}
"""Fields of each type of layer, beside its group ``neuron``."""

NOT_READ: Mapping[str, str] = {
    "convT": "a transposed convolution, which stock lava-dl writes and cannot load; use a dense "
    "layer",
    "unpool": "an enlarged map, which stock lava-dl writes and cannot load; use a dense layer",
    "concat": "a join of layers, which stock lava-dl cannot load; a network must be a chain",
}
"""Types of layers that are known and not read, with the reason and the way out."""

_GRADIENT = "shapes the gradient that it was trained with, and no spike"

CUBA: tuple[Field, ...] = (
    *_all("read", "type iDecay vDecay vThMant"),
    Field(
        "gradedSpike", "default", "spikes carry the voltage, and netx sends ones", 0,
        "Train with graded_spike=False.",
    ),
    Field(
        "refDelay", "default", "the neuron rests after a spike, and netx lets it go on", 1,
        "Train with ref_delay=1.",
    ),
    Field(
        "wgtExp", "default", "weights count 2**wgtExp times, and netx takes them as they are", 0,
        "Multiply weights by 2**wgtExp, or divide threshold and biases by it, in the file.",
    ),
    Field(
        "weight_exp", "default",
        "WgtScaleBatchNorm scales after quantisation, and netx never reads its scale", 0,
        "Train with MeanOnlyBatchNorm, or with loihi_sca blocks, which scale before quantisation.",
    ),
    Field("messageBits", "default", "spikes are graded, and stock netx dies of the field", 0,
          "Delete the field where spikes are binary."),
    Field("theta", "ignored", "the threshold in SLAYER's units; the chip gets vThMant"),
    Field("tauRho", "ignored", _GRADIENT),
    Field("scaleRho", "ignored", _GRADIENT),
)  # fmt: skip
"""Fields of the neurons that are simulated: CUBA, and LOIHI, as slayerPytorch called it."""

SDNN: tuple[Field, ...] = (
    *_all("read", "type vThMant sigma_output"),
    Field(
        "activation", "default", "the neuron rectifies, whatever the file says", "relu",
        "Train with activation=torch.relu.",
    ),
    Field("messageBits", "default", "stock netx dies of the field", "none", "Delete the field."),
    Field("weight_exp", "default",
          "WgtScaleBatchNorm scales after quantisation, and netx never reads its scale", 0,
          "Train with MeanOnlyBatchNorm."),
    Field("wgtExp", "default", "netx passes it over", 0, "Multiply weights by 2**wgtExp."),
    Field("gradedSpike", "ignored", "messages are graded in any case"),
    *(
        Field(name, "default", "netx passes it over, and takes 6", 6, "Export with 6 bits.")
        for name in ("spike_exp", "state_exp")
    ),
)  # fmt: skip
"""Fields of sigma-delta neurons; that ``sigma_output`` is there counts, not its value."""

RESONATOR: tuple[Field, ...] = (
    *_all("read", "type sinDecay cosDecay vThMant"),
    *(field for field in CUBA if field.name in ("gradedSpike", "messageBits", "refDelay")),
)
"""Fields of resonators, where they are simulated."""

RESONATORS = {"RF_PHASE": False, "RF_IZHIKEVICH": True}
"""Types of resonators, and whether they are Izhikevich's."""

SIMULATED: Mapping[str, tuple[Field, ...]] = {"CUBA": CUBA, "LOIHI": CUBA, "SDNN": SDNN}
"""Types of neurons that are simulated, and their fields."""

_MAPPED_ONLY = (
    "Train with slayer.block.cuba, sigma_delta, rf.Dense or rf_iz.Dense. `estimate` can still map "
    "it."
)
_RESONATES = (
    "resonates, which is exact only behind dense synapses of complex weights, without bias and "
    "delays: netx passes those over, and has no resonators elsewhere"
)
_ADAPTS = "resonates with an adaptive threshold, which stock lava-dl loads as one that stays"

OTHER_NEURONS: Mapping[str, str] = {
    "RF_PHASE": _RESONATES,
    "RF_IZHIKEVICH": _RESONATES,
    "ALIF": "has an adaptive threshold, for which netx has no neuron",
    "ADRF_PHASE": _ADAPTS,
    "ADRF_IZHIKEVICH": _ADAPTS,
    "SRMALPHA": "is slayerPytorch's spike response model, which netx cannot load",
}
"""Neurons that are mapped and not simulated, and what they do."""

MAPPED = (
    *_all("mapped", "type sinDecay cosDecay thDecay refDecay vThStep"),
    *_all("mapped", "tauSr tauRef scaleRef"),
    *(Field(x.name, "mapped") for x in CUBA if x.name != "type"),
)
"""Fields of :data:`OTHER_NEURONS`; all are kept, and none acts on a simulation."""

SIMULATION = (
    *_all("read", "tSample"),
    Field("Ts", "default", "a step of the network is several of the chip", 1,
          "Train with steps of 1."),
)  # fmt: skip
"""Fields of the group ``simulation`` at the top."""


def require_known(owner: str, group: h5py.Group, known: Iterable[Field], skip: str = "") -> None:
    """Raise where a group has a field that the table lacks.

    Parameters
    ----------
    owner : str
        Layer, for the message.
    group : h5py.Group
    known : iterable of Field
    skip : str
        A subgroup that has a table of its own.

    Raises
    ------
    NetworkError
        Names every such field.
    """
    names = [field.name for field in known]
    strange = [name for name in _names(group, names) if name != skip and name not in names]
    if strange:
        listed = ", ".join(f"{n!r}{suggestion(n, names).rstrip('?')}" for n in strange)
        raise NetworkError(
            f"{owner} has a field that is not known here: {listed}. It may hold synapses or "
            "change what the layer computes, so that it cannot be passed over. Known are "
            f"{', '.join(sorted(names))}."
        )


def other_values(parameters: Mapping[str, Any], known: Iterable[Field]) -> Iterator[Field]:
    """Return the fields whose value is not the one that is exact."""
    for field in known:
        if field.use == "default" and field.name in parameters:
            values = np.asarray(parameters[field.name])
            kinds = "SU" if isinstance(field.only, str) else "biuf"
            if values.dtype.kind not in kinds or bool(np.any(values != field.only)):
                yield field


def shown(value: Any) -> str:
    """Return a value of a field for a message."""
    values = np.asarray(value)
    if values.size == 1:
        return f"{values.ravel()[0]:g}" if values.dtype.kind in "biuf" else str(values.ravel()[0])
    return f"{values.min():g} to {values.max():g}" if values.dtype.kind in "biuf" else "no number"


def explain_neuron(kind: str, parameters: Mapping[str, Any]) -> tuple[str, str]:
    """Return why a neuron is not simulated, and what to do instead.

    Parameters
    ----------
    kind : str
        Type of an :class:`~loihi_sca.network.OtherNeuron`.
    parameters : mapping of str to value
        Its parameters.
    """
    if kind in RESONATORS and list(other_values(parameters, RESONATOR)):
        found = list(other_values(parameters, RESONATOR))
    elif kind in OTHER_NEURONS:
        return f"its neuron is {kind!r}: it {OTHER_NEURONS[kind]}", _MAPPED_ONLY
    else:
        found = list(other_values(parameters, SDNN if kind.startswith("SDNN") else CUBA))
    reasons = [f"{x.name} = {shown(parameters[x.name])}: {x.why}" for x in found]
    if not found:
        return f"its neuron is {kind!r}, which is not known to be exact", _MAPPED_ONLY
    return f"its neuron has {'; '.join(reasons)}", " ".join(x.instead for x in found)


def explain_layer(kind: str, tables: Iterable[str]) -> tuple[str, str]:
    """Return why an :class:`~loihi_sca.network.OtherLayer` is not simulated, and what to do."""
    if any("_rec" in table for table in tables):
        return (
            f"block {kind!r} is recurrent with complex weights, which stock lava-dl cannot export",
            "Train with slayer.block.cuba. `estimate` can still map it.",
        )
    return (
        f"block {kind!r} has complex weights, as resonate-and-fire neurons have, which are not "
        "proven exact",
        "Train with slayer.block.cuba. `estimate` can still map it.",
    )


def _names(group: h5py.Group, known: Iterable[str]) -> Iterator[str]:
    """Return the names in a group; those in a group of fields with the group before them."""
    groups = {name.partition("/")[0] for name in known if "/" in name}
    for name in group:
        inner = group.get(name)
        if name in groups and isinstance(inner, h5py.Group):
            yield from (f"{name}/{key}" for key in inner)
        else:
            yield name
