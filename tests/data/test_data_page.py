"""docs/data.md names all that is read, and its recipe is one."""

import re
from pathlib import Path

from loihi_sca import data
from loihi_sca.config import DataConfig
from loihi_sca.data.decoders import DECODERS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text("utf-8")


def test_the_page_names_every_dataset_ending_and_encoding() -> None:
    words = set(re.findall(r"`\"?(\.?[a-z0-9_]+)\"?`", PAGE))
    assert set(data.NAMES) <= words
    assert set(DECODERS) <= words
    assert {"rate", "latency", "direct", "delta"} <= words


def test_its_recipe_is_one() -> None:
    from loihi_sca.toml_files import parse_toml

    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    section = DataConfig(**parse_toml(block, "docs/data.md")["data"])
    assert section.camera == (180, 240)
    assert section.skip_damaged
