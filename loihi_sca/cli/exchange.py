"""``loihi-sca export`` and ``loihi-sca import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from loihi_sca.cli.options import InputShape, NetFile, parse_shape
from loihi_sca.cli.output import JsonFlag, console, csv_option, emit_csv, emit_json
from loihi_sca.cli.targets import target

if TYPE_CHECKING:
    from loihi_sca.exchange.tools import NirTool

TOOL_NAMES = "snntorch, norse, sinabs, or nir for its equations"

Dt = Annotated[
    float | None,
    typer.Option(help="Seconds per time step; NIR itself does not say it.", metavar="SECONDS"),
]


def export_nir(
    network: NetFile,
    out: Annotated[
        Path, typer.Argument(help="The NIR file to write.", callback=target, metavar="OUT.nir")
    ],
    tool: Annotated[
        str, typer.Option("--for", help=f"Who shall run it: {TOOL_NAMES}.", metavar="TOOL")
    ] = "nir",
    dt: Dt = None,
    input_shape: InputShape = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a network as NIR, for snnTorch, Norse, sinabs and others.

    The integers travel along, so that `loihi-sca import` gives back the same network bit for bit.
    Notes say what the tool will not do as the chip does.

    Example:

        loihi-sca export digits.net digits.nir --for snntorch
    """
    from loihi_sca import netx
    from loihi_sca.exchange import write_nir

    net = netx.read(network, input_shape=parse_shape(input_shape))
    notes = write_nir(net, out, tool=cast("NirTool", tool), dt=dt)
    if as_json:
        emit_json(
            {"schema": 1, "file": str(out), "digest": net.digest(), "for": tool, "notes": notes}
        )
        return
    _say(notes)
    console.print(f"wrote {out}", highlight=False, markup=False)


def import_nir(
    graph: Annotated[Path, typer.Argument(help="A NIR file.", metavar="IN.nir")],
    out: Annotated[
        Path, typer.Argument(help="The netx file to write.", callback=target, metavar="OUT.net")
    ],
    tool: Annotated[
        str, typer.Option("--from", help=f"Who wrote it: {TOOL_NAMES}.", metavar="TOOL")
    ] = "nir",
    dt: Dt = None,
    reset: Annotated[
        str | None,
        typer.Option(help="zero: take neurons that subtract their threshold as ones set to 0."),
    ] = None,
    timesteps: Annotated[int | None, typer.Option(help="Steps per sample.", min=1)] = None,
    as_graph: Annotated[
        bool, typer.Option("--as-graph", help="Read the nodes of a file of ours, not its integers.")
    ] = False,
    input_shape: InputShape = None,
    as_csv: Annotated[Path | None, csv_option("layer")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a NIR graph, quantise it to the chip's integers, and write it as netx.

    What `loihi-sca export` wrote comes back as it was. Of others the table says what became of
    each layer, and how many spikes differ from the graph in floating point on random spikes. What
    the chip cannot do is refused by name, all of it at once.

    Example:

        loihi-sca import trained.nir trained.net --from snntorch
    """
    from loihi_sca.compiler import compile_with_report
    from loihi_sca.exchange import read_nir
    from loihi_sca.netx import write

    found = read_nir(
        graph, tool=cast("NirTool", tool), dt=dt, reset=reset, timesteps=timesteps,
        input_shape=parse_shape(input_shape), as_graph=as_graph,
    )  # fmt: skip
    if found.exact:
        write(found.network, out)
        passes: tuple[str, ...] = ()
    else:
        compiled = compile_with_report(found.network)
        compiled.save(out)
        passes = (
            tuple(
                note
                for step in compiled.steps
                for note in (f"{step.name}: {x}" for x in step.notes)
            )
            + compiled.notes
        )
    emit_csv(as_csv, found)
    if as_json:
        emit_json({"file": str(out), **found.as_json(), "compiled": passes})
        return
    console.print(found.table())
    _say(found.notes + passes)
    console.print(f"wrote {out}", highlight=False, markup=False)


def _say(notes: tuple[str, ...]) -> None:
    for text in notes:
        console.print(f"note: {text}", highlight=False, markup=False)
