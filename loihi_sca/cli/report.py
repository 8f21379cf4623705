"""``loihi-sca report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.output import JsonFlag, console, emit_json


def report(
    run: Annotated[Path, typer.Argument(help="Run folder of `loihi-sca demo`.")],
    as_json: JsonFlag = False,
) -> None:
    """Write the report of a run again, for example after an update of loihi-sca.

    Example:

        loihi-sca report runs/demo
    """
    from loihi_sca.reporting.html import write_report

    path = write_report(run)
    if as_json:
        emit_json({"schema": 1, "report": str(path)})
    else:
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)
