"""What Triton 2.3.1's interpreter lacks to run our kernels: it cannot name three types."""

from __future__ import annotations

import triton
import triton.language as tl

if triton.__version__.startswith("2."):
    from triton.runtime.interpreter import Builder

    Builder.get_int1_ty = lambda self: tl.int1
    Builder.get_int32_ty = lambda self: tl.int32
    Builder.get_double_ty = lambda self: tl.float64
