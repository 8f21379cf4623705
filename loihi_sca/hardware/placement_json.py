"""A placement as JSON values: every core with what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loihi_sca.hardware.cost.mesh import places
from loihi_sca.hardware.mapping.compiler_table import compiler_table
from loihi_sca.hardware.mapping.placement import LayerPlacement, Placement
from loihi_sca.hardware.violations import Violation

SCHEMA = 1
"""Version of the JSON form."""


def placement_as_json(placement: Placement, violations: Sequence[Violation] = ()) -> dict[str, Any]:
    """Return the placement; slices are ``[first, last + 1]``."""
    where = places(placement.profile, 0, placement.cores)
    columns = int(placement.profile.chip.mesh_columns)
    tightest = placement.tightest
    return {
        "schema": SCHEMA,
        "network": placement.architecture.name,
        "profile": placement.profile.name,
        "cores": placement.cores,
        "cores_low": placement.cores_low,
        "chips": placement.chips,
        "straddling": list(placement.straddling),
        "tightest": {
            "layer": tightest.spec.name,
            "limit": tightest.binding,
            "utilisation": tightest.utilisation,
        },
        "layers": [_layer(layer, placement) for layer in placement.layers],
        "assignment": [
            {
                "core": core.index,
                "chip": int(where.chip[core.index]),
                "column": int(where.column[core.index]) - int(where.chip[core.index]) * columns,
                "row": int(where.row[core.index]),
                "layer": core.layer,
                "channels": [core.channels.start, core.channels.stop],
                "rows": [core.rows.start, core.rows.stop],
                "columns": [core.columns.start, core.columns.stop],
                "neurons": core.neurons,
                "synapse_words": core.words,
                "in_axons": core.in_axons,
                "out_axons": core.out_axons,
            }
            for core in placement
        ],
        "violations": [v.as_json() for v in violations],
    }


def _layer(layer: LayerPlacement, placement: Placement) -> dict[str, Any]:
    table = compiler_table(layer, placement.profile)
    first, last = (layer.first, layer.first + layer.cores - 1) if layer.cores else (None, None)
    return {
        "layer": layer.spec.name,
        "cores": layer.cores,
        "first_core": first,
        "last_core": last,
        "neurons_per_core": int(layer.neurons.max(initial=0)),
        "synapse_words": int(layer.words.max(initial=0)),
        "tile": list(layer.tile),
        "compiler_table": None if table is None else table.as_json(),
    }
