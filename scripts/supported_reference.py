#!/usr/bin/env python3
"""What is supported and what is refused, with reason and way out, as docs/supported.md has it.

    scripts/supported_reference.py            # prints the page
    scripts/supported_reference.py --write    # writes docs/supported.md

Names are those of the tables that the code goes by, refusals the arguments of every ``Problem`` and
``UnsupportedLayer`` in the code. Modules are read and not imported, so torch need not be there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from _pages import show_or_write
from _tables import table

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, PAGE = ROOT / "loihi_sca", ROOT / "docs" / "supported.md"

OPEN, CLOSE = "\u2039", "\u203a"
"""Around what is only known at run time; a page would take angle brackets of ASCII for HTML."""

HEAD = """# Supported and refused

What is exact is compiled; what is not is refused by name, all at once and before training:

    loihi-sca check digits --profile loihi2

This page is made by `scripts/supported_reference.py --write` from the code itself; a name between
angle brackets stands for what is found. [compiler.md](compiler.md) says what blocks become.
"""

SUPPORTED = (
    ("blocks of `slayer.block.cuba`", "model/unsupported.py", "SUPPORTED"),
    ("blocks of `slayer.block.sigma_delta`", "model/sigma_delta.py", "SUPPORTED"),
    ("modules of SpikingJelly and torch", "frontend/spikingjelly/modules.py", "KINDS"),
    ("layers of netx files", "netx/fields.py", "LAYERS"),
    ("neurons of netx files", "netx/fields.py", "SIMULATED"),
    ("resonators of netx files, of dense layers", "netx/fields.py", "RESONATORS"),
    ("nodes of NIR graphs", "exchange/nir_graph.py", "KNOWN"),
)
"""What the names are, and the table that has them."""

TABLES = (
    ("Block families of lava-dl", "model/unsupported.py", "FAMILIES"),
    ("Blocks of lava-dl", "model/unsupported.py", "BLOCKS"),
    ("Modules beside SpikingJelly's that are met often", "frontend/spikingjelly/modules.py",
     "_INSTEAD"),
    ("Layers of netx files", "netx/fields.py", "NOT_READ"),
    ("Neurons of netx files, which are mapped and not run", "netx/fields.py", "OTHER_NEURONS"),
    ("Nodes of NIR graphs that are met often", "exchange/nir_graph.py", "INSTEAD"),
)  # fmt: skip
"""Tables of names that are refused."""

PARTS = (
    ("Blocks, neurons and forward passes of lava-dl", ("model", "frontend/*.py", "pruning")),
    ("SpikingJelly", ("frontend/spikingjelly",)),
    ("Networks of integers, whatever they come from", ("compiler", "network", "hardware")),
    ("Files", ("netx",)),
    ("NIR", ("exchange",)),
    ("Engines", ("engine", "pipeline")),
)
"""Where refusals are, under the headings that they get."""


def page() -> str:
    """Return the page."""
    parts = [HEAD, "## Supported\n", table(("", "names"), _supported(), numbers=0)]
    parts.append("## Refused by name\n")
    for title, module, name in TABLES:
        told = _constant(module, name)
        rows = [(f"`{key}`", *_cells(value)) for key, value in told.items()]
        head = ("", "why", "instead") if len(rows[0]) > 2 else ("", "why, or what instead")
        parts.append(f"### {title}\n\n{table(head, rows, numbers=0)}")
    rows = table(("field", "why", "instead"), _fields(), numbers=0)
    parts.append(f"### Fields of netx files, at another value\n\n{rows}")
    parts.append("## Refused by what it is or does\n")
    for title, places in PARTS:
        found = table(("what", "instead"), _refusals(places), numbers=0)
        parts.append(f"### {title}\n\n{found}")
    parts.append("## Limits of a chip\n")
    parts.append(
        "A network that breaks one does not fit (exit code 3); `loihi-sca profiles loihi2` tells "
        "their values and sources.\n"
    )
    parts.append(table(("limit", "rule"), _limits(), numbers=0))
    return "\n".join(parts).rstrip() + "\n"


def _supported() -> Iterator[tuple[str, str]]:
    for what, module, name in SUPPORTED:
        yield what, ", ".join(f"`{key}`" for key in _constant(module, name))


def _fields() -> Iterator[tuple[str, str, str]]:
    """Yield the fields of netx files of which one value is exact."""
    for call in ast.walk(_tree("netx/fields.py")):
        if isinstance(call, ast.Call) and _called(call) == "Field" and len(call.args) > 2:
            name, use, why, *rest = (_text(argument, {}) for argument in call.args)
            if use == "default":
                only, instead = [*rest, "0", ""][:2] if len(rest) > 1 else ("0", rest[-1:] or "")
                names = ("spike_exp, state_exp",) if name == "<name>" else (name,)
                yield from ((f"`{n}` other than {only}", why, str(instead)) for n in names)


def _refusals(places: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return reason and way out of every refusal in some folders or files, once each."""
    rows: dict[tuple[str, ...], None] = {}
    for place in places:
        pattern = place if "*" in place else f"{place}/**/*.py"
        for path in sorted(PACKAGE.glob(pattern)):
            module = str(path.relative_to(PACKAGE))
            for row in _refusals_of(module):
                rows[row] = None
    return list(rows)


def _refusals_of(module: str) -> Iterator[tuple[str, ...]]:
    constants = _constants(module)
    for call in ast.walk(_tree(module)):
        if not isinstance(call, ast.Call) or _called(call) not in ("Problem", "UnsupportedLayer"):
            continue
        said = [a for a in call.args if not isinstance(a, ast.Starred)]
        said = said[1:] if _called(call) == "Problem" else said
        said += [k.value for k in call.keywords if k.arg in ("reason", "instead")]
        texts = [_plain(_text(argument, constants)) for argument in said]
        # what is handed on, or taken from a table above, is told there
        if texts and len(re.sub(f"{OPEN}.*?{CLOSE}", "", texts[0]).split()) > 2:
            yield (texts[0], texts[1] if len(texts) > 1 else "")


def _limits() -> Iterator[tuple[str, str]]:
    for module in ("hardware/rules.py", "hardware/range_rules.py"):
        for node in _tree(module).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                said = (ast.get_docstring(node) or "").splitlines()[0]
                if said.startswith("Check that "):
                    yield f"`{node.name}`", said.removeprefix("Check that ")


def _text(node: ast.expr, constants: dict[str, Any]) -> str:
    """Return what an expression says, a value that is only known at run time as ``<name>``."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, constants) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left, constants) + _text(node.right, constants)
    if isinstance(node, ast.IfExp):
        return " or ".join(
            part for part in (_text(node.body, constants), _text(node.orelse, constants)) if part
        )
    if isinstance(node, ast.Name):
        value = constants.get(node.id)
        return value if isinstance(value, str) else f"<{node.id.strip('_')}>"
    return f"<{_name_of(node)}>"


def _name_of(node: ast.expr) -> str:
    """Return the last name in an expression, the one that says what a value is."""
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_") if node.attr != "__name__" else _name_of(node.value)
    if isinstance(node, ast.Call):
        inner = node.args[0] if node.args else node.func
        return _name_of(inner) if not isinstance(inner, ast.Constant) else _name_of(node.func)
    if isinstance(node, ast.Name):
        return node.id.strip("_")
    if isinstance(node, ast.Subscript | ast.Starred):
        return _name_of(node.value)
    return "value"


def _called(call: ast.Call) -> str:
    return _name_of(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""


def _constant(module: str, name: str) -> Any:
    found = _constants(module).get(name)
    if found is None:
        raise SystemExit(f"loihi_sca/{module} has no table {name}, which the page is made of")
    return found


@cache
def _constants(module: str) -> dict[str, Any]:
    """Return the literals that a module names, tables with their keys."""
    found: dict[str, Any] = {}
    for node in _tree(module).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name):
            found[target.id] = _value(node.value, found, module)
    return found


def _value(node: ast.expr, known: dict[str, Any], module: str) -> Any:
    if isinstance(node, ast.Dict):
        return {
            _text(key, known): _value(value, known, module)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.Tuple | ast.List):
        items: list[Any] = []
        for item in node.elts:
            if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name):
                items += known.get(item.value.id) or _imported(module, item.value.id)
            else:
                items.append(_value(item, known, module))
        return tuple(items)
    return _text(node, known)


def _imported(module: str, name: str) -> Any:
    """Return a table that a module has from another one of the package."""
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return _constant(f"{(node.module or '').split('.', 1)[1].replace('.', '/')}.py", name)
    raise SystemExit(f"loihi_sca/{module}: where does {name} come from?")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text("utf-8"))


def _cells(value: Any) -> tuple[str, ...]:
    return tuple(map(_plain, value)) if isinstance(value, tuple) else (_plain(value),)


def _plain(value: Any) -> str:
    """Return text for a cell of a table; angle brackets are no HTML there."""
    text = " ".join(str(value).split()).replace("|", "/")
    return text.replace("<", OPEN).replace(">", CLOSE).strip()


if __name__ == "__main__":
    show_or_write(page, PAGE)
