"""Run a notebook in the current folder and write it with its outputs: SOURCE TARGET."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

if __name__ == "__main__":
    notebook = nbformat.read(sys.argv[1], as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=None, startup_timeout=600, kernel_name="python3").execute()
    nbformat.write(notebook, Path(sys.argv[2]))
