"""The SLAYER side: gated blocks to train with, models, and the front end to the integer network.

Importing its modules loads torch and lava-dl, which takes seconds; the command line does so only
in the commands that need them.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loihi_sca.errors import BackendError

if TYPE_CHECKING:
    from loihi_sca.model.acceleration import accelerate as accelerate
    from loihi_sca.slayer.dynamics.events import event_driven as event_driven


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent
        return False


_missing = [
    f"{package} is not there ({remedy})"
    for package, module, remedy in (
        ("torch", "torch", "`pip install 'loihi-sca[train]'`"),
        ("lava-dl", "lava.lib.dl.slayer", "`loihi-sca lava install`"),
    )
    if not _there(module)
]
if _missing:
    raise BackendError(f"training needs torch and lava-dl 0.6.0: {'; '.join(_missing)}.")


def __getattr__(name: str) -> Any:
    if name == "accelerate":
        from loihi_sca.model import acceleration

        return acceleration.accelerate
    if name == "event_driven":
        from loihi_sca.slayer.dynamics import events

        return events.event_driven
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
