#!/usr/bin/env python3
"""Every key of a recipe with its type, default and meaning, as docs/recipe.md has it.

    scripts/recipe_reference.py            # prints the page
    scripts/recipe_reference.py --write    # writes docs/recipe.md

Types and defaults are those of the models that check recipes, meanings their docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _pages import show_or_write
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from loihi_sca.config import layers, model, neurons, recipe, sections

PAGE = Path(__file__).resolve().parent.parent / "docs" / "recipe.md"

TABLES: dict[str, type[BaseModel]] = {
    "": recipe.Recipe,
    "[data]": sections.DataConfig,
    "[model]": model.ModelConfig,
    "[model.neuron]": neurons.NeuronConfig,
    "[model.sigma_delta]": neurons.SigmaDeltaConfig,
    '[[model.layers]] type = "conv"': layers.ConvConfig,
    '[[model.layers]] type = "pool"': layers.PoolConfig,
    '[[model.layers]] type = "dense"': layers.DenseConfig,
    '[[model.layers]] type = "stem"': layers.StemConfig,
    '[[model.layers]] type = "residual"': layers.ResidualConfig,
    "[training]": sections.TrainingConfig,
    "[pruning]": sections.PruningConfig,
}

HEAD = (
    "# Every key of a recipe\n\n"
    "A recipe is a TOML file, checked before anything is done: an unknown key, or text where a "
    "number belongs, is an error that names it. `loihi-sca train RECIPE` takes a file or the name "
    "of a shipped one; the run folder holds the recipe with every default spelled out. This page "
    "is made by `scripts/recipe_reference.py --write` from the models that check recipes.\n"
)


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, section in TABLES.items():
        parts.append(f"## `{title}`\n" if title else "## At the top\n")
        parts.append("| key | type | default | meaning |\n|---|---|---|---|")
        parts.extend(_rows(section))
        parts.append("")
    return "\n".join(parts)


def _rows(section: type[BaseModel]) -> Iterator[str]:
    told = dict(_attributes(section))
    for key, field in section.model_fields.items():
        if key == "type" or f"[{key}]" in TABLES:  # has a heading
            continue
        kind, meaning = told[key]
        cells = (f"`{key}`", kind, _default(field), meaning)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or isinstance(value, BaseModel | tuple):
        return ""
    return f"`{value!r}`" if value is not None else "none"


def _attributes(section: type[BaseModel]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield key, type and meaning from the docstring; a line may name several keys."""
    text = (inspect.getdoc(section) or "").partition("Attributes\n----------\n")[2]
    for names, kind, meaning in re.findall(r"^(\S[^:\n]*) : (.+)\n((?:    .*\n?|\n)*)", text, re.M):
        plain = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", meaning).replace("``", "`")
        for name in names.split(", "):
            yield name, (kind, " ".join(plain.split()))


if __name__ == "__main__":
    show_or_write(page, PAGE)
