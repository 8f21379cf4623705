"""The commands that README, documents and help texts show, and the command line that reads them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
HELP = tuple(sorted((ROOT / "loihi_sca" / "cli").glob("*.py")))

_FENCE = re.compile(r"^ *```")
_SHELLS = ("", "sh", "bash", "console")
_BEFORE = r"(?:\$ |torchrun [^|]*-m )?"
_LINE = re.compile(rf"^{_BEFORE}(?:loihi-sca|loihi_sca) +(?P<words>.+)$")
_OPEN = ("MissingParameter", "BadParameter", "BadOptionUsage")
"""What click says of arguments that a sentence leaves out or writes in capitals."""

_INLINE = re.compile(r"`loihi-sca ([a-z][^`]*)`")


@dataclass(frozen=True)
class Command:
    """One call of ``loihi-sca``.

    Attributes
    ----------
    page : str
        File, relative to the repository.
    line : int
        From 1.
    words : tuple of str
        What follows ``loihi-sca``.
    whole : bool
        False within a sentence, where required arguments may be missing.
    exits : int
        The exit code, 0 unless a comment behind it says "exit code N".
    """

    page: str
    line: int
    words: tuple[str, ...]
    whole: bool = True
    exits: int = 0

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.page}:{self.line}"


def in_blocks(path: Path) -> tuple[Command, ...]:
    """Return the commands of a page's code blocks, fenced or indented, in order."""
    name = str(path.relative_to(ROOT))
    return tuple(
        Command(name, number, _words(match["words"]), exits=_exit_code(text))
        for number, text in _code_lines(path.read_text("utf-8"))
        if (match := _LINE.match(text))
    )


def in_sentences(path: Path) -> tuple[Command, ...]:
    """Return the commands between backticks, where words in capitals stand for something."""
    name = str(path.relative_to(ROOT))
    return tuple(
        Command(name, number, tuple(w for w in _words(words) if w != "..."), whole=False)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for words in _INLINE.findall(line)
    )


def in_help(path: Path) -> tuple[Command, ...]:
    """Return the commands of the docstrings of a module, which ``--help`` shows."""
    name = str(path.relative_to(ROOT))
    return tuple(
        Command(name, getattr(node, "lineno", 1), _words(match["words"]))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        for line in (ast.get_docstring(node) or "").splitlines()
        if (match := _LINE.match(line.strip()))
    )


def parse(command: Command) -> None:
    """Have the real command line read a command, without running it.

    Raises
    ------
    Exception
        Of click: an unknown command or option, a value of the wrong type.
    """
    group = _command_line()
    words = list(command.words)
    with group.make_context("loihi-sca", words, resilient_parsing=True) as context:
        while hasattr(group, "commands"):
            name = words.pop(0) if words else "no command"
            if name.startswith("-"):  # an option of all commands, which the context has read
                return
            if name not in group.commands:
                raise ValueError(f"there is no command {name!r}")
            group = group.commands[name]
        try:
            group.make_context(group.name, words, parent=context)
        except Exception as error:
            if command.whole or type(error).__name__ not in _OPEN:
                raise


@cache
def _command_line() -> Any:
    from typer.main import get_command

    from loihi_sca.cli.app import app

    return get_command(app)


def _code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line of shell in a code block."""
    language: str | None = None
    for number, line in enumerate(_joined(text), 1):
        if _FENCE.match(line):
            language = line.strip().removeprefix("```") if language is None else None
        elif language is not None:
            if language in _SHELLS:
                yield number, line.strip()
        elif line.startswith("    "):
            yield number, line.strip()


def _joined(text: str) -> list[str]:
    """Return lines, each that ends in a backslash together with the next, as many as before."""
    lines = text.splitlines()
    for i in reversed(range(len(lines) - 1)):
        if lines[i].endswith("\\"):
            lines[i : i + 2] = [lines[i][:-1] + lines[i + 1].strip(), ""]
    return lines


def _exit_code(text: str) -> int:
    told = re.search(r"# exit code (\d+)", text)
    return int(told[1]) if told else 0


@cache
def _words(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text, comments=True))
