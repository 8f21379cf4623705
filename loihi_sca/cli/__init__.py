"""The command line: each command reads options, calls the library, shows a table or JSON.

Importing this package loads next to nothing: the rest takes a second, in which a user may press
Ctrl-C, and :func:`main` has to be there already.
"""

from __future__ import annotations

import sys

from loihi_sca.errors import Interrupted, is_interrupt

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; see :func:`loihi_sca.cli.app.main`.

    Ctrl-C ends it with one line and exit code 130, also while it loads.
    """
    try:
        from loihi_sca.cli.app import main as run

        run(arguments)
    except (Exception, KeyboardInterrupt) as error:
        if not is_interrupt(error):
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(Interrupted.exit_code)
