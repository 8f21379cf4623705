"""A training of a second, for tests that stop, kill and compare it; also a program of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from loihi_sca.config import Recipe


def tiny_recipe(pruning: dict[str, Any] | None = None, **training: Any) -> Recipe:
    """Return a recipe for 128 digits, pruned to half of 18 channels."""
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"limit": 128, "timesteps": 4},
            "model": {
                "layers": [
                    {"type": "conv", "channels": 6, "stride": 2},
                    {"type": "dense", "neurons": 12},
                ]
            },
            "training": {"epochs": 3, "batch_size": 32, **training},
            "pruning": {"keep": 0.5, "min_channels": 2, "start": 0.3, "stop": 0.7}
            | (pruning or {}),
        }
    )


if __name__ == "__main__":
    from loihi_sca.training.session import train

    train(tiny_recipe(epochs=int(sys.argv[2])), Path(sys.argv[1]), resume=True)
