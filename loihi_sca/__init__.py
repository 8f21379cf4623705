"""loihi-sca: train spiking networks small, ship them exactly, know their cost on Loihi.

    train        by a recipe, with SCA pruning             -> a checkpoint in a run folder
    compile      a model of lava-dl, SpikingJelly or ours  -> Compiled, an integer network
    prune        a model of your own at once; Pruner does it in your own training loop
    shapes_of    shapes of a pruned model; resize gives them to one that is built anew
    fold_batchnorm  batch norms into weights, biases and thresholds -> FoldedModel
    check        what keeps a model from the chip, before it is trained
    read, write  netx files, which stock lava-dl loads
    read_nir, write_nir  NIR, which snnTorch, Norse and sinabs speak
    load_data    a dataset by name, or your own            -> Dataset
    run          a network on spikes                       -> RunResult
    verify       reference = fast = Lava, in every layer   -> Verification
    evaluate     accuracy and activity on a dataset        -> Evaluation
    map_network  which core holds what                     -> Placement
    estimate     cores, energy and latency on a chip       -> Estimate
    cliffs       channel counts at which cores drop        -> Cliffs
    plan         channels under a budget, before training  -> Planned
    report       the page of a run, or of a netx file

Results have a short repr, ``table()``, ``as_json()``, ``rows()`` and ``to_pandas()``. Networks are
given as they are or by path, chips and recipes by name too. Everything loads when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Pruner": "pruning.pruner",
    "check": "frontend.check",
    "cliffs": "hardware.mapping.cliffs",
    "compile": "frontend.compile",
    "compile_slayer": "frontend.slayer",
    "estimate": "hardware.cost.estimate",
    "evaluate": "pipeline.evaluate",
    "fold_batchnorm": "frontend.fold",
    "load_data": "data.datasets:load",
    "map_network": "hardware.mapping.mapper",
    "plan": "pipeline.plan",
    "prune": "pruning.oneshot",
    "read": "netx.reader",
    "read_nir": "exchange.nir_import",
    "report": "pipeline.report",
    "resize": "model.sizes",
    "run": "pipeline.run",
    "shapes_of": "model.sizes",
    "train": "training.session",
    "verify": "compiler.verify",
    "write": "netx.writer",
    "write_nir": "exchange.nir_export",
}
"""Where each name lives; the stub ``__init__.pyi`` says the same to type checkers and editors."""

_PACKAGES = (
    "compiler", "config", "data", "engine", "errors", "exchange", "execution", "frontend",
    "hardware", "model", "network", "netx", "pipeline", "planning", "pruning", "reporting", "runs",
    "slayer", "training",
)  # fmt: skip

_OF_TORCH = (
    "Pruner", "compile", "compile_slayer", "fold_batchnorm", "prune", "resize", "shapes_of",
    "train", "frontend", "model", "pruning", "runs", "slayer", "training",
)  # fmt: skip

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        found: Any = importlib.import_module("importlib.metadata").version("loihi-sca")
    elif name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    elif name in _HOMES:
        home, _, attribute = _HOMES[name].partition(":")
        found = getattr(importlib.import_module(f"{__name__}.{home}"), attribute or name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    from importlib.util import find_spec

    # help() looks at all that is listed here, and shall not end in an error where these are missing
    missing = () if find_spec("torch") and find_spec("lava") else _OF_TORCH
    return sorted({*globals(), *__all__, *_PACKAGES} - {*missing})
