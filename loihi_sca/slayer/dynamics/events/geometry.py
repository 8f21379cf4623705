"""Where the windows of a convolution lie."""

from __future__ import annotations

from typing import NamedTuple


class Geometry(NamedTuple):
    """A convolution without groups and dilation, for kernels; lengths along y, then x.

    Attributes
    ----------
    images, in_h, in_w, in_c, out_h, out_w, out_c : int
        Sizes of the maps ``[B, H, W, C]``.
    kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x : int
        The window.
    """

    images: int
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_y: int
    kernel_x: int
    stride_y: int
    stride_x: int
    pad_y: int
    pad_x: int
