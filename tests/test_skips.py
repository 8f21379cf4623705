"""No test is skipped, or expected to fail, without a stated reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
WITH_REASON = ("skipif", "xfail")


def unexplained(source: str) -> list[int]:
    """Return the lines that skip and do not say why; ``importorskip`` names what is missing."""
    tree, lines = ast.parse(source), []
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            on, name = ast.unparse(node.func.value), node.func.attr
            said = {x.arg for x in node.keywords}
            if on in ("pytest", "unittest") and name in ("skip", "fail", "xfail"):
                given = bool(node.args or said)
            elif on == "pytest.mark" and name in ("skip", *WITH_REASON):
                given = "reason" in said or (name == "skip" and bool(node.args))
            else:
                continue
            if not given:
                lines.append(node.lineno)
        elif isinstance(node, ast.Attribute) and id(node) not in called:
            if ast.unparse(node) in ("pytest.mark.skip", "pytest.mark.xfail"):
                lines.append(node.lineno)
    return lines


def test_every_skip_says_why() -> None:
    found = {
        str(path.relative_to(TESTS)): unexplained(path.read_text("utf-8"))
        for path in TESTS.rglob("*.py")
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    ["pytest.skip()", "@pytest.mark.skip\ndef test(): pass", "pytest.mark.skipif(True)",
     "pytest.mark.xfail(strict=True)"],
)  # fmt: skip
def test_one_that_does_not_is_found(source) -> None:
    assert unexplained(source) == [1]
