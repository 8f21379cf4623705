"""docs/recipe.md tells every key of a recipe, as the models have it."""

import subprocess
import sys
from pathlib import Path

from loihi_sca.config import Recipe

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_script_prints() -> None:
    script = ROOT / "scripts" / "recipe_reference.py"
    printed = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    page = (ROOT / "docs" / "recipe.md").read_text("utf-8")
    assert page == printed, "run scripts/recipe_reference.py --write"
    for section in ("data", "model", "training", "pruning"):
        annotation = Recipe.model_fields[section].annotation
        fields = getattr(annotation, "model_fields", None)
        for key in fields or {}:
            assert f"| `{key}` |" in page
