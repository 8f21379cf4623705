"""How many places a window has: the arithmetic of convolution and pooling, once."""

from __future__ import annotations


def window_size(
    length: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Return the places of a window along one axis, 0 if it does not fit.

    Parameters
    ----------
    length : int
        Of the input.
    kernel, stride, padding, dilation : int
        Along the axis; the padding is added at both ends.
    """
    reach = dilation * (kernel - 1) + 1
    return max((length + 2 * padding - reach) // stride + 1, 0)
