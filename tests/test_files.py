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
    with pytest.raises(InputError, match="No such file"):
        write_text(tmp_path / "missing" / "x", "")
    with pytest.raises(InputError, match="is a folder"):
        write_text(tmp_path, "")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create folder"):
        make_folder(tmp_path / "file" / "below")
