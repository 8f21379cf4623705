"""The SLAYER side: gated blocks to train with, models, and the front end to the integer network.

Importing its modules loads torch and lava-dl, which takes seconds; the command line does so only
in the commands that need them.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loihi_sca.errors import BackendError

if TYPE_CHECKING:
    from loihi_sca.model.acceleration import accelerate as accelerate

_missing = [package for package in ("torch", "lava") if find_spec(package) is None]
if _missing:
    raise BackendError(
        f"training needs lava-dl 0.6.0, but {' and '.join(_missing)} cannot be found. lava-dl runs "
        "on Python 3.10 only: install loihi-sca there. `loihi-sca doctor` says what works here."
    )


def __getattr__(name: str) -> Any:
    if name == "accelerate":
        from loihi_sca.model import acceleration

        return acceleration.accelerate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
