"""Activity files: counts of a run on a chip or in another simulator, as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from loihi_sca.errors import InputError
from loihi_sca.hardware.cost.activity import (
    LEEWAY,
    MOST,
    Activity,
    LayerCounts,
    from_rates,
    from_totals,
    input_spikes_of,
    require_same,
)
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture, LayerSpec
from loihi_sca.whole import is_whole

STORED = ("synops", "updates", "spikes", "samples", "timesteps", "source")
"""What an activity file may say about a network as a whole."""

WITH_LAYERS = ("layers", "input_spikes", "samples", "timesteps", "source")
"""And where it has counts per layer."""

OF_LAYER = ("name", "spikes", "synops", "updates")
"""What it may say about a layer."""


def read_activity(
    path: str | os.PathLike[str],
    architecture: Architecture,
    profile: Profile,
    timesteps: int | None = None,
) -> Activity:
    """Read an activity file; see :func:`from_json`."""
    path = Path(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read activity {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"activity {path} is not JSON: {error}.") from error
    try:
        return from_json(value, architecture, profile, timesteps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def from_json(
    value: Any, architecture: Architecture, profile: Profile, timesteps: int | None = None
) -> Activity:
    """Return the activity that a JSON object describes; see ``docs/hardware.md``.

    Either counts of the whole network (``synops``, optionally ``updates`` and ``spikes``), or
    ``layers``: a list with ``name``, ``spikes``, ``synops`` and optionally ``updates``. Counts are
    summed over ``samples`` (1 if absent) of ``timesteps`` steps: those of the object, or else those
    given, or the network's.

    Raises
    ------
    InputError
        A key or a layer is unknown, missing or there twice, or a count is no number, or more than
        the network has when every neuron spikes at every step; or other timesteps are given than
        the object says.
    """
    if not isinstance(value, dict):
        raise InputError("the activity must be a JSON object.")
    otherwise = architecture.timesteps if timesteps is None else timesteps
    samples, steps = value.get("samples", 1), value.get("timesteps", otherwise)
    whole = f"must be a whole number from 1 to {MOST}"
    if not is_whole(samples, 1, MOST):
        raise InputError(f"activity: samples is {samples!r}, {whole}.")
    if not is_whole(steps, 1, MOST):
        raise InputError(f"activity: timesteps is {steps!r}, {whole}.")
    require_same(timesteps, steps, "timesteps per sample")
    source = str(value.get("source", "given counts"))
    if "layers" not in value:
        _require_known(value, STORED)
        counts = {key: _number(value, key, samples) for key in STORED[:3] if key in value}
        if "synops" not in counts:
            raise InputError("activity: needs 'synops', or 'layers' with counts per layer.")
        return from_totals(architecture, profile, **counts, timesteps=steps, source=source)
    if not isinstance(value["layers"], list) or not all(
        isinstance(x, dict) for x in value["layers"]
    ):
        raise InputError("activity: 'layers' must be a list of objects.")
    _require_known(value, WITH_LAYERS)
    by_name = _by_name(value["layers"], architecture)
    layers = []
    for spec in architecture.layers:
        if spec.geometry.kind != "port" and spec.name not in by_name:
            raise InputError(f"activity: no counts for layer {spec.name!r}.")
        layers.append(_layer_from_json(spec, by_name.get(spec.name, {}), samples, steps, profile))
    first = architecture.layers[0]
    if "input_spikes" in value:
        from_host = _number(value, "input_spikes", samples)
    elif first.geometry.kind == "port" and first.name in by_name:
        from_host = _number(by_name[first.name], "spikes", samples)
    else:
        from_host = input_spikes_of(architecture.layers[0], layers[0])
    found = Activity(tuple(layers), from_host, steps, source)
    _require_possible(found, from_rates(architecture, profile, 1.0, steps), samples)
    return found


def _require_known(values: dict[str, Any], known: tuple[str, ...], where: str = "activity") -> None:
    """Raise for a key that would not be read: a typing error would count as nothing."""
    if unknown := sorted(set(values) - set(known) - {"schema"}):
        raise InputError(f"{where}: unknown keys {unknown}; known are {list(known)}.")


def _by_name(given: list[dict[str, Any]], architecture: Architecture) -> dict[str, dict[str, Any]]:
    """Return what is said of each layer, which must be one of the network, and told once."""
    ours = [spec.name for spec in architecture.layers]
    by_name: dict[str, dict[str, Any]] = {}
    for entry in given:
        name = entry.get("name")
        if name not in ours:
            raise InputError(
                f"activity: a layer {name!r}; network {architecture.name!r} has {ours}."
            )
        if name in by_name:
            raise InputError(
                f"activity: layer {name!r} is there twice. Give its sum over all runs."
            )
        _require_known(entry, OF_LAYER, f"activity: layer {name!r}")
        by_name[name] = entry
    return by_name


def _require_possible(found: Activity, most: Activity, samples: int) -> None:
    """Raise where a layer does more than it can, as when ``samples`` are left out."""
    pairs = [
        (what, layer.name, getattr(layer, what), getattr(limit, what))
        for layer, limit in zip(found.layers, most.layers, strict=True)
        for what in LEEWAY
    ]
    for what, name, count, highest in (
        *pairs, ("spikes", "the input", found.input_spikes, most.input_spikes),
    ):  # fmt: skip
        if count > highest * LEEWAY[what]:
            raise InputError(
                f"activity: {count:g} {what} of {name!r} per sample of {most.timesteps} "
                f"timesteps; it has {highest:g} when every neuron spikes at every step. Give the "
                f"samples ({samples} now) and timesteps that the counts are summed over."
            )


def _layer_from_json(
    spec: LayerSpec, given: dict[str, Any], samples: int, steps: int, profile: Profile
) -> LayerCounts:
    geometry = spec.geometry
    if geometry.kind == "port":
        return LayerCounts(spec.name, 0.0, 0.0, 0.0)
    updates = float(steps * geometry.neurons * profile.compartments_per_neuron(geometry.neuron))
    if "updates" in given:
        updates = _number(given, "updates", samples)
    needed = ("spikes",) if geometry.kind == "input" else ("spikes", "synops")
    if missing := [key for key in needed if key not in given]:
        raise InputError(f"activity: layer {spec.name!r} lacks {' and '.join(missing)}.")
    return LayerCounts(
        spec.name, _number(given, "spikes", samples), _number(given, "synops", samples), updates
    )


def _number(values: dict[str, Any], key: str, samples: int) -> float:
    value = values.get(key, 0)
    right = isinstance(value, int | float) and not isinstance(value, bool)
    if not right or not 0 <= value <= sys.float_info.max:
        raise InputError(f"activity: {key} is {value!r}, must be a number of at least 0.")
    return float(value) / samples
