"""Pages that are made from the code: shown, or written where they stand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from loihi_sca.files import write_text


def show_or_write(page: Callable[[], str], place: Path) -> None:
    """Print a page, or with ``--write`` write it to its place."""
    about = str(sys.modules["__main__"].__doc__).splitlines()[0]
    parser = argparse.ArgumentParser(description=about)
    where = f"{place.parent.name}/{place.name}"
    parser.add_argument("--write", action="store_true", help=f"write {where}")
    if parser.parse_args().write:
        write_text(place, page())
    else:
        print(page(), end="")
