"""Chip profiles: finding, reading and explaining the TOML files with every hardware number."""

from __future__ import annotations

import os
from pathlib import Path

from loihi_sca.errors import ConfigError
from loihi_sca.hardware.schema import Profile
from loihi_sca.toml_files import read_toml, suggestion, validate


def profile_paths() -> dict[str, Path]:
    """Return the shipped profiles by name.

    In a checkout they lie in ``hw_profiles`` at its root, in an installed wheel inside the package.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "profiles", here.parents[1] / "hw_profiles"):
        if folder.is_dir():
            return {
                name: folder / f"{name}.toml"
                for name in sorted(p.stem for p in folder.glob("*.toml"))
            }
    raise ConfigError("the chip profiles are missing from this installation. Reinstall loihi-sca.")


CHIPS = ("loihi1", "loihi2")
"""Profiles for which costs are told by default."""


def load_profile(name: str | os.PathLike[str]) -> Profile:
    """Return a profile by name (``loihi2``) or by path (``./my_board.toml``).

    Raises
    ------
    ConfigError
        There is none, it is not TOML, a key is unknown or missing, or a unit is wrong.
    """
    text = os.fspath(name)
    if not (text.endswith(".toml") or os.sep in text):
        shipped = profile_paths()
        if text not in shipped:
            raise ConfigError(
                f"no profile {text!r}{suggestion(text, shipped) or '.'} There are "
                f"{', '.join(shipped)}; a file needs its ending: ./{text}.toml."
            )
        return read_profile(shipped[text])
    return read_profile(Path(text))


def read_profile(path: Path) -> Profile:
    """Read one profile file; see :func:`load_profile`."""
    owner = f"profile {path}"
    return validate(Profile, read_toml(path, owner), owner)
