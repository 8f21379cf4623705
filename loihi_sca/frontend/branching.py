"""Models whose blocks hear others than the one before them: several heads on one body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from loihi_sca.model.kinds import RECURRENT
from loihi_sca.model.route import INPUT, Route
from loihi_sca.model.stream import StreamNeurons
from loihi_sca.model.unsupported import lava_name
from loihi_sca.model.walk import ON_STREAM, is_block
from loihi_sca.network import Layer, Shape
from loihi_sca.problems import Problem


def branch_problems(route: Route, delay_shift: str) -> Iterator[Problem]:
    """Yield what keeps a model with branches from being converted; nothing for a row."""
    places = {call.name: i for i, call in enumerate(route.calls)}
    branches = [call for call in route.calls if call.source is not None]
    first = route.calls[0] if route.calls else None
    for call in branches:
        if call.source == INPUT and first and is_block(first.block):
            if lava_name(first.block) == "Input":
                yield Problem(
                    call.name, f"it hears the input itself, past {first.name}, which encodes it",
                    f"Let it hear {first.name}.",
                )  # fmt: skip
        place = places.get(call.source or "")
        between = () if place is None else route.calls[place : place + 1]
        if isinstance(call.block, ON_STREAM):
            yield Problem(
                call.name, f"it is on a residual stream, and hears {call.source}",
                "Keep the blocks of a stream in a row, and branch off behind StreamNeurons.",
            )  # fmt: skip
        for heard in between:
            if isinstance(heard.block, ON_STREAM) and not isinstance(heard.block, StreamNeurons):
                yield Problem(
                    call.name, f"it hears {heard.name}, within a residual stream",
                    "Branch off behind StreamNeurons.",
                )  # fmt: skip
    for call in route.calls if branches else ():
        if getattr(call.block, "delay_shift", False) is True and delay_shift == "exact":
            yield Problem(
                call.name,
                "it has delay_shift=True, in a model whose blocks hear others than the one before "
                "them, whose ways need not be equally long",
                'Set delay_shift=False in all blocks, or compile with delay_shift="drop".',
            )
        if is_block(call.block) and lava_name(call.block) in ("Average", "Affine"):
            yield Problem(
                call.name, "it is a read-out, of which a model with several heads can have none",
                "Return the spikes, and read them out on the host.",
            )  # fmt: skip


@dataclass
class Ends:
    """What each call sends, and which layer it has become.

    Attributes
    ----------
    sent : dict of call name to (shape or None, layer name)
        No shape behind a block that could not be converted.
    heard : str or None
        Layer that the next one hears; None for the one before it.
    """

    sent: dict[str, tuple[Shape | None, str]] = field(default_factory=dict)
    heard: str | None = None

    def note(
        self, name: str, shape: Shape | None, layer: str, passes_on: Sequence[Layer] = ()
    ) -> None:
        """Note what a call sends; one without a layer of its own passes on what it hears.

        ``passes_on`` are the layers so far, of such a one only.
        """
        if passes_on:
            self.heard = self.heard or passes_on[-1].name
            layer = self.heard
        else:
            self.heard = None
        self.sent[name] = shape, layer

    def hear(self, source: str) -> Shape | None:
        """Let the next layer hear a call, and return what it sends."""
        if source not in self.sent:
            return None
        shape, self.heard = self.sent[source]
        return shape

    def wired(self, layer: Layer, before: Sequence[Layer]) -> Layer:
        """Return a layer with its source, where that is not the layer before it."""
        if self.heard is None or (before and before[-1].name == self.heard):
            return layer
        return replace(layer, source=self.heard)


def repeated_problems(route: Route) -> Iterator[Problem]:
    """Yield recurrent blocks that run more than once in a forward pass."""
    ran: set[int] = set()
    for call in route.calls:
        if isinstance(call.block, RECURRENT):
            if id(call.block) in ran:
                yield Problem(
                    call.name,
                    "it is a recurrent block that runs again in one forward pass, beginning where "
                    "it has ended before, and a layer of the chip begins at rest",
                    "Give it a block of its own.",
                )
            ran.add(id(call.block))
