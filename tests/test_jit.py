"""Machine code that is kept is never out of date, wherever what it was made from stands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import loihi_sca
from loihi_sca.jit import digest_of

KERNEL = """
from loihi_sca.jit import kept
from tiny.chip.limits import LIMIT

def make(sources):
    def kernel(x):
        _ = sources
        return x + LIMIT
    return kernel

kernel = kept(make)
"""


def run(folder: Path, code: str) -> str:
    code = f"import sys; sys.path[:0] = [{str(folder)!r}]\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A package whose kernel reads a constant that another folder takes from a third."""
    files = {
        "__init__.py": "",
        "engine/__init__.py": "",
        "engine/work.py": KERNEL,
        "chip/__init__.py": "",
        "chip/limits.py": "from ..numbers import TEN as LIMIT",
        "numbers/__init__.py": "from .ten import TEN",
        "numbers/ten.py": "TEN = 10",
        "other.py": "",
    }
    for name, content in files.items():
        path = tmp_path / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_a_constant_of_another_folder_is_noticed(tiny: Path) -> None:
    call = "from tiny.engine.work import kernel; print(kernel(1))"
    assert run(tiny, call) == "11"
    (tiny / "tiny" / "numbers" / "ten.py").write_text("TEN = 20")
    assert run(tiny, call) == "21"


def test_machine_code_is_kept_while_nothing_changes_that_it_was_made_from(tiny: Path) -> None:
    call = (
        "from tiny.engine.work import kernel; kernel(1)\n"
        "print(sum(kernel.stats.cache_hits.values()))"
    )
    assert run(tiny, call) == "0"
    (tiny / "tiny" / "other.py").write_text("UNRELATED = 1")
    assert run(tiny, call) == "1"


def test_who_watches_hears_of_what_is_compiled_and_of_nothing_else(tiny: Path) -> None:
    call = (
        "from loihi_sca.compiling import watched_by\n"
        "class Told:\n"
        "    def start(self, kernel, folder): print('start', kernel, folder)\n"
        "    def end(self): print('end')\n"
        "with watched_by(Told()):\n"
        "    from tiny.engine.work import kernel\n"
        "    import numba\n"
        "    numba.njit(lambda x: x)(1)  # is not ours\n"
        "    kernel(1); kernel(2)\n"
        "kernel(1.5)"
    )
    assert run(tiny, call).splitlines() == [
        f"start kernel {tiny / 'tiny' / 'engine' / '__pycache__'}",
        "end",
    ]
    assert run(tiny, call) == ""


@pytest.mark.parametrize("kernels", ["engine.fast.kernels", "slayer.dynamics.forward"])
def test_our_kernels_depend_on_the_chips_fixed_point(kernels: str, tmp_path: Path) -> None:
    """A copy of the package whose state is a bit wider has machine code of its own."""
    [package] = loihi_sca.__path__
    copied = tmp_path / "loihi_sca"
    shutil.copytree(package, copied, ignore=shutil.ignore_patterns("__pycache__"))
    call = (
        "import loihi_sca, sys; from loihi_sca.jit import digest_of\n"
        f"assert loihi_sca.__file__.startswith({str(tmp_path)!r})\n"
        f"print(digest_of('loihi_sca.{kernels}'))"
    )
    assert run(tmp_path, call) == digest_of(f"loihi_sca.{kernels}")
    constants = copied / "network" / "fixed_point.py"
    constants.write_text(constants.read_text().replace("STATE_BITS = 24", "STATE_BITS = 25"))
    assert run(tmp_path, call) != digest_of(f"loihi_sca.{kernels}")
