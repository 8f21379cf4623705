"""The least that reports need of what runs write, as forms; what is more is let through."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Band(BaseModel):
    """A figure with the range it may lie in."""

    low: float
    best: float
    high: float


class Estimate(BaseModel):
    """JSON of an estimate."""

    profile: str
    cores: int
    chips: int
    layers: list[dict[str, Any]]
    energy: dict[str, Any] | None
    latency: dict[str, Any] | None
    violations: list[dict[str, Any]]


class Model(BaseModel):
    """One of the two models of a demo."""

    accuracy: float
    channels: int
    parameters: int
    spikes_per_sample: float
    synops_per_sample: float
    lava_time_s: float
    lava_samples: int
    estimates: dict[str, Estimate]


class Summary(BaseModel):
    """``summary.json`` of a demo."""

    recipe: str
    seed: int
    dense: Model
    pruned: Model
    mismatches: int
    samples_verified: int
    total_time_s: float
    versions: dict[str, str]


class Costs(BaseModel):
    """What a network takes of a chip."""

    cores: int
    energy_uj: Band | None = None
    sample_us: Band | None = None
    synapse_words: int = 0


class Figures(BaseModel):
    """What was measured on a split."""

    accuracy: float
    synops: float
    chips: dict[str, Costs]


class Result(Figures):
    """``result.json`` of a run of a sweep or study."""

    run: str
    seed: int
    criterion: str | None
    objective: str | None
    budget: dict[str, float] | None
    validation_accuracy: float
    connections: int
    verified_samples: int
    mismatches: int
    recipe: dict[str, Any]
    versions: dict[str, str]


class Trial(Result):
    """``result.json`` of a trial of a study."""

    search: dict[str, Any]
    validation: Figures
    digest: str


class OnFront(BaseModel):
    """A trial on the front."""

    trial: str


class Front(BaseModel):
    """``front.json`` of a study."""

    recipe: dict[str, Any]
    objectives: list[str]
    profile: str
    search: dict[str, str]
    front: list[OnFront]


class Failed(BaseModel):
    """``failed.json`` of a run."""

    error: str
    message: str
