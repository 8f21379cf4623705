"""Images in files of others, decoded by Pillow, as few of its formats as are asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image

from loihi_sca.errors import InputError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded. Pillow goes by the content, not by the name, and knows formats that start
other programs (PostScript), or that few have tried to harm."""

RAISED = (
    OSError, SyntaxError, ValueError, LookupError, EOFError, TypeError, OverflowError,
    struct.error, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises about images that are none, damaged, or too large."""


@contextmanager
def opened(file: Path | IO[bytes], name: str) -> Iterator[Image.Image]:
    """Open an image; what Pillow raises until it is closed is turned into an error of ours.

    Parameters
    ----------
    file : path or binary file
    name : str
        Of the file, for errors.

    Raises
    ------
    InputError
        It is no image of :data:`FORMATS`, damaged, or has more pixels than Pillow decodes.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    except RAISED as error:
        raise InputError(
            f"{name}: not an image, or damaged ({error}). Read are {', '.join(FORMATS)}."
        ) from error
