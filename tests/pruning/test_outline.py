from dataclasses import replace

import pytest
import torch

from loihi_sca.config import ModelConfig
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.export import to_network
from loihi_sca.hardware import describe, load_profile, map_network
from loihi_sca.model.build import SpikingNet, build
from loihi_sca.planning.outline import Outline, outline

LAYERS = [
    {"type": "conv", "channels": 4, "padding": 1},
    {"type": "pool"},
    {"type": "conv", "channels": 6, "stride": 2, "padding": 1, "prunable": False},
    {"type": "dense", "neurons": 5},
]


def both(values: bool) -> tuple[Outline, SpikingNet]:
    torch.manual_seed(0)
    config = ModelConfig.model_validate({"layers": LAYERS})
    return (
        outline(config, (2, 8, 8), 3, timesteps=6, values=values),
        build(config, (2, 8, 8), 3, values=values),
    )


@pytest.mark.parametrize("values", [False, True])
def test_it_is_what_the_mapper_sees_of_the_compiled_network(values: bool) -> None:
    planned, model = both(values)
    compiled = describe(to_network(model, timesteps=6))
    assert [s.name for s in planned.architecture.layers] == [s.name for s in compiled.layers]
    for ours, theirs in zip(planned.architecture.layers, compiled.layers, strict=True):
        assert ours.shape == theirs.shape
        assert ours.geometry == replace(theirs.geometry, bits=ours.geometry.bits)
    assert planned.prunable == {"conv1", "dense4"}


def test_fewer_channels_go_through_pooling_and_flattening() -> None:
    planned, _ = both(False)
    fewer = planned.with_channels({"conv1": 3, "conv3": 2, "dense4": 4})
    shapes = {s.name: s.shape for s in fewer.layers}
    assert shapes == {
        "input": (2, 8, 8),
        "conv1": (3, 8, 8),
        "pool2": (3, 4, 4),
        "conv3": (2, 2, 2),
        "dense4": (4,),
        "output": (3,),
    }
    assert fewer.layers[-2].geometry.in_shape == (8, 1, 1)
    assert map_network(fewer, load_profile("loihi2")).cores


def test_nonsense_is_named() -> None:
    dense_first = ModelConfig.model_validate({"layers": [LAYERS[3], LAYERS[0]]})
    with pytest.raises(ConfigError, match="conv2: a conv block cannot follow a dense block"):
        outline(dense_first, (2, 8, 8), 3)
    with pytest.raises(ConfigError, match="conv1: a 3x3 window with padding 0 does not fit"):
        outline(
            ModelConfig.model_validate({"layers": [{"type": "conv", "channels": 2}]}), (1, 2, 2), 3
        )
