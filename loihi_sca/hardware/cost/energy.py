"""Energy per sample: what each kind of operation costs, by layer, with its band and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loihi_sca.hardware.cost.activity import Activity
from loihi_sca.hardware.cost.load import Load
from loihi_sca.hardware.cost.papers import PICO_PER_MICRO, Comparison, compare
from loihi_sca.hardware.mapping.placement import Placement
from loihi_sca.hardware.quantity import NOTHING, Band, Quantity
from loihi_sca.hardware.schema import Board, Energy, Profile

NOT_MODELLED = (
    "input and output: the host, the board's x86 cores, loading the network",
    "contention on the mesh, links between chips, any placement but in order",
    "uneven activity within a layer: the busiest core may be busier",
    "voltage, temperature and the spread between chips, beyond the bands",
    "the fill of Loihi 2's AxonMap and AxonMem tables, which is not published",
    "learning",
)
"""What an estimate leaves out, for reports; more in ``docs/hardware.md``."""


@dataclass(frozen=True)
class EnergyItem:
    """One kind of operation in one layer, or in the whole network.

    Attributes
    ----------
    item : str
        The constant in the profile's ``energy`` section.
    layer : str or None
        None for the whole network.
    count : float
        Operations per sample.
    energy_uj : Band
        Per sample.
    constant : Quantity
        Energy of one operation in pJ, with its source.
    """

    item: str
    layer: str | None
    count: float
    energy_uj: Band
    constant: Quantity

    def as_json(self) -> dict[str, Any]:
        """Return the item with the provenance of its constant; ``note`` where it has one."""
        noted = {} if self.constant.note is None else {"note": self.constant.note}
        return {
            "item": self.item,
            "count": self.count,
            "unit_pj": self.constant.band.as_json(),
            "energy_uj": self.energy_uj.as_json(),
            "source": self.constant.source,
            "confidence": self.constant.confidence,
            **noted,
        }


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy per sample.

    Attributes
    ----------
    items : tuple of EnergyItem
        Per layer and kind of operation.
    static_uj : Band
        Static power on the board times the time per sample.
    board_name : str
    board : Board
        Whose static power it is.
    comparison : Comparison
    activity : Activity
        The counts behind it.
    """

    items: tuple[EnergyItem, ...]
    static_uj: Band
    board_name: str
    board: Board
    comparison: Comparison
    activity: Activity

    @property
    def dynamic_uj(self) -> Band:
        """What operations take."""
        return sum((item.energy_uj for item in self.items), NOTHING)

    @property
    def total_uj(self) -> Band:
        """Dynamic and static energy."""
        return self.dynamic_uj + self.static_uj

    @property
    def by_item(self) -> tuple[EnergyItem, ...]:
        """The items summed over layers."""
        summed: dict[tuple[str, Quantity], EnergyItem] = {}
        for x in self.items:
            key = (x.item, x.constant)
            if (before := summed.get(key)) is not None:
                count, energy = before.count + x.count, before.energy_uj + x.energy_uj
                summed[key] = EnergyItem(x.item, None, count, energy, x.constant)
            else:
                summed[key] = EnergyItem(x.item, None, x.count, x.energy_uj, x.constant)
        return tuple(summed.values())

    def by_layer(self) -> dict[str, Band]:
        """Return the dynamic energy of each layer, in uJ."""
        layers: dict[str, Band] = {}
        for item in self.items:
            if item.layer is not None:
                layers[item.layer] = layers.get(item.layer, NOTHING) + item.energy_uj
        return layers

    def as_json(self) -> dict[str, Any]:
        """Return the energy as JSON values, see ``docs/hardware.md``."""
        dynamic, comparison = self.dynamic_uj, self.comparison
        return {
            "per": "sample",
            "activity": self.activity.source,
            "timesteps": self.activity.timesteps,
            "dynamic_uj": dynamic.as_json(),
            "static_uj": self.static_uj.as_json(),
            "total_uj": self.total_uj.as_json(),
            "board": self._board_as_json(),
            "synops": self.activity.synops,
            "updates": self.activity.updates,
            "spikes": self.activity.spikes,
            "items": [item.as_json() for item in self.by_item],
            "layers": self._layers_as_json(),
            "comparison": {
                "about": "45 nm rule of papers: not what the chip takes",
                "snn_accumulates_uj": comparison.snn_uj,
                "ann_macs": comparison.ann_macs,
                "ann_macs_uj": comparison.ann_uj,
                "chip_over_45nm": dynamic.best / comparison.snn_uj if comparison.snn_uj else None,
                "ann_over_chip": comparison.ann_uj / dynamic.best if dynamic.best else None,
            },
            "not_modelled": list(NOT_MODELLED),
        }

    def _board_as_json(self) -> dict[str, Any]:
        power = self.board.static
        return {
            "name": self.board_name,
            "title": self.board.title,
            "static_power": {**power.band.as_json(), "unit": power.unit},
            "source": power.source,
            "confidence": power.confidence,
        }

    def _layers_as_json(self) -> list[dict[str, Any]]:
        dynamic = self.by_layer()
        items: dict[str | None, dict[str, Any]] = {}
        for item in self.items:
            items.setdefault(item.layer, {})[item.item] = item.energy_uj.as_json()
        return [
            {
                "name": counts.name,
                "spikes": counts.spikes,
                "synops": counts.synops,
                "updates": counts.updates,
                "dynamic_uj": dynamic.get(counts.name, NOTHING).as_json(),
                "items_uj": items.get(counts.name, {}),
            }
            for counts in self.activity.layers
        ]


def energy(
    placement: Placement,
    activity: Activity,
    loads: Sequence[Load],
    sample_us: Band,
    board: str | None = None,
) -> EnergyEstimate:
    """Return the energy per sample of a placed network.

    ``synops x e_synop + updates x e_update + spikes x e_spike + messages x (axons, tile) +
    hops x e_hop + cores x steps x e_core_step``, and static power times time.

    Parameters
    ----------
    loads : sequence of Load
        Traffic per layer, of :func:`loihi_sca.hardware.cost.load.loads`.
    sample_us : Band
        Time per sample in the pipelined mode.
    board : str, optional
        By default that of the profile.

    Raises
    ------
    ConfigError
        The profile has no such board.
    """
    profile = placement.profile
    items = [
        item
        for load, counts in zip(loads, activity.layers, strict=True)
        for item in _items(
            profile.energy,
            counts.name,
            load.kind,
            {
                "synop": counts.synops,
                "update": counts.updates,
                "spike": counts.spikes,
                "axon_out": load.messages_sent,
                "axon_in": load.messages_received,
                "tile": load.messages_received,
                "hop_east_west": load.hops_east_west,
                "hop_north_south": load.hops_north_south,
                "core_step": len(load.updates) * activity.timesteps,
            },
        )
    ]
    name, where = profile.board(board)
    # mW x us is nJ
    static_uj = where.static_mw(placement.cores, placement.chips).times(sample_us) * 1e-3
    comparison = compare(placement, activity)
    return EnergyEstimate(tuple(items), static_uj, name, where, comparison, activity)


def dynamic_energy(
    profile: Profile,
    *,
    synops: float,
    updates: float,
    spikes: float = 0.0,
    messages: float = 0.0,
    core_steps: float = 0.0,
) -> Band:
    """Return the dynamic energy of given counts in uJ, without hops on the mesh.

    Parameters
    ----------
    synops, updates, spikes, messages : float
        As the chip counts them: one update per compartment, one message per spike and core.
    core_steps : float
        Cores times timesteps.
    """
    counts = {
        "synop": synops, "update": updates, "spike": spikes,
        "axon_out": messages, "axon_in": messages, "tile": messages,
        "core_step": core_steps,
    }  # fmt: skip
    items = _items(profile.energy, None, "", counts)
    return sum((item.energy_uj for item in items), NOTHING)


def _items(
    constants: Energy, layer: str | None, kind: str, counts: Mapping[str, float]
) -> list[EnergyItem]:
    found = []
    for name, count in counts.items():
        constant = getattr(constants, name)
        if name == "synop":
            constant = {"conv": constants.synop_conv, "dense": constants.synop_dense}.get(
                kind, None
            ) or constants.synop
        found.append(
            EnergyItem(name, layer, count, constant.band * (count / PICO_PER_MICRO), constant)
        )
    return found
