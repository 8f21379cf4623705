"""The examples run as they are."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_model_of_ones_own_is_pruned_in_a_plain_loop() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "prune_own_model.py")],
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0 mismatches" in done.stdout
    last = [line for line in done.stdout.splitlines() if line.startswith("epoch")][-1]
    rebuilt = done.stdout.splitlines()[-1]
    accuracy = last.partition(": ")[2].partition(" %")[0]
    assert rebuilt == f"rebuilt from its class: {accuracy} %"
    assert float(accuracy) > 80
