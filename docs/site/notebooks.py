"""What mkdocs calls so that each notebook is a page of the site, beside the notebook itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

BELOW = (
    "*This page is the notebook [{name}]({name}), without outputs. The tests run it from top to "
    "bottom.*"
)


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each notebook."""
    for path in sorted((Path(config.docs_dir) / "notebooks").glob("*.ipynb")):
        page = File.generated(config, f"notebooks/{path.stem}.md", content=as_markdown(path))
        files.append(page)
    return files


def as_markdown(path: Path) -> str:
    """Return the cells of a notebook as Markdown, code in fences."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join([*parts, BELOW.format(name=path.name)]) + "\n"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead to the page where a text names the notebook, which is what other sites show."""
    if page.file.src_uri.startswith("notebooks/"):
        return markdown
    return markdown.replace(".ipynb)", ".md)")
