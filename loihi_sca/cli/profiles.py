"""``loihi-sca profiles``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json

if TYPE_CHECKING:
    from loihi_sca.hardware import Profile


def profiles(
    name: Annotated[
        str | None, typer.Argument(help="A profile, by name or path; all if left out.")
    ] = None,
    as_csv: Annotated[
        Path | None, csv_option("profile, or per number of the one that is named")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List chip profiles, or explain one: every number with unit, source and confidence.

    A chip of your own is a TOML file: copy a shipped one and pass its path.

    Example:

        loihi-sca profiles loihi2
    """
    from loihi_sca import hardware
    from loihi_sca.hardware.tables import profile_rows, profile_table

    if name is None:
        shipped = [hardware.load_profile(found) for found in hardware.profile_paths()]
        rows = [_row(p) for p in shipped]
        emit_csv(as_csv, rows)
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
        for row in rows:
            table.add_row(*(str(row[k]) for k in list(row)[:-1]), ", ".join(row["boards"]))
        console.print(table)
        return
    profile = hardware.load_profile(name)
    emit_csv(as_csv, profile_rows(profile))
    if as_json:
        values = profile.model_dump(mode="json", by_alias=True, exclude_none=True)
        emit_json({"schema": 1, **values})
        return
    console.print(profile_table(profile))
    default, board = profile.board()
    console.print(f"board [bold]{default}[/] unless --board says otherwise: {board.title}")
    console.print(f"mapping [bold]{profile.mapping.strategy}[/]: {profile.mapping.about}")
    for x in profile.calibration:
        console.print(f"\n[bold]{x.what}[/] fitted on: {x.fitted_on}\n  error: {x.error}")
        if x.not_covered:
            console.print(f"  not covered: {x.not_covered}")


def _row(profile: Profile) -> dict[str, Any]:
    others = [name for name in profile.boards if name != profile.default_board]
    return {
        "profile": profile.name,
        "title": profile.title,
        "mapping": profile.mapping.about,
        "boards": [profile.default_board, *others],
    }
