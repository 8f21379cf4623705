import subprocess
import sys

import pytest

PROGRAM = """
import resource
from loihi_sca.training.memory import keep_freed_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        b"x" * (1 << 26)  # 64 MiB, written to; glibc never keeps that much by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
before = faults()
print(keep_freed_memory(), before, (faults(), faults())[1])
"""


@pytest.mark.train
def test_freed_memory_is_used_again() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    told, before, after = run.stdout.split()
    if told == "True":  # glibc
        assert int(after) < int(before) / 10
    else:
        assert int(after) <= 2 * int(before)
