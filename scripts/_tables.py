"""Measured figures as Markdown, for README.md and docs/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from loihi_sca.reporting.comparison import comparison, headline
from loihi_sca.reporting.sweeps import pareto

Content = dict[str, Any]
"""What a demo, a benchmark or an experiment has written."""


def demo(summary: Content) -> str:
    rows = [(r.name, r.dense, r.pruned, r.change) for r in comparison(summary)]
    proof = (
        f"**{summary['mismatches']} mismatching spikes** between SLAYER, the engines and Lava over "
        f"{summary['samples_verified']} samples, every layer, both networks; "
        f"{summary['total_time_s']:.0f} s in all."
    )
    lead = "".join(f"* {sentence}\n" for sentence in headline(summary))
    shown = table(("", "dense", "pruned", "change"), rows, numbers=3)
    return f"{lead}\n{shown}\n{proof}\n"


def benchmark(content: Content) -> str:
    rows = [
        (row["work"], row["metric"], f"{figure(row['value'])} {row['unit']}")
        for row in content["rows"]
    ]
    return (
        table(("work", "", ""), rows, numbers=1) + f"\nMedians of one run on {machine(content)}.\n"
    )


def targets(content: Content) -> str:
    """Rows of a benchmark with what was aimed at."""
    rows = [
        (
            row["work"], row["metric"], f"{figure(row['value'])} {row['unit']}",
            f"{'at least' if row['better'] == 'higher' else 'at most'} {row['target']:g}"
            if row["target"]
            else "",
        )
        for row in content["rows"]
    ]  # fmt: skip
    notes = "".join(f"* {note}\n" for note in content["notes"])
    shown = table(("work", "", "", "aim"), rows, numbers=2)
    return (
        f"{shown}\n{notes}\nMedians of one run on {machine(content)}, commit {content['commit']}.\n"
    )


def against(content: Content) -> str:
    """Draw up training steps beside those of others, a row per network; aims in brackets.

    Of one thread it is processor time, which other work on the machine changes least.
    """
    found: dict[str, dict[str, str]] = {}
    for row in content["rows"]:
        sign = "≥" if row["better"] == "higher" else "≤"
        aim = f" ({sign} {row['target']:g})" if row["target"] else ""
        found.setdefault(row["work"], {})[row["metric"]] = figure(row["value"]) + aim
    lines = []
    for work, cells in found.items():
        time = "processor time" if work.endswith(", 1 threads") else "time"
        metrics = (
            f"step, {time}: ours", f"step, {time} of the other build's",
            *(f"step, {time}: {other} / ours" for other in ("stock", "spikingjelly", "sparx")),
            "peak memory of the other build's", "peak memory of stock's",
        )  # fmt: skip
        lines.append((work, *(cells.get(metric, "") for metric in metrics)))
    head = (
        "step", "seconds", "of the older build's", "stock / ours", "SpikingJelly / ours",
        "sparx / ours", "memory of the older build's", "of stock's",
    )  # fmt: skip
    notes = "".join(f"* {note}\n" for note in content["notes"])
    shown = table(head, lines, numbers=7)
    return (
        f"{shown}\n{notes}\nMedians of one run on {machine(content)}, commit {content['commit']}.\n"
    )


def events(content: Content) -> str:
    """Draw up by layer how many times faster sums over events are than torch, by density."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in content["rows"]:
        layer, density = row["work"].rsplit(", density ", 1)
        direction = row["metric"].removesuffix(", torch / events")
        found.setdefault(layer, {}).setdefault(direction, {})[density] = row["value"]
    shown = ("0.05", "0.1", "0.2")
    lines = [
        (layer, *(" / ".join(f"{gains[d]:.1f}" for d in shown) for gains in directions.values()))
        for layer, directions in found.items()
    ]
    percent = " / ".join(f"{100 * float(density):g}" for density in shown)
    head = ("layer", f"forward, {percent} % of the inputs spike", "weight gradient")
    return (
        f"{table(head, lines, numbers=2)}\nMedians of one run on {machine(content)}, commit "
        f"{content['commit']}.\n"
    )


def video(content: Content) -> str:
    """Draw up a sigma-delta network, dense and pruned, on videos that change more or less."""
    names = {None: "dense", "sca": "half, by SCA", "random": "half, at random"}
    lines = []
    for row in content["rows"]:
        moves = row["videos"]["moves"]
        synops = [f"{row['videos'][how]['synops'] / 1000:,.0f} k" for how in row["videos"]]
        lines.append(
            (
                names[row["criterion"]], " ".join(map(str, row["channels"])),
                f"{100 * moves['accuracy']:.1f}", f"{moves['messages']:,.0f}",
                f"{moves['bits'] / moves['messages']:.1f}", *synops,
                f"{moves['dynamic_uj']:.1f} ({moves['total_uj']:.0f})",
            )
        )  # fmt: skip
    head = (
        "channels", "", "accuracy, %", "messages", "bits each",
        *(f"synops, {how}" for how in content["rows"][0]["videos"]), "dynamic (total), uJ",
    )  # fmt: skip
    proven = sum(row["compared"] for row in content["rows"])
    engines = " = ".join(content["rows"][0]["engines"])
    return (
        f"{table(head, lines, numbers=len(head) - 2)}\nPer video of {content['frames']} frames, "
        f"{content['train']:,} training and {content['test']:,} test videos, "
        f"{content['epochs']} epochs, one seed; {engines} in {proven:,} values on Lava's clock, 0 "
        f"mismatches. {machine(content)}, {content['hours']:.1f} hours.\n"
    )


def differential(content: Content) -> str:
    """Draw up what the campaign counted that compares engines on random networks, by kind."""
    lines = []
    for key, row in content["totals"].items():
        kind, side = key.split("/")
        counts = (f"{row[x]:,.0f}" for x in ("networks", "samples", "compared", "spikes"))
        ends = (f"{row[x]:,.0f}" for x in ("wraps", "saturations", "differ"))
        lines.append((kind, side, *counts, *ends))
    head = (
        "networks", "against the reference", "drawn", "samples", "values compared", "spikes",
        "wraps", "saturations", "differ",
    )  # fmt: skip
    minutes = sum(row["processor_s"] for row in content["totals"].values()) / 60
    return (
        f"{table(head, lines, numbers=7)}\n{minutes:.1f} minutes of one processor, "
        f"{origin(content)}.\n"
    )


differential_lava = differential
"""Of another run, which Lava takes part in."""


def faults(content: Content) -> str:
    """Draw up faults that were injected, and how many were not survived."""
    lines = [
        (campaign, name, str(counts["injected"]), str(len(counts["failures"])))
        for campaign, found in content["campaigns"].items()
        for name, counts in found.items()
    ]
    head = ("", "fault", "injected", "not survived")
    return f"{table(head, lines, numbers=2)}\n{origin(content)}.\n"


faults_lava = faults
"""Of another run: what a machine has too little of, and where Lava is called from."""


def fuzz(content: Content) -> str:
    """Draw up how long each reader was fuzzed, with how many inputs, and what was found."""
    rows = content["readers"]
    lines = [
        (
            name, *(f"{row[x]:,}" for x in ("executions", "read", "refused", "edges")),
            f"{row['processor_s'] / 60:.1f}", str(len(row["findings"])), str(len(row["left"])),
            str(len(row["ended"])),
        )
        for name, row in rows.items()
    ]  # fmt: skip
    head = (
        "reader", "inputs", "read", "refused", "edges", "minutes", "findings", "not mended",
        "ended by a library below",
    )  # fmt: skip
    inputs, hours = (sum(row[x] for row in rows.values()) for x in ("executions", "processor_s"))
    return (
        f"{table(head, lines, numbers=8)}\n{inputs:,} inputs in {hours / 3600:.1f} hours of one "
        f"processor, {origin(content)}.\n"
    )


def lowest(content: Content) -> str:
    """Draw up what has passed with the lowest versions of all that is depended on."""
    lines = [
        (f"`{path}`", f"{row['passed']:,}", f"{row['skipped']:,}", str(len(row["failed"])))
        for path, row in content["paths"].items()
    ]
    shown = table(("tests of", "passed", "skipped", "failed"), lines, numbers=3)
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    return f"{shown}\n{versions}; {origin(content)}.\n"


lowest_training = lowest
"""Of another run, with torch and lava-dl."""


def cycles(content: Content) -> str:
    """Draw up what is held after many runs of Lava, and was after the first."""
    names = {"runs": "runs, each with a worker", "builds": "builds in one worker"}
    counted = ("descriptors", "threads", "processes", "shared memory blocks", "folders")
    lines = [
        (
            names[name], str(row["cycles"]),
            " → ".join(f"{x / 1024:.1f}" for x in row["memory_kib"]),
            *(" → ".join(map(str, row[x])) for x in counted),
        )
        for name, row in content["held"].items()
    ]  # fmt: skip
    shown = table(("", "cycles", "memory, MiB", *counted), lines, numbers=7)
    return f"{shown}\n{origin(content)}.\n"


def criteria(content: Content) -> str:
    """Accuracy by criterion, one column per budget, of pruned trained networks."""
    rows = content["rows"]
    (dense,) = (r for r in rows if r["budget"] == "dense")
    pruned = [r for r in rows if r is not dense]
    columns = list(dict.fromkeys(_column(r) for r in pruned))
    lines = []
    for name in dict.fromkeys(r["criterion"] for r in pruned):
        found = {_column(r): r for r in pruned if r["criterion"] == name}
        cells = (accuracy(found[column]) if column in found else "" for column in columns)
        lines.append((f"`{name}`", *cells))
    head = ["criterion"]
    for budget, amount, to_the_end in columns:
        head.append(f"{100 * amount:g} % {budget}{', to the end' if to_the_end else ''}")
    return table(head, lines, numbers=len(columns)) + "\n" + _about(content, dense)


def _column(row: Content) -> tuple[str, float, bool]:
    """Return budget and amount, and whether the structure changed until the training ended."""
    return row["budget"], row["amount"], row["pruning"]["stop"] == 1


def cores(content: Content) -> str:
    """Cores and energy at equal accuracy, with and without planning for them."""
    lines = []
    for against, entries in content["conclusions"].items():
        profile, _, objective = against.partition(" against ")
        for entry in entries:
            lines.append(
                (
                    profile, objective, f"{100 * entry['connections']:g} %",
                    f"{100 * entry['accuracy plain']:.2f}",
                    *_saved(entry, f"cores_{profile}", "{:.1f}"),
                    *_saved(entry, f"energy_uj_{profile}", "{:.1f} uJ"),
                )
            )  # fmt: skip
    head = (
        "chip", "plain SCA", "connections", "accuracy", "cores", "planned", "", "accuracy",
        "total energy", "planned", "", "accuracy",
    )  # fmt: skip
    (dense,) = (r for r in content["rows"] if r["budget"] == "dense")
    return table(head, lines, numbers=9) + "\n" + _about(content, dense)


def cores_picture(content: Content) -> str:
    """Accuracy against cores, a picture on white that can be read in any page."""
    picture = pareto(content["rows"], "cores_loihi2", "cores of Loihi 2")
    head, rest = picture.svg().split(">", 1)
    return f'{head}><rect width="100%" height="100%" fill="white"/>{rest}'


def _saved(entry: Content, name: str, form: str) -> tuple[str, str, str, str]:
    plain, planned = entry[f"plain {name}"], entry[f"planned {name}"]
    if planned is None:
        return form.format(plain), "none as accurate", "", ""
    change = f"{100 * (planned / plain - 1):+.0f} %"
    reached = f"{100 * entry[f'accuracy {name}']:.2f}"
    return form.format(plain), form.format(planned), change, reached


def _about(content: Content, dense: Content) -> str:
    recipe = content["recipe"]
    mismatches = sum(run["mismatches"] for run in content["runs"])
    seeds = max(row["seeds"] for row in content["rows"])
    return (
        f"Test accuracy of the deployed integers in %, {_seeds(seeds)}; dense "
        f"{accuracy(dense)}. "
        f"{recipe['data'].get('limit') or 'All'} training samples, {len(content['runs'])} runs, "
        f"{content['hours']:.1f} core hours on {machine(content)}; every network is compiled, "
        f"verified ({mismatches} mismatches) and mapped.\n"
    )


def _seeds(count: int) -> str:
    return f"mean and standard deviation of {count} seeds" if count > 1 else "of one seed"


def accuracy(row: Content) -> str:
    if row["seeds"] == 1:
        return f"{100 * row['accuracy']:.2f}"
    return f"{100 * row['accuracy']:.2f} ± {100 * row['accuracy_std']:.2f}"


def origin(content: Content) -> str:
    """Say where figures are from and of which commit, and so of runs that they go on from."""
    before = [f"{machine(x)}, commit {x['commit']}" for x in content.get("before", [])]
    begun = f"; before that {'; '.join(before)}" if before else ""
    return f"{machine(content)}, commit {content['commit']}{begun}"


def machine(content: Content) -> str:
    of = content["machine"]
    cores = f"{of['cores']} core{'s' * (of['cores'] != 1)}"
    return f"{cores} of an {of['processor']}, Python {of['python']}"


def figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """Return a table whose last columns hold numbers."""
    marks = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'|'.join(marks)}|", *lines, ""])
