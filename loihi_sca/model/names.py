"""Names of the layers that the blocks of a model become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch


class Names:
    """Gives each call of a block a name; a list that holds a block twice has two for it."""

    def __init__(self, registered: Sequence[tuple[str, torch.nn.Module]]) -> None:
        self.names: dict[int, list[str]] = {}
        for name, block in each_once(registered):
            self.names.setdefault(id(block), []).append(name)
        self.taken: dict[int, int] = {}

    def next_of(self, block: torch.nn.Module) -> str:
        """Return the name of a block's next call."""
        count = self.taken[id(block)] = self.taken.get(id(block), 0) + 1
        names = self.names[id(block)]
        return names[count - 1] if count <= len(names) else f"{names[-1]}-run{count}"


def each_once(
    registered: Sequence[tuple[str, torch.nn.Module]],
) -> Iterator[tuple[str, torch.nn.Module]]:
    """Yield the blocks, with no name twice."""
    taken: dict[str, int] = {}
    for name, block in registered:
        taken[name] = taken.get(name, 0) + 1
        yield (name if taken[name] == 1 else f"{name}-{taken[name]}"), block
