"""What the compiler did, pass by pass."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from loihi_sca import netx
from loihi_sca.compiler.bounds import UNBOUNDED, LayerBounds, bounds
from loihi_sca.compiler.translation import Translation, translation_table
from loihi_sca.engine.result import Schedule
from loihi_sca.errors import NotBitExact
from loihi_sca.files import atomic_path
from loihi_sca.network import Conv, Dense, Graded, Input, KnownNetwork, Layer, Network
from loihi_sca.network.fixed_point import STATE_LIMIT
from loihi_sca.network.graded import graded_notes
from loihi_sca.results import add_numbers, open_table, plain, times

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Step:
    """What one pass did.

    Attributes
    ----------
    name : str
        The pass.
    notes : tuple of str
        One sentence per layer that it changed; empty where it found nothing to do.
    """

    name: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Proof:
    """What of a trained model was compared with its network, and found equal.

    Attributes
    ----------
    data : str
        ``random`` (with the seed) or ``given``.
    samples, timesteps : int
    outputs : tuple of str
        What the model's forward pass returns, or the block whose spikes were compared.
    layers : tuple of str
        Blocks whose spikes were compared with those of the layers they became, before the passes.
    compared : int
        Spikes and absent spikes compared.
    spikes : int
        Spikes among those of the last block: a comparison of silence proves little.
    schedules : tuple of {"pipelined", "cold"}
        Those in which the network was compared. Cold stands for the model with its blocks' shifts
        on and a silent step before the sample, where sigma-delta neurons have a bias.
    """

    data: str
    samples: int
    timesteps: int
    outputs: tuple[str, ...]
    layers: tuple[str, ...]
    compared: int
    spikes: int
    schedules: tuple[Schedule, ...] = ("pipelined",)

    def as_json(self) -> dict[str, object]:
        """Return the fields."""
        return asdict(self)


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(KnownNetwork):
    """A compiled network, and how it came about.

    Attributes
    ----------
    steps : tuple of Step
        In the order in which the passes ran.
    notes : tuple of str
        What a user should know and no pass could change: channels that ignore their input, currents
        that may leave their 24 bits.
    proof : Proof or None
        What was compared with the trained model; None where nothing was.
    source : Network or None
        What the passes were given.
    translations : tuple of Translation
        What became of the numbers of each layer, where the model was not in those of the chip.
    """

    steps: tuple[Step, ...] = field(default=(), metadata={"digest": False})
    notes: tuple[str, ...] = field(default=(), metadata={"digest": False})
    proof: Proof | None = field(default=None, metadata={"digest": False})
    source: Network | None = field(default=None, metadata={"digest": False})
    translations: tuple[Translation, ...] = field(default=(), metadata={"digest": False})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a netx file that stock lava-dl loads; the file appears only once it is proven.

        A network that is no chain, which netx cannot say, becomes a file of our own, that only
        loihi-sca loads.

        It is written under another name, read back and compared, and then renamed.

        Raises
        ------
        NotBitExact
            Reading it back gives another network. What was at the path before is still there.
        InputError
            The path cannot be written.
        """
        with atomic_path(path) as temporary:
            netx.save(self.network, temporary)
            if netx.read(temporary) != self.network:
                raise NotBitExact(f"{path}: reading it back gives another network.")

    def as_json(self) -> dict[str, object]:
        """Return steps, notes, proof and translations, without the network."""
        steps = [{"pass": step.name, "notes": list(step.notes)} for step in self.steps]
        proof = None if self.proof is None else self.proof.as_json()
        known: dict[str, object] = {"passes": steps, "notes": list(self.notes), "proof": proof}
        if self.translations:
            known["translations"] = [row.as_json() for row in self.translations]
        return known

    def about(self) -> str:
        """Return the network, and what was compared, in a line."""
        proof = self.proof
        proven = "" if proof is None else f", as the model on {proof.samples} samples"
        return super().about() + proven

    def tables(self) -> list[Table]:
        """Return what became of each layer, and what the passes did."""
        table = open_table(self.about(), "layer")
        add_numbers(table, "model", "network", "parameters")
        before = {layer.name: times(layer.out_shape) for layer in self.source or self}
        for after in self:
            table.add_row(
                plain(after.name), before.get(after.name, ""), times(after.out_shape),
                f"{sum(x.parameters for x in after.tables):,}",
            )  # fmt: skip
        done = [f"{step.name}: {note}" for step in self.steps for note in step.notes]
        table.caption = "\n".join(map(plain, done))
        return [table, *([translation_table(self.translations)] if self.translations else [])]

    def as_text(self) -> str:
        """Return the JSON as text, as it goes into the network's metadata."""
        return json.dumps(self.as_json(), sort_keys=True)


def changes(before: Network, after: Network) -> tuple[str, ...]:
    """Describe how a pass changed a network, one sentence per layer and kind of change."""
    old = {layer.name: layer for layer in before}
    return tuple(
        f"{layer.name}: {what}"
        for layer in after
        for what in (_differences(old[layer.name], layer) if layer.name in old else ["added"])
    )


def _differences(old: Layer, new: Layer) -> Iterator[str]:
    if type(old) is not type(new):
        yield f"{type(old).__name__} became {type(new).__name__}"
    elif old.out_shape[0] != new.out_shape[0]:
        yield f"{old.out_shape[0]} -> {new.out_shape[0]} channels"
    if isinstance(old, Conv) and isinstance(new, Conv) and old.groups != new.groups:
        yield f"{old.groups} -> {new.groups} groups"
    if old.parameters != new.parameters:
        yield f"{old.parameters} -> {new.parameters} parameters"
    if old.axon_delay is not None and new.axon_delay is None:
        yield "axon delays moved"
    if isinstance(new, Dense):
        before = old.delay if isinstance(old, Dense) else None
        same = before is not None and new.delay is not None and np.array_equal(before, new.delay)
        if new.delay is not None and not same:
            yield f"synaptic delays up to {new.delay.max()} steps"
    if old.neuron is not new.neuron and old.neuron != new.neuron:
        yield "neuron parameters shared"


def remarks(network: Network) -> tuple[str, ...]:
    """Return what the bounds of a network say that its user should know."""
    found = [text for x, b in zip(network, bounds(network), strict=True) for text in _remark(x, b)]
    return (*found, *_constant(network), *graded_notes(network))


def _constant(network: Network) -> Iterator[str]:
    first = network.layers[0]
    if isinstance(first, Input) and first.constant:
        yield (
            f"{first.name}: its last channel is constant; engines here fill it in, and whoever "
            f"feeds stock Lava or a chip gives it {first.always} at every step"
        )


def _remark(layer: Layer, bound: LayerBounds) -> Iterator[str]:
    if isinstance(layer, Input):
        return
    constant = np.flatnonzero(bound.constant)
    does = "send once" if isinstance(layer.neuron, Graded) else "spike"
    if constant.size:
        shown = ", ".join(map(str, constant[:8])) + (", ..." if constant.size > 8 else "")
        yield f"{layer.name}: channels {shown} {does} whatever the input is"
    if isinstance(layer.neuron, Graded):
        return
    if bound.can_wrap:
        peak = max(int(bound.current_high.max()), int(-bound.current_low.min()))
        size = "any size" if peak >= UNBOUNDED else f"up to {peak}"
        yield (
            f"{layer.name}: currents of {size} cannot be excluded, the chip wraps at "
            f"{STATE_LIMIT}; verify on real data counts wraps"
        )


def remember(
    compiled: Compiled,
    proof: Proof | None,
    notes: tuple[str, ...],
    translations: tuple[Translation, ...] = (),
) -> Compiled:
    """Return a compiled network with its proof and with more notes, also in its metadata."""
    if proof is not None and not proof.spikes:
        silence = "the model sent no spike on what was compared, which proves little; "
        notes = (*notes, silence + "give proof_data on which it does")
    source = compiled.source or compiled.network
    about: dict[str, Any] = {
        "steps": compiled.steps, "notes": (*compiled.notes, *notes), "proof": proof,
        "source": source, "translations": translations,
    }  # fmt: skip
    text = Compiled.of(compiled.network, **about).as_text()
    metadata = {**source.metadata, "compiler": text, "source_digest": source.digest()}
    return Compiled.of(compiled.network.replace(metadata=metadata), **about)
