"""``loihi-sca report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from loihi_sca.cli.options import DataName, DataRoot, DataSplit, InputShape, parse_shape
from loihi_sca.cli.output import (
    JsonFlag,
    bar_each,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
)
from loihi_sca.cli.targets import target

if TYPE_CHECKING:
    from loihi_sca.data import Split


def report(
    run: Annotated[
        Path,
        typer.Argument(
            help="Folder of `train`, `demo`, `sweep` or `study`, or a netx file.",
            metavar="RUN|NET.net",
        ),
    ],
    dataset: DataName = None,
    split: DataSplit = "test",
    root: DataRoot = None,
    samples: Annotated[
        int, typer.Option(help="Measure networks on at most so many samples.", min=1)
    ] = 1000,
    profiles: Annotated[
        str | None,
        typer.Option(help="Chips, with commas; by default those of the run, or loihi1,loihi2."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page; by default RUN/report.html or NET.report.html.", callback=target
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Write all pictures into this folder too, as SVG and PDF.")
    ] = None,
    timesteps: Annotated[
        int | None, typer.Option(help="Steps per sample, where a netx file does not say.", min=1)
    ] = None,
    input_shape: InputShape = None,
    as_csv: Annotated[
        Path | None, csv_option("figure in the tables of the page, as it is shown there")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the report of any run, or of a network: one HTML file that needs nothing else.

    Networks are measured on the data of the run's recipe, if they are at hand, or on --data. What
    a run does not have is not shown; the report says what it would take.

    Examples
    --------
        loihi-sca report runs/demo

        loihi-sca report runs/my --pictures pictures

        loihi-sca report digits.net --data digits
    """
    from loihi_sca.pipeline.report import write_report
    from loihi_sca.pipeline.report.options import Options

    with progress_bar(silent=as_json) as bar:
        written = write_report(
            run,
            Options(
                dataset, cast("Split", split), root, samples,
                None if profiles is None else profiles.split(","), timesteps,
                parse_shape(input_shape), bar_each(bar),
            ),
            out,
            pictures,
        )  # fmt: skip
    emit_csv(as_csv, written.content.figures())
    if as_json:
        emit_json(
            {
                "schema": 1,
                "kind": written.kind,
                "report": str(written.page),
                "pictures": [str(path) for path in written.pictures],
                "tables": written.content.tables(),
            }
        )
        return
    drawn = f" and {len(written.pictures)} files into {pictures}" if pictures else ""
    console.print(
        f"wrote {escape(str(written.page))}{escape(drawn)}", highlight=False, soft_wrap=True
    )
