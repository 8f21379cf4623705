"""The report of a run, whatever run it is: found, measured where that takes data, written.

::

    RUN of `loihi-sca train`, and each run of a sweep or study   trained.py
    RUN of `loihi-sca demo`                                      compared.py
    RUN of `loihi-sca sweep`, `loihi-sca study`                  grids.py
    NET.net                                                      bare.py

Each of them makes a page of the sections of :mod:`loihi_sca.reporting.chapters`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loihi_sca.data import Split
from loihi_sca.errors import ConfigError
from loihi_sca.files import check_target, make_folder, write_text
from loihi_sca.network import Shape
from loihi_sca.pipeline.report.bare import page_of_network
from loihi_sca.pipeline.report.compared import page_of_demo
from loihi_sca.pipeline.report.folder import Kind, kind_of
from loihi_sca.pipeline.report.grids import page_of_study, page_of_sweep
from loihi_sca.pipeline.report.options import SAMPLES, Options, Progress
from loihi_sca.pipeline.report.trained import page_of_training
from loihi_sca.reporting.page import Page

PAGES: dict[Kind, Callable[[Path, Options], Page]] = {
    "network": page_of_network,
    "train": page_of_training,
    "demo": page_of_demo,
    "sweep": page_of_sweep,
    "study": page_of_study,
}


@dataclass(frozen=True)
class Written:
    """What :func:`write_report` has written.

    Attributes
    ----------
    kind : str
        Of the run.
    page : Path
    pictures : tuple of Path
    content : Page
        What is written there.
    """

    kind: Kind
    page: Path
    pictures: tuple[Path, ...]
    content: Page


def report(
    run: str | os.PathLike[str],
    data: str | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    pictures: str | os.PathLike[str] | None = None,
    profiles: Sequence[str] | None = None,
    split: Split = "test",
    root: str | os.PathLike[str] | None = None,
    samples: int = SAMPLES,
    timesteps: int | None = None,
    input_shape: Shape | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Write the report of a run, one HTML file without any outside resource, and return its path.

    Parameters
    ----------
    run : path
        Folder of ``loihi-sca train``, ``demo``, ``sweep`` or ``study``, finished or not; or a netx
        file.
    data : str, optional
        A name for :func:`loihi_sca.load_data`: samples to measure networks on. By default those of
        the run's recipe; a netx file has none of its own.
    out : path, optional
        The page; by default ``report.html`` in the folder, or ``NET.report.html`` beside the file.
    pictures : path, optional
        A folder into which all pictures are written too, as SVG and as PDF.
    profiles : sequence of str, optional
        Chips; by default those that the run was estimated for, or both.
    split, root
        Of the data.
    samples : int
        Networks are measured on at most so many samples.
    timesteps, input_shape
        Of a netx file that does not say.
    on_progress : callable, optional
        Called with what is being done, and how much of how much of it is.

    Raises
    ------
    InputError
        There is no such run, nothing of it is there yet, its files are damaged, or the page cannot
        be written.
    ConfigError
        There is no such data or chip, an option that the run has no use for, or the page would not
        end in ``.html``.
    NotBitExact
        The engines do not agree about a network.

    Examples
    --------
    >>> import loihi_sca
    >>> loihi_sca.report("runs/none")
    Traceback (most recent call last):
    loihi_sca.errors.InputError: runs/none: no such file or folder. A report is made of ...
    """
    return write_report(
        Path(run),
        Options(
            data, split, None if root is None else Path(root), samples, profiles, timesteps,
            input_shape, on_progress or (lambda what, done, total: None),
        ),
        None if out is None else Path(out),
        None if pictures is None else Path(pictures),
    ).page  # fmt: skip


def write_report(
    run: Path, options: Options, out: Path | None = None, pictures: Path | None = None
) -> Written:
    """As :func:`report`; tells also what kind of run it is, and the paths of the pictures."""
    kind = kind_of(run)
    if out is None:
        out = run.with_suffix(".report.html") if kind == "network" else run / "report.html"
    elif out.suffix not in (".html", ".htm") and not out.is_dir():
        raise ConfigError(f"cannot write the page to {out}: give a file that ends in .html.")
    check_target(out)  # before anything is measured for minutes
    folder = None if pictures is None else make_folder(pictures)
    page = PAGES[kind](run, options)
    text = page.html()
    drawn: list[Path] = []
    if folder is not None:
        for picture in page.pictures:
            drawn += picture.save(folder)
    write_text(out, text)
    return Written(kind, out, tuple(drawn), page)
