"""CIFAR-10 from a tree of images, a tar of one, or the batches that torchvision keeps."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from loihi_sca.data.pickled import CIFAR_SHAPE as SHAPE
from loihi_sca.data.pickled import read_batch
from loihi_sca.data.places import needs_folder
from loihi_sca.data.samples import Images
from loihi_sca.errors import InputError

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

WANTED = (
    "one of: a tree of images train/CLASS/*.jpg and test/CLASS/*.jpg (PNG will do), the same as "
    "cifar10_images.tar, or torchvision's folder cifar-10-batches-py"
)

SUFFIXES = (".jpg", ".jpeg", ".png")


def read(test: bool, root: Path | None) -> tuple[Images, npt.NDArray[np.int64]]:
    """Return CIFAR-10, 32x32 pixels in three colours.

    Raises
    ------
    InputError
        It is not under the root, or damaged; the message says what to put where.
    """
    root = needs_folder("cifar10", root, WANTED)
    for folder in (root, root / "cifar10", root / "cifar10_jpeg"):
        part = "test" if test else "train"
        if (folder / "cifar-10-batches-py").is_dir():
            return _batches(folder / "cifar-10-batches-py", test)
        if (folder / part).is_dir():
            return _decoded(_tree(folder / part), folder / part)
        if (folder / "cifar10_images.tar").is_file():
            return _decoded(_tar(folder / "cifar10_images.tar", part), folder)
    raise InputError(f"cifar10: nothing found in {root}. Put there {WANTED}.")


def _tree(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in SUFFIXES:
            yield path.parent.name, str(path), path.read_bytes()


def _tar(path: Path, part: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the images of a tar in the order of their names, whatever its own order."""
    try:
        with tarfile.open(path) as archive:
            members = {m.name: m for m in archive if m.isfile()}
            for name in sorted(members):
                place = PurePosixPath(name)
                file = archive.extractfile(members[name])
                if place.parts[-3:-2] == (part,) and place.suffix.lower() in SUFFIXES and file:
                    yield place.parts[-2], f"{path}:{name}", file.read()
    except tarfile.TarError as error:
        raise InputError(f"{path}: not a tar file, or damaged ({error}).") from error


def _decoded(
    files: Iterator[tuple[str, str, bytes]], where: Path
) -> tuple[Images, npt.NDArray[np.int64]]:
    from loihi_sca.data.pictures import opened  # loads Pillow

    pixels, labels = [], []
    for name, path, content in files:
        if name not in CLASSES:
            raise InputError(f"{path}: no class {name!r}; there are {', '.join(CLASSES)}.")
        with opened(io.BytesIO(content), path) as image:
            colours = np.asarray(image.convert("RGB"))
        if colours.shape[:2] != SHAPE[1:]:
            raise InputError(
                f"{path}: {colours.shape[1]}x{colours.shape[0]} pixels, must be 32x32."
            )
        pixels.append(colours.transpose(2, 0, 1))
        labels.append(CLASSES.index(name))
    if not pixels:
        raise InputError(f"cifar10: no images in {where}. Put there {WANTED}.")
    return Images(np.stack(pixels), full=255.0), np.array(labels, dtype=np.int64)


def _batches(folder: Path, test: bool) -> tuple[Images, npt.NDArray[np.int64]]:
    names = ["test_batch"] if test else [f"data_batch_{i}" for i in range(1, 6)]
    pixels, labels = [], []
    for name in names:
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing. Put there {WANTED}.")
        images, classes = read_batch(path, "CIFAR-10", b"labels")
        pixels.append(images)
        labels.append(classes)
    return Images(np.concatenate(pixels), full=255.0), np.concatenate(labels)
