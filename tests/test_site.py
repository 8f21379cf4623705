"""The documents as a site: built strictly, without a net, and every page is current."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import loihi_sca

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("script", "page"),
    [("supported_reference", "supported.md"), ("contract_picture", "contract.svg")],
)
def test_a_page_is_what_its_script_prints(script: str, page: str) -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts" / f"{script}.py"],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert (DOCS / page).read_text("utf-8") == printed, f"run scripts/{script}.py --write"


def test_what_is_supported_is_what_the_code_goes_by() -> None:
    """The script reads modules and does not import them: here they are imported."""
    from loihi_sca.exchange.nir_graph import KNOWN
    from loihi_sca.netx.fields import LAYERS, NOT_READ, OTHER_NEURONS

    page = (DOCS / "supported.md").read_text("utf-8")
    for name in (*LAYERS, *NOT_READ, *OTHER_NEURONS, *KNOWN):
        assert f"`{name}`" in page
    for kind, why in OTHER_NEURONS.items():
        assert f"| `{kind}` | {why} |" in page


@pytest.mark.train
def test_refused_blocks_are_those_of_the_code() -> None:
    from loihi_sca.frontend.spikingjelly.modules import KINDS
    from loihi_sca.model import unsupported

    page = (DOCS / "supported.md").read_text("utf-8")
    for name in (*unsupported.SUPPORTED, *unsupported.FAMILIES, *unsupported.BLOCKS, *KINDS):
        assert f"`{name}`" in page
    for reason, instead in unsupported.BLOCKS.values():
        assert f"| {reason} | {instead} |" in page


def test_every_public_function_is_in_the_reference() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    told = dict(re.findall(r"^## (\w+)\n\n::: loihi_sca\.(\S+)$", page, re.M))
    assert set(told) == set(loihi_sca.__all__) - {"__version__"}
    for name, home in told.items():
        module, _, attribute = home.rpartition(".")
        assert module == loihi_sca._HOMES[name].partition(":")[0]
        file = ROOT / "loihi_sca" / module.replace(".", "/")
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        assert attribute in file.read_text("utf-8")


def test_links_of_readme_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), target


def test_names_in_python_examples_are_there() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M):
            compile(block, str(page), "exec")
            for name in re.findall(r"\bloihi_sca\.([A-Za-z_]\w*)", block):
                known = {*loihi_sca.__all__, *loihi_sca._PACKAGES}
                assert name in known, f"{page.name}: loihi_sca.{name}"
            for module, names in re.findall(r"^from (loihi_sca\S*) import (.+)$", block, re.M):
                pytest.importorskip("torch")
                for name in names.split(", "):
                    assert hasattr(importlib.import_module(module), name)


def test_the_site_builds_strictly_and_asks_for_nothing_from_the_net(tmp_path) -> None:
    pytest.importorskip("mkdocs", reason="the extra loihi-sca[docs] is not installed")
    done = subprocess.run(
        [
            sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet",
            "-f", DOCS / "site" / "mkdocs.yml", "-d", tmp_path,
        ],
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in DOCS.glob("*.md")}
    assert pages <= {path.stem for path in tmp_path.glob("*.html")}
    loads = re.compile(r"<(?:script|img|iframe)[^>]*\ssrc=\"(?:https?:)?//|<link[^>]*stylesheet"
                       r"[^>]*href=\"(?:https?:)?//|url\((?:https?:)?//")  # fmt: skip
    for path in (*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")):
        assert not loads.search(path.read_text("utf-8")), path.name
    for notebook in (DOCS / "notebooks").glob("*.ipynb"):
        page = (tmp_path / "notebooks" / f"{notebook.stem}.html").read_text("utf-8")
        assert page.count('class="highlight"') == notebook.read_text("utf-8").count('"code"')
        assert f'href="{notebook.name}"' in page
        assert (tmp_path / "notebooks" / notebook.name).is_file()
        assert f'href="notebooks/{notebook.stem}.html"' in (tmp_path / "index.html").read_text(
            "utf-8"
        )
    reference = (tmp_path / "api.html").read_text("utf-8")
    assert "Raises" in reference
    assert ":::" not in reference
