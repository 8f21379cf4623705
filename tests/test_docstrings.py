"""Every example in a public docstring runs as it stands."""

import doctest
import importlib
import inspect

import pytest

import loihi_sca

FUNCTIONS = [name for name in loihi_sca.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_of_a_docstring_run(name: str, tmp_path, monkeypatch) -> None:
    if name in loihi_sca._OF_TORCH:
        pytest.importorskip("torch")
        pytest.importorskip("lava.lib.dl.slayer")
    monkeypatch.chdir(tmp_path)
    function = getattr(loihi_sca, name)
    module = importlib.import_module(function.__module__)
    [test] = doctest.DocTestFinder(recurse=False).find(function, name, module=module, globs={})
    assert test.examples, f"{name} has no example"
    said: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert outcome.failed == 0, "".join(said)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_named_and_documented(name: str) -> None:
    if name in loihi_sca._OF_TORCH:
        pytest.importorskip("torch")
        pytest.importorskip("lava.lib.dl.slayer")
    function = getattr(loihi_sca, name)
    parameters = inspect.signature(function).parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    missing = [p.name for p in parameters if p.name not in (function.__doc__ or "")]
    assert not missing
