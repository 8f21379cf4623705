"""loihi-sca: train spiking networks small, ship them exactly, know their cost on Loihi.

What is named here loads when it is first used: models need torch, files and networks do not.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loihi_sca.compiler.verify import verify
    from loihi_sca.frontend.check import check
    from loihi_sca.frontend.compile import compile_slayer
    from loihi_sca.model.sizes import resize, shapes_of
    from loihi_sca.pruning.oneshot import prune
    from loihi_sca.pruning.pruner import Pruner

__all__ = ["Pruner", "check", "compile_slayer", "prune", "resize", "shapes_of", "verify"]

_HOMES = {
    "Pruner": "loihi_sca.pruning.pruner",
    "check": "loihi_sca.frontend.check",
    "compile_slayer": "loihi_sca.frontend.compile",
    "prune": "loihi_sca.pruning.oneshot",
    "resize": "loihi_sca.model.sizes",
    "shapes_of": "loihi_sca.model.sizes",
    "verify": "loihi_sca.compiler.verify",
}


_PACKAGES = (
    "compiler", "config", "data", "engine", "frontend", "hardware", "netx", "network", "slayer",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("loihi-sca")
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES, "__version__"})
