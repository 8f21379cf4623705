"""What numba's own loops cannot do well, built by hand from portable LLVM vector operations.

The sum of the rows that events name must stay in vector registers until the last of them is added;
numba would write it back to memory after every event. And spikes are found 64 at a time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from loihi_sca.slayer.dynamics.jit import inlined

WORD = 64
"""Values per word of bits."""

COLUMNS = 128
"""Columns that are summed at once: a quarter of the vector registers of AVX-512, half of AVX2's."""

_ALIGN = 4
"""Bytes, of a float32: rows may begin anywhere."""


@intrinsic  # type: ignore[untyped-decorator]
def masks_of(typing: Any, values: Any, at: Any) -> Any:
    """Return two masks of the 64 floats from ``values[at]`` on: which are not 0, which are 1."""
    vector = ir.VectorType(ir.FloatType(), WORD)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        loaded = _load(builder, builder.gep(array.data, [arguments[1]]), vector)
        zeros, ones = (ir.Constant(vector, [value] * WORD) for value in (0.0, 1.0))
        present = builder.fcmp_unordered("!=", loaded, zeros)  # true for what is no number
        equal = builder.fcmp_ordered("==", loaded, ones)
        masks = [builder.bitcast(mask, ir.IntType(WORD)) for mask in (present, equal)]
        return context.make_tuple(builder, signature.return_type, masks)

    pair = types.UniTuple(types.uint64, 2)  # type: ignore[attr-defined]
    return pair(values, types.intp), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _sum_rows(
    typing: Any, out: Any, at: Any, table: Any, base: Any, stride: Any, events: Any, begin: Any,
    end: Any, width: Any,
) -> Any:  # fmt: skip
    """Do what :func:`add_rows` does for ``width`` columns, a literal."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    vector = ir.VectorType(ir.FloatType(), width.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        out, table, events = (
            context.make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 2, 5)
        )
        at, base, stride, begin, end = (arguments[i] for i in (1, 3, 4, 6, 7))
        source, target = builder.gep(table, [base]), builder.gep(out, [at])
        total = cgutils.alloca_once_value(builder, _load(builder, target, vector))
        with cgutils.for_range(builder, end, start=begin) as loop:
            event = builder.sext(builder.load(builder.gep(events, [loop.index])), base.type)
            row = _load(builder, builder.gep(source, [builder.mul(event, stride)]), vector)
            builder.store(builder.fadd(builder.load(total), row), total)
        pointer = builder.bitcast(target, vector.as_pointer())
        builder.store(builder.load(total), pointer, align=_ALIGN)
        return context.get_dummy_value()

    whole = types.intp
    places = (out, whole, table, whole, whole, events, whole, whole, width)
    return types.void(*places), generate


@inlined
def add_rows(
    out: Any, at: Any, columns: Any, table: Any, base: Any, stride: Any, events: Any, begin: Any,
    end: Any,
) -> None:  # fmt: skip
    """Add the rows of a table that events name to ``out[at : at + columns]``.

    The row of event ``e`` is ``table[base + e stride : base + e stride + columns]``. Arrays are
    flat; the events are ``events[begin:end]``, added one after the other.
    """
    j = 0
    while columns - j >= 128:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 128)
        j += 128
    if columns - j >= 64:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 64)
        j += 64
    if columns - j >= 32:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 32)
        j += 32
    if columns - j >= 16:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 16)
        j += 16
    if columns - j >= 8:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 8)
        j += 8
    while columns > j:
        _sum_rows(out, at + j, table, base + j, stride, events, begin, end, 1)
        j += 1


def _load(builder: Any, pointer: Any, vector: ir.VectorType) -> Any:
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=_ALIGN)
