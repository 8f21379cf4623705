"""What numba's own loops cannot do well, built by hand from portable LLVM vector operations.

The sum of the rows that events name must stay in vector registers until the last of them is added;
numba would write it back to memory after every event. And spikes are found 64 at a time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from loihi_sca.slayer.dynamics.cuda.convolution import GRID
from loihi_sca.slayer.dynamics.jit import inlined

WORD = 64
"""Values per word of bits."""

NARROW, MIDDLE, WIDE = 16, 32, 128
"""Columns of the rows that are summed for several taps at once; for a single tap the widest."""

_ALIGN = 1
"""Bytes: rows may begin anywhere."""


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
def _sum_steps(
    typing: Any, sums: Any, table: Any, base: Any, stride: Any, events: Any, begin: Any, end: Any,
    width: Any,
) -> Any:  # fmt: skip
    """Do what :func:`add_steps` does for ``width`` columns, a literal."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    columns = width.literal_value
    wide = ir.VectorType(ir.IntType(16), columns)
    narrow = ir.VectorType(ir.IntType(table.dtype.bitwidth), columns)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        sums, table, events = (
            context.make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 1, 4)
        )
        base, stride, begin, end = (arguments[i] for i in (2, 3, 5, 6))
        source = builder.gep(table, [base])
        total = cgutils.alloca_once_value(builder, _load(builder, sums, wide))
        with cgutils.for_range(builder, end, start=begin) as loop:
            event = builder.sext(builder.load(builder.gep(events, [loop.index])), base.type)
            row = _load(builder, builder.gep(source, [builder.mul(event, stride)]), narrow)
            if narrow != wide:
                row = builder.sext(row, wide)
            builder.store(builder.add(builder.load(total), row), total)
        _store(builder, builder.load(total), sums)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(sums, table, whole, whole, events, whole, whole, width), generate


@inlined
def add_steps(
    sums: Any, columns: Any, table: Any, base: Any, stride: Any, events: Any, begin: Any, end: Any
) -> None:
    """Add the rows of a table of integers that events name to sums of 16 bits.

    The row of event ``e`` is ``table[base + e stride : base + e stride + columns]``, of 32, 64, 96
    or 128 columns. The events are ``events[begin:end]``.
    """
    if columns == 128:
        _sum_steps(sums, table, base, stride, events, begin, end, 128)
    elif columns == 96:
        _sum_steps(sums, table, base, stride, events, begin, end, 96)
    elif columns == 64:
        _sum_steps(sums, table, base, stride, events, begin, end, 64)
    else:
        _sum_steps(sums, table, base, stride, events, begin, end, 32)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _move_steps(typing: Any, sums: Any, at: Any, out: Any, to: Any, width: Any) -> Any:
    """Do what :func:`move_steps` does for ``width`` columns, a literal."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    columns = width.literal_value
    short, floats = (ir.VectorType(k, columns) for k in (ir.IntType(16), ir.FloatType()))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, out = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (0, 2)
        )
        source, target = builder.gep(sums, [arguments[1]]), builder.gep(out, [arguments[3]])
        steps = builder.sitofp(_load(builder, source, short), floats)
        step = ir.Constant(floats, [1 / GRID] * columns)
        total = builder.fadd(_load(builder, target, floats), builder.fmul(steps, step))
        _store(builder, total, target)
        _store(builder, ir.Constant(short, [0] * columns), source)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(sums, whole, out, whole, width), generate


@inlined
def move_steps(sums: Any, columns: Any, out: Any, to: Any, used: Any) -> None:
    """Add sums in steps of 1/32 to ``out[to : to + used]``, and begin anew from zero."""
    for j in range(0, columns, 32):
        if j + 32 <= used:
            _move_steps(sums, j, out, to + j, 32)
        else:
            for i in range(j, used):
                _move_steps(sums, i, out, to + i, 1)
            for i in range(max(j, used), j + 32):
                sums[i] = 0


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _sum_taps(
    typing: Any, taps_y: Any, taps_x: Any, width: Any, out: Any, at: Any, step_y: Any, step_x: Any,
    maps: Any, base: Any, line: Any, events: Any, begin: Any, end: Any,
) -> Any:  # fmt: skip
    """Do what :func:`add_taps` does for literal numbers of taps and columns."""
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (taps_y, taps_x, width)):
        return None
    vector = ir.VectorType(ir.FloatType(), width.literal_value)
    taps = [(j, i) for j in range(taps_y.literal_value) for i in range(taps_x.literal_value)]
    columns = width.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        out, maps, events = (
            context.make_array(kinds[i])(context, builder, arguments[i]).data for i in (3, 7, 10)
        )
        at, step_y, step_x, base, line, begin, end = (arguments[i] for i in (4, 5, 6, 8, 9, 11, 12))

        def times(value: Any, factor: int) -> Any:
            return builder.mul(value, ir.Constant(value.type, factor))

        targets = [
            builder.gep(out, [builder.add(at, builder.add(times(step_y, j), times(step_x, i)))])
            for j, i in taps
        ]
        totals = [
            cgutils.alloca_once_value(builder, _load(builder, target, vector)) for target in targets
        ]
        lines = [
            builder.gep(maps, [builder.sub(base, times(line, j))])
            for j in range(taps_y.literal_value)
        ]
        with cgutils.for_range(builder, end, start=begin) as loop:
            event = builder.sext(builder.load(builder.gep(events, [loop.index])), base.type)
            rows = [builder.gep(pointer, [event]) for pointer in lines]
            for (j, i), total in zip(taps, totals, strict=True):
                place = builder.gep(rows[j], [ir.Constant(base.type, -i * columns)])
                added = builder.fadd(builder.load(total), _load(builder, place, vector))
                builder.store(added, total)
        for target, total in zip(targets, totals, strict=True):
            _store(builder, builder.load(total), target)
        return context.get_dummy_value()

    whole = types.intp
    places = (out, whole, whole, whole, maps, whole, whole, events, whole, whole)
    return types.void(taps_y, taps_x, width, *places), generate


@inlined
def add_taps(
    taps_y: Any, taps_x: Any, columns: Any, out: Any, at: Any, step_y: Any, step_x: Any, maps: Any,
    base: Any, line: Any, events: Any, begin: Any, end: Any,
) -> None:  # fmt: skip
    """Add the rows of maps that events name to several rows of out at once.

    For each of up to 3 times 3 taps ``j, i`` the row ``maps[base + e - j line - i columns]`` of
    each event ``e`` is added to ``out[at + j step_y + i step_x]``, ``columns`` wide, which is one
    of :data:`NARROW`, :data:`MIDDLE` and, for a single tap, :data:`WIDE`. The events are
    ``events[begin:end]``, added one after the other.
    """
    if columns == 128:
        _sum_taps(1, 1, 128, out, at, step_y, step_x, maps, base, line, events, begin, end)
    elif columns == 32:
        if taps_y == 3 and taps_x == 3:
            _sum_taps(3, 3, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 3 and taps_x == 2:
            _sum_taps(3, 2, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 3 and taps_x == 1:
            _sum_taps(3, 1, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 3:
            _sum_taps(2, 3, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 2:
            _sum_taps(2, 2, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 1:
            _sum_taps(2, 1, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 1 and taps_x == 3:
            _sum_taps(1, 3, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 1 and taps_x == 2:
            _sum_taps(1, 2, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
        else:
            _sum_taps(1, 1, 32, out, at, step_y, step_x, maps, base, line, events, begin, end)
    else:
        if taps_y == 3 and taps_x == 3:
            _sum_taps(3, 3, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 3 and taps_x == 2:
            _sum_taps(3, 2, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 3 and taps_x == 1:
            _sum_taps(3, 1, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 3:
            _sum_taps(2, 3, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 2:
            _sum_taps(2, 2, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 2 and taps_x == 1:
            _sum_taps(2, 1, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 1 and taps_x == 3:
            _sum_taps(1, 3, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        elif taps_y == 1 and taps_x == 2:
            _sum_taps(1, 2, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)
        else:
            _sum_taps(1, 1, 16, out, at, step_y, step_x, maps, base, line, events, begin, end)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _copy_row(typing: Any, out: Any, to: Any, values: Any, at: Any, width: Any) -> Any:
    """Copy a row of ``width`` floats, a literal."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    vector = ir.VectorType(ir.FloatType(), width.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, values = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (0, 2)
        )
        row = _load(builder, builder.gep(values, [arguments[3]]), vector)
        _store(builder, row, builder.gep(out, [arguments[1]]))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(out, whole, values, whole, width), generate


@inlined
def copy_row(out: Any, to: Any, values: Any, at: Any, columns: Any) -> None:
    """Copy ``columns`` floats from ``values[at]`` on to ``out[to]`` on."""
    if columns == 128:
        _copy_row(out, to, values, at, 128)
    elif columns == 32:
        _copy_row(out, to, values, at, 32)
    elif columns == 16:
        _copy_row(out, to, values, at, 16)
    else:
        for j in range(columns):
            out[to + j] = values[at + j]


def _load(builder: Any, pointer: Any, vector: ir.VectorType) -> Any:
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=_ALIGN)


def _store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=_ALIGN)
