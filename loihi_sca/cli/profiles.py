"""``loihi-sca profiles``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from loihi_sca.cli.output import JsonFlag, console, emit_json


def profiles(
    name: Annotated[
        str | None, typer.Argument(help="A profile, by name or path; all if left out.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List chip profiles, or explain one: every number with unit, source and confidence.

    A chip of your own is a TOML file: copy a shipped one and pass its path.

    Example:

        loihi-sca profiles loihi2
    """
    from loihi_sca import hardware

    if name is None:
        shipped = [hardware.load_profile(found) for found in hardware.profile_paths()]
        if as_json:
            listed = [
                {
                    "name": p.name,
                    "title": p.title,
                    "boards": {name: board.title for name, board in p.boards.items()},
                    "default_board": p.default_board,
                }
                for p in shipped
            ]
            emit_json({"schema": 1, "profiles": listed})
            return
        table = Table("profile", "chip and compiler", "mapping", "boards, the default first")
        for p in shipped:
            others = [name for name in p.boards if name != p.default_board]
            boards = ", ".join((p.default_board, *others))
            table.add_row(p.name, p.title, p.mapping.about, boards)
        console.print(table)
        return
    profile = hardware.load_profile(name)
    if as_json:
        values = profile.model_dump(mode="json", by_alias=True, exclude_none=True)
        emit_json({"schema": 1, **values})
        return
    from loihi_sca.hardware.tables import profile_table

    console.print(profile_table(profile))
    default, board = profile.board()
    console.print(f"board [bold]{default}[/] unless --board says otherwise: {board.title}")
    console.print(f"mapping [bold]{profile.mapping.strategy}[/]: {profile.mapping.about}")
    for x in profile.calibration:
        console.print(f"\n[bold]{x.what}[/] fitted on: {x.fitted_on}\n  error: {x.error}")
        if x.not_covered:
            console.print(f"  not covered: {x.not_covered}")
