"""Sums of messages times weights, two 16-bit products to a lane, built from vector operations.

Processors multiply two pairs of 16-bit integers and add both products up in one instruction, which
numba's own loops never use. Where there is none, the same sums take several.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from loihi_sca.engine.fast.graded_table import LANES
from loihi_sca.engine.fast.jit import inlined

HALF_BITS = 16

I32 = ir.IntType(32)
SUMS = ir.VectorType(I32, LANES)
HALVES = ir.VectorType(ir.IntType(HALF_BITS), 2 * LANES)
PRODUCTS = ir.VectorType(I32, 2 * LANES)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def sum_pairs(
    typing: Any, z: Any, place: Any, weight: Any, base: Any, rows: Any, low: Any, high: Any,
    starts: Any, window: Any, wide: Any, width: Any,
) -> Any:  # fmt: skip
    """Write what the messages of a window weigh to ``z[place : place + width]``, modulo 2^32.

    The window is ``(first, lines, step, span, shift, shift_step)``: its line ``i`` holds the pairs
    of messages from ``starts[first + i step]`` to ``starts[first + i step + span]``, and pair ``e``
    of it meets row ``rows[e] + shift + i shift_step`` of the weights, which lie from
    ``weight[base]`` on, ``width`` of them to a row. Both, ``weight`` and ``low``, are pairs of
    16-bit integers. If messages are ``wide``, 2^16 times those in ``high`` are added.
    """
    if not isinstance(width, types.IntegerLiteral) or any(
        array.layout != "C" for array in (z, weight, rows, low, high, starts)
    ):
        return None
    vectors = width.literal_value // LANES

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        z, weight, rows, low, high, starts = (
            context.make_array(kinds[i])(context, builder, arguments[i]) for i in (0, 2, 4, 5, 6, 7)
        )
        place, base, window, wide = (arguments[i] for i in (1, 3, 8, 9))
        first, lines, step, span, shift, shift_step = cgutils.unpack_tuple(builder, window)
        row_size = ir.Constant(place.type, width.literal_value)

        def index(array: Any, at: Any) -> Any:
            return builder.sext(builder.load(builder.gep(array.data, [at])), place.type)

        def add_pair(sums: list[Any], messages: Any, pair: Any, shifted: Any) -> None:
            row = builder.mul(builder.add(index(rows, pair), shifted), row_size)
            at = builder.gep(weight.data, [builder.add(base, row)])
            spread = _spread(builder, builder.load(builder.gep(messages.data, [pair])))
            for v, total in enumerate(sums):
                here = builder.gep(at, [ir.Constant(I32, v * LANES)])
                _add_into(builder, total, _products(builder, here, spread))

        def sum_up(messages: Any) -> list[Any]:
            # two sums, for a processor begins one addition before the last one has ended
            nothing = [ir.Constant(SUMS, None)] * vectors
            even, odd = ([cgutils.alloca_once_value(builder, x) for x in nothing] for _ in range(2))
            with cgutils.for_range(builder, lines) as line:
                at = builder.add(first, builder.mul(line.index, step))
                begin, end = index(starts, at), index(starts, builder.add(at, span))
                shifted = builder.add(shift, builder.mul(line.index, shift_step))
                one = ir.Constant(begin.type, 1)
                last = builder.sub(end, one)
                with cgutils.for_range_slice(
                    builder, begin, last, ir.Constant(begin.type, 2), inc=True
                ) as (pair, _):
                    add_pair(even, messages, pair, shifted)
                    add_pair(odd, messages, builder.add(pair, one), shifted)
                is_odd = builder.trunc(builder.sub(end, begin), ir.IntType(1))
                with builder.if_then(is_odd):
                    add_pair(even, messages, last, shifted)
            pairs = zip(even, odd, strict=True)
            return [builder.add(builder.load(a), builder.load(b)) for a, b in pairs]

        totals = [cgutils.alloca_once_value(builder, x) for x in sum_up(low)]
        with builder.if_then(wide, likely=False):
            bits = ir.Constant(SUMS, [HALF_BITS] * LANES)
            for total, above in zip(totals, sum_up(high), strict=True):
                _add_into(builder, total, builder.shl(above, bits))
        for v, total in enumerate(totals):
            at = builder.gep(z.data, [builder.add(place, ir.Constant(place.type, v * LANES))])
            builder.store(builder.load(total), builder.bitcast(at, SUMS.as_pointer()), align=4)
        return context.get_dummy_value()

    whole = types.intp
    window_type = types.UniTuple(whole, 6)  # type: ignore[attr-defined]
    places = (z, whole, weight, whole, rows, low, high, starts, window_type, types.boolean, width)
    return types.void(*places), generate


def _spread(builder: Any, message: Any) -> Any:
    """Return a pair of messages, repeated over all lanes."""
    nothing = ir.Constant(SUMS, ir.Undefined)
    alone = builder.insert_element(nothing, message, ir.Constant(I32, 0))
    spread = builder.shuffle_vector(alone, nothing, ir.Constant(SUMS, [0] * LANES))
    return builder.bitcast(spread, HALVES)


def _products(builder: Any, weights: Any, messages: Any) -> Any:
    """Return the two products of each lane, added up: one instruction, if there is one."""
    row = builder.load(builder.bitcast(weights, HALVES.as_pointer()), align=4)
    products = builder.mul(builder.sext(row, PRODUCTS), builder.sext(messages, PRODUCTS))
    nothing = ir.Constant(PRODUCTS, ir.Undefined)
    first, second = (ir.Constant(SUMS, list(range(i, 2 * LANES, 2))) for i in range(2))
    return builder.add(
        builder.shuffle_vector(products, nothing, first),
        builder.shuffle_vector(products, nothing, second),
    )


def _add_into(builder: Any, slot: Any, value: Any) -> None:
    builder.store(builder.add(builder.load(slot), value), slot)


@inlined
def sum_columns(
    z: Any, place: Any, weight: Any, base: Any, rows: Any, low: Any, high: Any, starts: Any,
    window: Any, wide: Any, width: Any,
) -> None:  # fmt: skip
    """As :func:`sum_pairs`, for any ``width`` of whole vectors up to the widest."""
    if width == 64:
        sum_pairs(z, place, weight, base, rows, low, high, starts, window, wide, 64)
    elif width == 48:
        sum_pairs(z, place, weight, base, rows, low, high, starts, window, wide, 48)
    elif width == 32:
        sum_pairs(z, place, weight, base, rows, low, high, starts, window, wide, 32)
    else:
        sum_pairs(z, place, weight, base, rows, low, high, starts, window, wide, 16)
