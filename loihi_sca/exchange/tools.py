"""What the tools that write and read NIR make of its numbers: NIR itself has no time step.

Measured with snntorch 1.0.0, norse 1.1.0 and sinabs 3.1.3; ``scripts/exchange`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from loihi_sca.errors import ConfigError
from loihi_sca.toml_files import suggestion

NirTool: TypeAlias = Literal["nir", "snntorch", "norse", "sinabs"]


@dataclass(frozen=True)
class Tool:
    """One tool's reading of NIR.

    Attributes
    ----------
    name : str
    dt : float or None
        Seconds per time step, None where each user says it. sinabs counts time in steps.
    version : str
        Of the package ``nir`` whose files it reads.
    writes_reset : bool
        Whether neurons have a field ``v_reset``; nir up to 1.0.4 reads no file that has one, and
        means a threshold that is subtracted where there is none.
    unit_resistance : bool
        It passes over ``r``: with r = 1, what it is to do must be in the threshold.
    exponential : bool
        A time constant of ``tau`` steps decays by ``exp(-1/tau)`` and not ``1 - 1/tau``, and
        input counts in full.
    fires_at : bool
        It fires where the voltage reaches the threshold, and not only above it.
    flat_fields : bool
        It fails on neurons whose fields have more than one dimension.
    loses_dt : bool
        The time constants that it writes were multiplied with the time step once too often.
    """

    name: str
    dt: float | None
    version: str = "1.0.8"
    writes_reset: bool = True
    unit_resistance: bool = False
    exponential: bool = False
    fires_at: bool = False
    flat_fields: bool = False
    loses_dt: bool = False


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("nir", dt=None),
        Tool("snntorch", dt=1e-4),
        Tool("norse", dt=1e-3, unit_resistance=True, loses_dt=True),
        Tool(
            "sinabs", dt=1.0, version="1.0.4", writes_reset=False, unit_resistance=True,
            exponential=True, fires_at=True, flat_fields=True,
        ),
    )
}  # fmt: skip


def find_tool(name: str) -> Tool:
    """Return a tool by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in TOOLS:
        raise ConfigError(f"tool {name!r}: one of {', '.join(TOOLS)}{suggestion(name, TOOLS)}.")
    return TOOLS[name]
