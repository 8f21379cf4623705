"""``loihi-sca plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loihi_sca.cli.options import RecipeName
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json


def plan(
    recipe: RecipeName,
    cores: Annotated[int | None, typer.Option(help="Cores of the profile.")] = None,
    synapse_words: Annotated[
        int | None, typer.Option(help="Words of synapse memory on all cores.")
    ] = None,
    energy_uj: Annotated[
        float | None, typer.Option(help="Total energy per sample in uJ, static power included.")
    ] = None,
    synops: Annotated[float | None, typer.Option(help="Fraction of the dense synops.")] = None,
    connections: Annotated[
        float | None, typer.Option(help="Fraction of the dense weights.")
    ] = None,
    keep: Annotated[float | None, typer.Option(help="Fraction of the prunable channels.")] = None,
    fits: Annotated[str | None, typer.Option(help='Chips: "1 chip", "2 chips".')] = None,
    profile: Annotated[str | None, typer.Option(help="Chip profile, if not the recipe's.")] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Run folder: score its channels with the criterion, map its weights."),
    ] = None,
    as_csv: Annotated[Path | None, csv_option("layer")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many channels every layer would keep under a budget, before any training.

    Without a budget the recipe's own is used, and without --run all channels count the same and
    weights are taken to need 8 bits; fewer hardly ever take more cores.

    Example:

        loihi-sca plan digits --cores 4
    """
    from loihi_sca.pipeline.plan import plan as find

    given = {
        "cores": cores, "synapse_words": synapse_words, "energy_uj": energy_uj, "synops": synops,
        "connections": connections, "keep": keep, "fits": fits,
    }  # fmt: skip
    found = find(
        recipe,
        {name: value for name, value in given.items() if value is not None},
        profile=profile,
        run=run,
    )
    emit_csv(as_csv, found)
    if as_json:
        emit_json(found.as_json())
    else:
        console.print(found.table())
