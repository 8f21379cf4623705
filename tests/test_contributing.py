"""What CONTRIBUTING says is where, is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")

PLACES = sorted(set(re.findall(r"`([a-z_/]+\.py)`: `(\w+)`", TEXT)))
FOLDERS = re.findall(r"`([a-z_/]+/)`", TEXT)


def test_the_map_names_places() -> None:
    assert len(PLACES) > 10
    assert len(FOLDERS) > 10


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_a_file_of_the_map_defines_what_it_says(file: str, name: str) -> None:
    parsed = ast.parse((ROOT / "loihi_sca" / file).read_text("utf-8"))
    defined = {n.name for n in parsed.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    assert name in defined


@pytest.mark.parametrize("folder", sorted(set(FOLDERS)))
def test_a_folder_of_the_map_is_there(folder: str) -> None:
    assert (ROOT / folder).is_dir() or (ROOT / "loihi_sca" / folder).is_dir()
