"""Small grey images: scikit-learn's digits, MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loihi_sca.data.arrays import opened_npz
from loihi_sca.data.places import first_file, needs_folder
from loihi_sca.data.samples import Images
from loihi_sca.errors import InputError
from loihi_sca.memory import check_memory

Labels = npt.NDArray[np.int64]

IDX_UINT8 = 0x08
"""Type code of unsigned bytes in the IDX format."""

MOST_AXES = 4


def digits(test: bool, root: Path | None) -> tuple[Images, Labels]:
    """Return scikit-learn's handwritten digits, 8x8 with 17 grey levels; a quarter is for testing.

    Neighbouring images come from one writer, so the test set is drawn from all over, once and for
    all: it does not depend on the recipe's seed.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    labels = found.target.astype(np.int64)
    order = np.random.default_rng(1797).permutation(len(labels))
    part = np.sort(order[:450] if test else order[450:])
    return Images(found.images.astype(np.uint8)[:, None][part], full=16.0), labels[part]


def mnist(test: bool, root: Path | None) -> tuple[Images, Labels]:
    """Return MNIST, 28x28 pixels, from ``mnist.npz`` or torchvision's files under the root.

    Raises
    ------
    InputError
        There is neither, or a file is damaged.
    """
    wanted = (
        "mnist.npz (keys x_train, y_train, x_test, y_test; uint8 28x28), or torchvision's folder "
        "MNIST/raw (train-images-idx3-ubyte, ...)"
    )
    root = needs_folder("mnist", root, wanted)
    archive = first_file(root / "mnist.npz", root / "mnist" / "mnist.npz")
    if archive is not None:
        return _from_npz(archive, "test" if test else "train")
    found = _from_idx(root, ("MNIST/raw", ""), test)
    if found is None:
        raise InputError(f"mnist: no mnist.npz in {root}. Put there {wanted}.")
    return found


def fashion_mnist(test: bool, root: Path | None) -> tuple[Images, Labels]:
    """Return Fashion-MNIST, 28x28 pixels, from torchvision's files under the root.

    Raises
    ------
    InputError
        They are missing, or a file is damaged.
    """
    wanted = "torchvision's folder FashionMNIST/raw (train-images-idx3-ubyte, ...)"
    root = needs_folder("fashion_mnist", root, wanted)
    # not the root itself: its files could be those of MNIST, which are called the same
    found = _from_idx(root, ("FashionMNIST/raw", "fashion_mnist", "fashion"), test)
    if found is None:
        raise InputError(f"fashion_mnist: no FashionMNIST/raw in {root}. Put there {wanted}.")
    return found


def _from_idx(root: Path, folders: tuple[str, ...], test: bool) -> tuple[Images, Labels] | None:
    """Return images and labels from the first folder that has both, packed or not."""
    part = "t10k" if test else "train"
    names = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    for folder in (root / name for name in folders):
        images, labels = (first_file(folder / name, folder / f"{name}.gz") for name in names)
        if images is not None and labels is not None:
            return Images(_idx(images)[:, None], full=255.0), _idx(labels).astype(np.int64)
    return None


def _from_npz(path: Path, part: str) -> tuple[Images, Labels]:
    try:
        with opened_npz(path) as arrays:
            pixels, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: damaged, or not MNIST ({error}). Fetch it again.") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise InputError(f"{path}: x_{part} must be uint8 (N, 28, 28), got {pixels.shape}.")
    return Images(pixels[:, None], full=255.0), labels.astype(np.int64)


def _idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read the IDX format: two zero bytes, type, number of axes, big-endian lengths, bytes."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            axes = head[3] if len(head) == 4 else 0
            lengths = tuple(int(n) for n in np.frombuffer(file.read(4 * axes), dtype=">u4"))
            size = math.prod(lengths)
            if head[:3] != bytes([0, 0, IDX_UINT8]) or not 1 <= axes == len(lengths) <= MOST_AXES:
                raise ValueError("it does not start as one")
            if not size:
                raise ValueError("it holds nothing")
            check_memory(f"{path}: the values it claims", size, "Fetch it again.")
            content = file.read(size + 1)  # and no more, whatever it unpacks to
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}). Fetch it again.") from error
    except ValueError as error:
        raise InputError(f"{path}: not an IDX file of bytes ({error}). Fetch it again.") from error
    if len(content) != size:
        raise InputError(f"{path}: not an IDX file of bytes, or cut off. Fetch it again.")
    return np.frombuffer(content, dtype=np.uint8).reshape(lengths)
