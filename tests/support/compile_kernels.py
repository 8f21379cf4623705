"""Compile every Triton kernel of ours to machine code for NVIDIA GPUs; none needs to be there.

Prints, as JSON, the PTX instructions that each kernel has for each compute capability.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import triton

from loihi_sca.slayer.dynamics.cuda import backward, forward

CAPABILITIES = (75, 80, 90)
FLAGS = ("KEEP_CURRENT", "WATCH", "THROUGH_CURRENT", "LEARN_CURRENT", "LEARN_VOLTAGE")
KERNELS = (forward.sum_current, forward.forward, backward.backward, backward.current_backward)
INT32 = {"level", "rows", "channels", "size", "last"}
FLOAT32 = {"slope", "height"}
TYPES = {
    "sum_current": {"sums": "*i64", "weighted": "*fp32"},
    "forward": {"keep_u": "*i32", "keep_v": "*i32", "offset": "*i32", "peaks": "*i32"}
    | {"sums": "*i64"},
    "backward": {"level": "fp32"},
    "current_backward": {},
}


def type_of(kernel: Any, name: str) -> str:
    own = TYPES[kernel.__name__]
    if name in own:
        return own[name]
    if name in INT32:
        return "i32"
    if kernel.__name__ == "sum_current":
        return "*i32"
    return "fp32" if name in FLOAT32 else "*fp32"


def machine_code(
    kernel: Any, flag: bool, width: int, channels: int | None, capability: int
) -> tuple[str, bytes]:
    """Return PTX and cubin."""
    constants: dict[str, Any] = {"STEPS": 8, "ROWS": 256 // width, "WIDTH": width}
    constants |= {name: flag for name in FLAGS if name in kernel.arg_names}
    if channels is not None:  # Triton makes a constant of a number that is 1
        constants["channels"] = channels
    types = {n: type_of(kernel, n) for n in kernel.arg_names if n not in constants}
    if triton.__version__.startswith("2."):
        return _by_triton_2(kernel, types, constants, capability)
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    whole = types | {name: "constexpr" for name in constants}
    source = ASTSource(kernel, signature=whole, constexprs=constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    return compiled.asm["ptx"], compiled.asm["cubin"]


def _by_triton_2(
    kernel: Any, types: dict[str, str], constants: dict[str, Any], capability: int
) -> tuple[str, bytes]:
    """Go through the stages of its ``compile``, which at the end asks for a driver."""
    from triton.compiler.backends.cuda import CUDABackend
    from triton.compiler.compiler import ASTSource

    number = {name: i for i, name in enumerate(kernel.arg_names)}
    signature = {number[name]: kind for name, kind in types.items()}
    source = ASTSource(kernel, signature, {number[n]: v for n, v in constants.items()})
    target = ("cuda", capability)
    backend = CUDABackend(target)
    options, stages = backend.parse_options({}), {}
    backend.add_stages(stages, options)
    module = source.make_ir(options)
    made, metadata = {}, {"target": target, **options.__dict__, **source.metadata()}
    for name in list(stages)[list(stages).index(source.ext) :]:
        made[name] = module = stages[name](module, metadata)
    return made["ptx"], made["cubin"]


def main() -> None:
    found: dict[str, list[str]] = {}
    for kernel in KERNELS:
        for flag, width, channels in ((True, 64, None), (False, 16, None), (True, 1, 1)):
            for capability in CAPABILITIES if flag else CAPABILITIES[:1]:
                ptx, cubin = machine_code(kernel, flag, width, channels, capability)
                if not cubin.startswith(b"\x7fELF"):
                    raise SystemExit(f"{kernel.__name__}: no machine code")
                name = f"{kernel.__name__} {flag} {width} {capability}"
                found[name] = sorted(set(re.findall(r"^\s*(?:@%\w+ )?([a-z][\w.:]+) ", ptx, re.M)))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
