"""CIFAR-100 from the folder that torchvision keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from loihi_sca.data.pickled import read_batch
from loihi_sca.data.places import first_folder, needs_folder
from loihi_sca.data.samples import Images
from loihi_sca.errors import InputError

FOLDER = "cifar-100-python"

WANTED = f"torchvision's folder {FOLDER} with the files train and test"


def read(test: bool, root: Path | None) -> tuple[Images, npt.NDArray[np.int64]]:
    """Return CIFAR-100 with its 100 fine classes, 32x32 pixels in three colours.

    Raises
    ------
    InputError
        It is not under the root, or damaged; the message says what to put where.
    """
    root = needs_folder("cifar100", root, WANTED)
    folder = first_folder(root, ("", "cifar100"), FOLDER)
    path = (folder or root / FOLDER) / ("test" if test else "train")
    if not path.is_file():
        raise InputError(f"cifar100: no {path.name} in {path.parent}. Put there {WANTED}.")
    pixels, labels = read_batch(path, "CIFAR-100", b"fine_labels")
    return Images(pixels, full=255.0), labels
