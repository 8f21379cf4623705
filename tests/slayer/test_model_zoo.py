import numpy as np
import pytest
import torch

from loihi_sca import data
from loihi_sca.compiler import compile_network
from loihi_sca.config import ModelConfig
from loihi_sca.config.zoo import MODELS, layers_of
from loihi_sca.engine import fast, reference
from loihi_sca.errors import ConfigError
from loihi_sca.frontend.export import to_network
from loihi_sca.model.build import build

DATA = {"vgg16": "cifar10", "vgg9": "cifar10", "lenet": "mnist", "nmnist": "nmnist"}


@pytest.mark.parametrize("pooling", ["stride", "sum"])
@pytest.mark.parametrize("name", sorted(DATA))
def test_every_chain_trains_compiles_and_spikes_the_same(name: str, pooling: str) -> None:
    torch.manual_seed(0)
    values = DATA[name] == "cifar10"
    shape, classes = data.shape_of(DATA[name])
    config = ModelConfig.model_validate(
        {"zoo": name, "width": 0.1, "pooling": pooling, "weight_scale": 6.0}
    )
    model = build(config, shape, classes, values=values)
    given = torch.randint(0, 65 if values else 2, (2, *shape, 4)).float()
    model.train()(given).sum().backward()
    assert all(b.synapse.weight.grad is not None for _, b in model.gated)
    with torch.no_grad():
        trained = model.eval()(given).numpy()
    network = to_network(model, timesteps=4)
    spikes = given.numpy().astype(np.int32)
    layers = reference.run(network, spikes)
    assert np.array_equal(layers.spikes, trained)
    assert layers.activity[-2].spikes > 0
    assert np.array_equal(fast.run(compile_network(network), spikes).spikes, trained)


def test_all_but_the_residual_network_are_chains() -> None:
    assert MODELS.keys() - DATA.keys() == {"preresnet18"}
    widths = [x["channels"] for x in layers_of("preresnet18", 0.25)]
    assert widths == [16, 16, 16, 32, 32, 64, 64, 128, 128]


def test_the_paper_counts_13_convolutions() -> None:
    layers = layers_of("vgg16")
    assert [x["channels"] for x in layers if x["type"] == "conv"] == [
        64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512,
    ]  # fmt: skip
    assert sum(x.get("stride") == 2 for x in layers) == 5
    assert sum(x["type"] == "pool" for x in layers_of("vgg16", pooling="sum")) == 5


def test_width_scales_channels_and_hidden_neurons() -> None:
    halved = layers_of("lenet", 0.5)
    assert [x.get("channels", x.get("neurons")) for x in halved] == [16, 32, 64]


def test_a_saved_recipe_spells_the_model_out() -> None:
    model = ModelConfig.model_validate({"zoo": "lenet", "width": 0.5})
    assert model.zoo is None
    assert ModelConfig.model_validate(model.model_dump(mode="json")) == model


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"zoo": "vg16"}, "no model 'vg16'; there are vgg16.*did you mean 'vgg16'"),
        ({"zoo": "lenet", "width": 0}, "width = 0 must be a number above 0"),
        ({"zoo": "lenet", "layers": [{"type": "dense", "neurons": 3}]}, "both zoo and layers"),
        ({"zoo": "lenet", "pooling": "max"}, "pooling = 'max' must be one of"),
    ],
)
def test_nonsense_is_named(values: dict, message: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=message):
        ModelConfig.model_validate(values)


def test_pooling_must_divide_the_map() -> None:
    config = ModelConfig.model_validate({"layers": [{"type": "pool", "kernel": 2}]})
    with pytest.raises(ConfigError, match="pool1: pooling by 2 does not divide a map of 7x7"):
        build(config, (1, 7, 7), 3)
