"""How samples became a network's input, as its file tells it: JSON of keys of a recipe's data."""

from __future__ import annotations

import json
from typing import Any

from loihi_sca.config import OF_ENCODING, DataConfig
from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import validate

ENCODED = "encoded"
"""Key in a network's metadata."""

KEYS = (
    "encoding", "levels", "hold", "reach", "threshold", "binning", "window_ms", "downsample",
    "counts",
)  # fmt: skip
"""What decides how samples become input; timesteps stand in a file anyway."""


def encoding_of(config: DataConfig) -> str:
    """Return how a recipe's samples become input: the encoding, and what is not as usual."""
    usual = DataConfig()
    said = {key: getattr(config, key) for key in KEYS}
    changed = {key: value for key, value in said.items() if value != getattr(usual, key)}
    return json.dumps({"encoding": config.encoding, **changed}, sort_keys=True)


def with_encoding(config: DataConfig, encoded: str) -> tuple[DataConfig, frozenset[str]]:
    """Return a configuration with what it leaves open taken over, and the keys that were.

    Raises
    ------
    ConfigError
        The text is none that :func:`encoding_of` has made.
    """
    told, said = _parsed(encoded), config.model_dump(exclude_unset=True)
    encoding = said.get("encoding", told["encoding"])
    told = {key: v for key, v in told.items() if OF_ENCODING.get(key, encoding) == encoding}
    changed = validate(DataConfig, {**told, **said}, "how a file says that its input was encoded")
    return changed, frozenset(told) - frozenset(said)


def check_encoding(name: str, config: DataConfig, encoded: str) -> None:
    """Raise unless a recipe or a run encodes its samples as a network's were.

    Raises
    ------
    ConfigError
        Names the keys that differ.
    """
    usual = DataConfig()
    told = _parsed(encoded)
    differing = [
        f"{key} = {getattr(config, key)!r}, and the network learned from {value!r}"
        for key in KEYS
        if getattr(config, key) != (value := told.get(key, getattr(usual, key)))
    ]
    if differing:
        raise ConfigError(
            f"{name}: {'; '.join(differing)}. Name the dataset itself, which is then encoded as "
            "the network's file says, or load it by loihi_sca.load_data."
        )


def _parsed(encoded: str) -> dict[str, Any]:
    try:
        told = json.loads(encoded)
    except ValueError as error:
        raise ConfigError(f"how a file says that its input was encoded: {error}.") from error
    if not isinstance(told, dict) or not {"encoding"} <= set(told) <= set(KEYS):
        raise ConfigError(
            f"how a file says that its input was encoded: {encoded[:80]!r} is no table of "
            f"{', '.join(KEYS)}, the first of which has to be there."
        )
    return told
