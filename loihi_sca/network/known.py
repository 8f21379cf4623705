"""A network together with what is known about how it came about."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from typing_extensions import Self

from loihi_sca.network.graph import Network


@dataclass(frozen=True, eq=False, repr=False)
class KnownNetwork(Network):
    """Base of networks that know more than their content.

    It is the network: engines, files and estimates take it as such, and it equals :attr:`network`.
    """

    @classmethod
    def of(cls, network: Network, **about: Any) -> Self:
        """Return a network with what is known about how it came about."""
        return cls(**{f.name: getattr(network, f.name) for f in fields(Network)}, **about)

    @property
    def network(self) -> Network:
        """The network alone."""
        return Network(**{f.name: getattr(self, f.name) for f in fields(Network)})

    def digest(self) -> str:
        """Return the digest of the network."""
        return self.network.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    def replace(self, **changes: Any) -> Network:
        """Return the network alone with fields changed: what is known is not of that one."""
        return self.network.replace(**changes)
