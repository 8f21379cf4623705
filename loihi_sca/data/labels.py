"""Labels of data of every kind: which numbers can be some, and where they lie."""

from __future__ import annotations

from pathlib import Path

from loihi_sca.errors import InputError

MOST_CLASSES = 1 << 16
"""A label is the number of an output; what is larger is a name that happens to be a number."""


def labels_beside(path: Path) -> Path:
    """Return where the labels of the samples in a file ``.npy`` are."""
    return path.with_name(f"{path.stem}.labels.npy")


def check_labels(name: str, least: int, most: int, classes: int | None = None) -> None:
    """Raise unless labels count from 0 to the number of classes.

    Parameters
    ----------
    name : str
        Whose they are.
    least, most : int
        The smallest and the largest label.
    classes : int, optional
        How many classes there are; where nobody says, :data:`MOST_CLASSES` at most.

    Raises
    ------
    InputError
        One is below 0, or there is no such class.
    """
    allowed = MOST_CLASSES if classes is None else classes
    if least < 0 or most >= allowed:
        hint = (
            "" if classes is not None else ": one output for each class. Number the classes from 0"
        )
        raise InputError(
            f"{name}: labels span {least} to {most}, allowed is 0 to {allowed - 1}{hint}."
        )
