"""What numba's own loops cannot do well, built by hand from portable LLVM vector operations.

Sums over the spikes of a window must stay in vector registers; numba would write them back to
memory after every spike. And sparse spikes are found a mask of 64 bytes at a time, not one by one.
These two loops are where the time of the engine goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from loihi_sca.engine.fast.jit import inlined
from loihi_sca.engine.fast.table import PADDING
from loihi_sca.network.fixed_point import ALIGN_BITS

MASK_BYTES = PADDING
"""Numbers that :func:`spike_mask` reads at once, also past the last one of an array."""

CHANGES = 16
"""Pairs of neighbours that :func:`change_mask` compares at once."""


@intrinsic  # type: ignore[untyped-decorator]
def spike_mask(typing: Any, spikes: Any, at: Any) -> Any:
    """Return a mask of the 64 numbers, mostly bytes, from ``spikes[at]`` on that are not zero."""
    numbers = ir.VectorType(ir.IntType(spikes.dtype.bitwidth), MASK_BYTES)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        source = _vector_at(builder, builder.gep(array.data, [arguments[1]]), numbers)
        present = builder.icmp_unsigned("!=", _load(builder, source, 1), _zeros(numbers))
        return builder.bitcast(present, ir.IntType(MASK_BYTES))

    return types.uint64(spikes, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def change_mask(typing: Any, values: Any, at: Any) -> Any:
    """Return which of the 16 values behind ``values[at]`` are not equal to the one before them."""
    lanes = ir.VectorType(ir.IntType(values.dtype.bitwidth), CHANGES)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        before, behind = (
            _load(builder, _vector_at(builder, builder.gep(array.data, [at]), lanes), 1)
            for at in (
                arguments[1],
                builder.add(arguments[1], ir.Constant(arguments[1].type, 1)),
            )
        )
        differ = builder.icmp_unsigned("!=", before, behind)
        return builder.zext(builder.bitcast(differ, ir.IntType(CHANGES)), ir.IntType(64))

    return types.uint64(values, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Return the place of the lowest set bit of a mask; 64 if there is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def count_bits(typing: Any, mask: Any) -> Any:
    """Return the number of set bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.intp(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def bit_length(typing: Any, value: Any) -> Any:
    """Return the bits of a 32-bit integer of at least 0, sign excluded."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        leading = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(ir.IntType(32), 32), leading)

    return types.int32(types.int32), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def sum_window(
    typing: Any, u: Any, place: Any, weight: Any, column: Any, events: Any, starts: Any,
    window: Any, safe_rows: Any, width: Any, in_chunks: Any,
) -> Any:  # fmt: skip
    """Add the aligned sum of weight rows to ``u[place : place + width]``.

    The window is ``(first, lines, step, span, shift, shift_step)``: its line ``i`` holds the events
    from ``starts[first + i step]`` to ``starts[first + i step + span]``, and an event ``e`` of it
    stands for ``weight[e + shift + i shift_step, column : column + width]``.

    Rows are summed in the type of the weights, and with ``in_chunks`` at most ``safe_rows`` of them
    before their sum is widened to the type of ``u``. ``width`` and ``in_chunks`` are literals.
    """
    if not isinstance(width, types.IntegerLiteral) or any(
        array.layout != "C" for array in (u, weight, events, starts)
    ):
        return None
    narrow = ir.VectorType(ir.IntType(weight.dtype.bitwidth), width.literal_value)
    wide = ir.VectorType(ir.IntType(u.dtype.bitwidth), width.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        u, weight, events, starts = (
            context.make_array(kinds[i])(context, builder, arguments[i]) for i in (0, 2, 4, 5)
        )
        place, column, window, safe_rows = (arguments[i] for i in (1, 3, 6, 7))
        first, lines, step, span, shift, shift_step = cgutils.unpack_tuple(builder, window)
        columns = cgutils.unpack_tuple(builder, weight.shape)[1]
        total = cgutils.alloca_once_value(builder, _zeros(wide))
        partial = cgutils.alloca_once_value(builder, _zeros(narrow))

        def index(array: Any, at: Any) -> Any:
            return builder.sext(builder.load(builder.gep(array.data, [at])), columns.type)

        def add_rows(begin: Any, end: Any, base: Any) -> None:
            with cgutils.for_range(builder, end, start=begin) as loop:
                offset = builder.mul(index(events, loop.index), columns)
                source = _vector_at(builder, builder.gep(base, [offset]), narrow)
                _add_into(builder, partial, _load(builder, source, narrow.element.width // 8))

        def widen() -> None:
            value = builder.load(partial)
            _add_into(builder, total, value if wide == narrow else builder.sext(value, wide))

        with cgutils.for_range(builder, lines) as line:
            at = builder.add(first, builder.mul(line.index, step))
            begin, end = index(starts, at), index(starts, builder.add(at, span))
            row = builder.add(shift, builder.mul(line.index, shift_step))
            base = builder.gep(weight.data, [builder.add(builder.mul(row, columns), column)])
            if in_chunks.literal_value:
                with cgutils.for_range_slice(builder, begin, end, safe_rows) as (k, _):
                    stop = builder.add(k, safe_rows)
                    stop = builder.select(builder.icmp_signed("<", stop, end), stop, end)
                    builder.store(_zeros(narrow), partial)
                    add_rows(k, stop, base)
                    widen()
            else:
                add_rows(begin, end, base)
        if not in_chunks.literal_value:
            widen()
        aligned = builder.shl(builder.load(total), ir.Constant(wide, [ALIGN_BITS] * wide.count))
        target = _vector_at(builder, builder.gep(u.data, [place]), wide)
        old = _load(builder, target, wide.element.width // 8)
        builder.store(builder.add(old, aligned), target, align=wide.element.width // 8)
        return context.get_dummy_value()

    whole = types.intp
    window_type = types.UniTuple(whole, 6)  # type: ignore[attr-defined]
    places = (u, whole, weight, whole, events, starts, window_type, whole, width, in_chunks)
    return types.void(*places), generate


def _all_columns(in_chunks: bool) -> Callable[..., None]:
    """Return a function that adds a window to all output channels, in pieces of fitting width."""

    @inlined
    def add(
        u: Any, place: Any, weight: Any, events: Any, starts: Any, window: Any, safe: Any
    ) -> None:
        columns, j = weight.shape[1], 0
        while columns - j >= 64:
            sum_window(u, place + j, weight, j, events, starts, window, safe, 64, in_chunks)
            j += 64
        if columns - j >= 32:
            sum_window(u, place + j, weight, j, events, starts, window, safe, 32, in_chunks)
            j += 32
        if columns - j >= 16:
            sum_window(u, place + j, weight, j, events, starts, window, safe, 16, in_chunks)
            j += 16
        if columns - j >= 8:
            sum_window(u, place + j, weight, j, events, starts, window, safe, 8, in_chunks)
            j += 8
        while columns > j:
            sum_window(u, place + j, weight, j, events, starts, window, safe, 1, in_chunks)
            j += 1

    return add


add_window = _all_columns(False)
"""Add the aligned weight rows of a window where no sum can overflow the type of the weights."""

add_window_in_chunks = _all_columns(True)
"""As :data:`add_window`, widening after every ``safe`` rows."""


def _zeros(vector: ir.VectorType) -> Any:
    return ir.Constant(vector, None)


def _vector_at(builder: Any, pointer: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(pointer, vector.as_pointer())


def _load(builder: Any, pointer: Any, align: int) -> Any:
    return builder.load(pointer, align=align)


def _add_into(builder: Any, slot: Any, value: Any) -> None:
    builder.store(builder.add(builder.load(slot), value), slot)
