"""A disk that fills up while a file is written: one clear error, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from loihi_sca import netx
from loihi_sca.network import Cuba, Dense, Network

LIMITED = """
import resource, sys
from loihi_sca import netx
from loihi_sca.errors import InputError

network = netx.read(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    netx.write(network, sys.argv[2])
except InputError as error:
    print(error)
"""

MOUNTED = """
mount -t tmpfs -o size=64k none "$1" || exit 77
echo before > "$1/x.net"
"$2" -c 'import sys
from loihi_sca import netx
from loihi_sca.errors import InputError
try:
    netx.write(netx.read(sys.argv[1]), sys.argv[2])
except InputError as error:
    print(error)' "$3" "$1/x.net"
echo "exit $?"; ls -A "$1"; cat "$1/x.net"
"""


@pytest.fixture
def big(tmp_path):
    """A file of 400 kB."""
    weight = 2 * np.random.default_rng(0).integers(-60, 60, (100, 1000))
    layer = Dense("big", (1000,), weight, neuron=Cuba(1024, 128, 80))
    netx.write(Network("big", (layer,), 8), tmp_path / "big.net")
    return tmp_path / "big.net"


@pytest.mark.parametrize("size", [0, 100, 100_000, 400_000])
def test_a_file_that_may_not_grow(tmp_path, big, size):
    folder = tmp_path / "out"
    folder.mkdir()
    netx.write(netx.read(big).replace(timesteps=3), folder / "x.net")
    before = (folder / "x.net").read_bytes()
    done = subprocess.run([sys.executable, "-c", LIMITED, big, folder / "x.net", str(size)],
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"cannot write {folder / 'x.net'}: File too large.\n"
    assert [p.name for p in folder.iterdir()] == ["x.net"]
    assert (folder / "x.net").read_bytes() == before


def test_a_full_disk(tmp_path, big):
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", MOUNTED, "sh", disk, sys.executable, big],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("no unshare")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no tmpfs may be mounted here")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"cannot write {disk / 'x.net'}: No space left on device.", "exit 0", "x.net", "before",
    ]  # fmt: skip
