"""What users name in Python, and what is said where it cannot be had."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from loihi_sca.errors import ConfigError, InputError
from loihi_sca.references import import_reference

FILES = {
    "ref_good": "class Of:\n    inner = 7\n\ndef build():\n    return 3\n",
    "ref_imports": "import ref_not_installed\n",
    "ref_half": "from ref_good import ref_gone\n",
    "ref_raises": "x = 1\ny = 1 / 0\n",
    "ref_broken": "def f(:\n",
    "ref_ours": "from loihi_sca.errors import InputError\nraise InputError('mine')\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        (tmp_path / f"{name}.py").write_text(content)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_what_is_there_is_found(folder: Path) -> None:
    assert import_reference("ref_good:build", folder)() == 3
    assert import_reference("ref_good:Of.inner", folder) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ref_godo:build",
            "ref_godo:build: No module named 'ref_godo': neither ref_godo.py nor a folder ref_godo "
            "is in {folder}, and no package of that name is installed; did you mean 'ref_good'? "
            "Start from the folder that holds it, or put that on PYTHONPATH.",
        ),
        ("zzz.inner:x", "No module named 'zzz': neither zzz.py nor a folder zzz is in {folder}"),
        ("json.zzz:x", "No module named 'json.zzz': json has no module zzz."),
        ("ref_imports:x", "ref_imports imports ref_not_installed, which is not installed here"),
        ("ref_half:x", "ImportError: cannot import name 'ref_gone' from 'ref_good'"),
        ("ref_raises:x", "ZeroDivisionError: division by zero (ref_raises.py, line 2). Mend it;"),
        ("ref_broken:x", "SyntaxError: invalid syntax (ref_broken.py, line 1). Mend it."),
        (
            "ref_good:biuld",
            "module 'ref_good' has no attribute 'biuld' ({folder}/ref_good.py); did you mean "
            "'build'?",
        ),
        ("ref_good:Of.zzz", "type object 'Of' has no attribute 'zzz' ({folder}/ref_good.py)."),
    ],
)
def test_what_is_not_there_is_said_with_where_it_was_looked_for(folder, text, message) -> None:
    with pytest.raises(ConfigError, match=re.escape(message.format(folder=folder))):
        import_reference(text, folder)


def test_an_error_of_ours_stays_what_it_is(folder: Path) -> None:
    with pytest.raises(InputError, match="mine"):
        import_reference("ref_ours:x", folder)
