import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from loihi_sca.cli import main


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def cli(capsys) -> Callable[..., Outcome]:
    """Run the command line in this process, as a shell would: exit code, stdout, stderr."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(int(exit.value.code or 0), captured.out, captured.err)

    return run
