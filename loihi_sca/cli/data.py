"""``loihi-sca data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from loihi_sca.cli.options import DATA_HELP, DataRoot, DataSplit
from loihi_sca.cli.output import (
    JsonFlag,
    console,
    csv_option,
    emit_csv,
    emit_json,
    progress_bar,
    status,
)
from loihi_sca.cli.spikes import write_npy
from loihi_sca.cli.targets import check_apart, npy_target

if TYPE_CHECKING:
    from loihi_sca.config import Binning, Counts, Encoding
    from loihi_sca.data import Dataset, Split


def data(
    name: Annotated[str, typer.Argument(help=DATA_HELP, metavar="NAME")],
    root: DataRoot = None,
    split: DataSplit = "train",
    steps: Annotated[
        int | None, typer.Option(help="Timesteps per sample; 16 if nothing says.", min=1)
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="Of images: rate, latency, thermometer, direct or video; of values with time: "
            "delta."
        ),
    ] = None,
    levels: Annotated[
        int | None, typer.Option(help="Of thermometer: channels for each of the images'.", min=1)
    ] = None,
    binning: Annotated[
        str | None, typer.Option(help="Of events: steps of equal time, or of equal count.")
    ] = None,
    window_ms: Annotated[
        float | None, typer.Option(help="Of events: the time that the steps divide.")
    ] = None,
    downsample: Annotated[
        int | None, typer.Option(help="Of events: so many rows and columns become one.")
    ] = None,
    camera: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Of own recordings: height and width.", metavar="H W"),
    ] = None,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out damaged recordings, and count them.")
    ] = False,
    counts: Annotated[
        str | None,
        typer.Option(
            help="Of several events at one place and step, or counts above 1: clip them to a "
            "spike, or graded, a value that drives a neuron at the input."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="A folder in which binned recordings are kept for the next time."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first samples.", min=1)] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the input, (N, C, H, W, T), and its labels beside it (.npy).",
            callback=npy_target,
        ),
    ] = None,
    as_csv: Annotated[Path | None, csv_option("class")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a dataset is, and what a network is given of it: spikes, events lost, damage.

    What --out writes is what `simulate`, `verify` and `estimate` take as --input. Nothing is ever
    downloaded.

    Examples
    --------
        loihi-sca data digits --encoding latency

        loihi-sca data nmnist --root data --steps 20 --downsample 2 --out nmnist.npy
    """
    from loihi_sca.data import describe, load
    from loihi_sca.data.labels import labels_beside

    beside = None if out is None else labels_beside(out)
    check_apart([] if beside is None else [beside], {"name": name, "root": root})
    with progress_bar(silent=as_json) as bar:
        decoding = bar.add_task("decoding", total=None, visible=cache is not None)
        found = load(
            name, split=cast("Split", split), timesteps=steps, root=root,
            encoding=cast("Encoding | None", encoding), levels=levels,
            binning=cast("Binning | None", binning), window_ms=window_ms, downsample=downsample,
            camera=camera, skip_damaged=skip_damaged, counts=cast("Counts | None", counts),
            cache=cache,
            on_progress=lambda done, total: bar.update(decoding, completed=done, total=total),
        ).first(limit)  # fmt: skip
        task = bar.add_task(f"encoding {found.name}", total=len(found))
        told = describe(found, lambda done, total: bar.update(task, completed=done, total=total))
    if out is not None and beside is not None:
        _write(found, out, beside)
    emit_csv(as_csv, told)
    if as_json:
        emit_json(told.as_json())
    else:
        console.print(told.table())


def _write(found: Dataset, out: Path, labels: Path) -> None:
    """Write the input of all samples, and their labels beside it."""
    for path, array in ((labels, found.labels), (out, found.spikes())):
        write_npy(path, array)
    status.print(f"wrote {out} and {labels}", highlight=False, markup=False, soft_wrap=True)
