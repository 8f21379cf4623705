"""The Triton kernels: run by Triton's interpreter, compiled without a GPU, and run on one."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SUPPORT = Path(__file__).parents[1] / "support"
CHECKS = Path(__file__).with_name("triton_checks.py")

SLOW = pytest.mark.slow

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton comes for Linux only"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")


def child(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_triton
@pytest.mark.parametrize("which", ["activity or sign_bit or epoch", pytest.param("", marks=SLOW)])
def test_in_the_interpreter(which: str) -> None:
    output = child(["-m", "pytest", "-q", "-x", str(CHECKS), "-k", which], TRITON_INTERPRET="1")
    assert " passed" in output
    assert "skipped" not in output


@needs_triton
def test_compiled_for_gpus_that_are_not_there(tmp_path: Path) -> None:
    output = child([str(SUPPORT / "compile_kernels.py")], TRITON_CACHE_DIR=str(tmp_path))
    found = json.loads(output)
    assert len(found) == 4 * (3 + 1 + 3)
    for name, instructions in found.items():
        used = {i.split(".")[0] for i in instructions}
        assert {"ld", "st"} <= used, name
        assert not used & {"atom", "red"}, f"{name}: sums depend on who comes first"
        if name.startswith(("forward", "sum_current")):
            floats = [i for i in instructions if i.endswith("f32") and i.split(".")[0] != "cvt"]
            # products with powers of two, comparisons and choices: nothing that rounds
            assert {i.split(".")[0] for i in floats} <= {
                "mul", "max", "min", "setp", "selp", "mov",
            }, name  # fmt: skip


@pytest.mark.gpu
@needs_triton
@needs_cuda
def test_on_a_gpu() -> None:
    output = child(["-m", "pytest", "-q", "-x", str(CHECKS)], TRITON_INTERPRET="0")
    assert " passed" in output
    assert "skipped" not in output
