import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loihi_sca.errors import InputError
from loihi_sca.files import atomic_path, make_folder, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    target = tmp_path / "x.txt"
    write_text(target, "old")

    def fail_half_way() -> None:
        with atomic_path(target) as path:
            path.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_unwritable_target_is_one_clear_error(tmp_path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*missing"):
        write_text(tmp_path / "missing" / "x", "")
    with pytest.raises(InputError, match="is a folder"):
        write_text(tmp_path, "")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create folder"):
        make_folder(tmp_path / "file" / "below")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_file_has_the_mode_that_any_new_file_has(tmp_path, mask: int) -> None:
    code = (
        "import os, sys; from loihi_sca.files import write_text\n"
        f"os.umask({mask}); write_text('ours', ''); open('plain', 'w').close()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    assert mode(tmp_path / "ours") == mode(tmp_path / "plain") == 0o666 & ~mask


def test_files_of_other_threads_keep_their_mode(tmp_path) -> None:
    """The umask belongs to the process: who sets it, even for a moment, sets it for all."""
    before, stop = os.umask(0o077), threading.Event()

    def write_ours(number: int) -> None:
        while not stop.is_set():
            write_text(tmp_path / f"ours-{number}", "")

    def create_theirs(number: int) -> int:
        path = tmp_path / f"theirs-{number}"
        path.touch()
        return mode(path)

    try:
        with ThreadPoolExecutor(3) as pool:
            ours = [pool.submit(write_ours, i) for i in range(2)]
            modes = {create_theirs(i) for i in range(5000)}
            stop.set()
            for future in ours:
                future.result()
    finally:
        stop.set()
        os.umask(before)
    assert modes == {0o600}
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
