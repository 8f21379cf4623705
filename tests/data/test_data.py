import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihi_sca import data
from loihi_sca.config import DataConfig, load_recipe
from loihi_sca.data import encoders, encoding_of
from loihi_sca.data.encoding import check_encoding
from loihi_sca.errors import ConfigError, InputError
from loihi_sca.toml_files import validate
from loihi_sca.training.session import load_split


@given(st.integers(1, 40), st.data())
def test_rate_encoding_gives_exactly_as_many_spikes_as_the_value_says(steps, draw) -> None:
    count = draw.draw(st.integers(0, steps))
    spikes = encoders.rate(np.array([count / steps]), steps)
    assert spikes.shape == (1, steps)
    assert spikes.sum() == count


def test_rate_encoding_spreads_spikes_evenly() -> None:
    gaps = np.diff(np.flatnonzero(encoders.rate(np.array([0.25]), 16)[0]))
    assert set(gaps) == {4}


@pytest.mark.parametrize("steps", [46_340, 46_341, 200_000])
def test_rate_encoding_is_right_for_so_many_steps_that_32_bits_overflow(steps: int) -> None:
    [spikes] = encoders.rate(np.array([0.5]), steps)
    assert spikes.max() == 1
    assert spikes.sum() == np.rint(steps / 2)
    assert set(np.diff(np.flatnonzero(spikes))) <= {1, 2, 3}


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_rate_encoding_refuses_other_values(value: float) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        encoders.rate(np.array([value]), 8)


@given(st.integers(1, 5))
def test_direct_encoding_repeats_the_mantissa(steps: int) -> None:
    mantissas = encoders.direct(np.array([0.0, 0.25, 1.0]), steps)
    assert mantissas.tolist() == [[0] * steps, [16] * steps, [64] * steps]
    with pytest.raises(InputError, match="direct encoding needs values from 0 to 1"):
        encoders.direct(np.array([1.5]), steps)


@given(st.integers(1, 30), st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_latency_encoding_gives_one_spike_the_earlier_the_larger(steps, values) -> None:
    spikes = encoders.latency(np.array(values), steps)
    assert spikes.sum(axis=-1).tolist() == [int(np.float32(v) > 0) for v in values]
    order = np.argsort(values)
    first = np.array([s.argmax() if s.any() else steps for s in spikes])[order]
    assert (np.diff(first) <= 0).all()
    assert encoders.latency(np.array([1.0]), steps)[0, 0] == 1
    with pytest.raises(InputError, match="latency encoding needs values from 0 to 1"):
        encoders.latency(np.array([1.5]), steps)


def test_latency_of_three_values_by_hand() -> None:
    spikes = encoders.latency(np.array([0.0, 0.25, 0.5, 1.0]), 5)
    assert spikes.tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 9), st.integers(1, 4))
def test_a_thermometer_is_filled_up_to_the_value(values, levels, steps) -> None:
    images = np.array(values, dtype=np.float32).reshape(1, -1, 1)
    spikes = encoders.thermometer(images, steps, levels)
    assert spikes.shape == (1, len(values) * levels, 1, steps)
    marks = spikes.reshape(len(values), levels, steps)
    assert (marks == marks[..., :1]).all()
    filled = marks[..., 0].sum(axis=1)
    assert (np.diff(marks[..., 0].astype(int), axis=1) <= 0).all()
    assert (np.abs(filled - levels * images.ravel()) <= 0.5 + 1e-5).all()
    with pytest.raises(InputError, match="thermometer encoding needs values from 0 to 1"):
        encoders.thermometer(images + 2, steps, levels)


def test_levels_of_a_thermometer_are_channels_also_before_it_is_loaded() -> None:
    digits = data.load("digits", split="test", timesteps=2, encoding="thermometer", levels=3)
    config = DataConfig(name="digits", encoding="thermometer", levels=3)
    assert digits.shape == data.shape_as(config)[0] == (3, 8, 8)
    assert digits.first(4).spikes().shape == (4, 3, 8, 8, 2)
    image, spikes = digits.samples.values[0] / 16, digits.spikes(slice(1))[0, ..., 0]
    assert np.array_equal(spikes, np.stack([image[0] > level / 6 for level in (1, 3, 5)]))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"levels": 3}, 'levels = 3: is for encoding = "thermometer", and that is "rate"'),
        ({"hold": 2, "encoding": "direct"}, 'hold = 2: is for encoding = "video"'),
        ({"reach": 0, "encoding": "delta"}, 'reach = 0: is for encoding = "video"'),
        ({"threshold": 0.2, "encoding": "latency"}, 'threshold = 0.2: is for encoding = "delta"'),
    ],
)
def test_keys_of_another_encoding_are_refused(keys, said) -> None:
    with pytest.raises(ConfigError, match=said):
        validate(DataConfig, {"name": "digits", **keys}, "data")


def test_delta_encoding_follows_by_hand() -> None:
    rises, falls = encoders.delta(np.array([[0.1, 0.5, 0.5, 0.5, 0.1, 0.3]]), 0.25)
    assert rises.tolist() == [[0, 1, 1, 0, 0, 0]]
    assert falls.tolist() == [[0, 0, 0, 0, 1, 0]]


@given(st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=60), st.floats(0.051, 0.3))
def test_delta_encoding_stays_within_a_threshold_of_slow_values(moves, threshold) -> None:
    values = np.clip(np.cumsum(moves), 0, 1)
    rises, falls = encoders.delta(values, threshold)
    followed = threshold * np.cumsum(rises.astype(int) - falls.astype(int))
    assert not (rises & falls).any()
    assert (np.abs(values - followed) <= threshold * (1 + 1e-9)).all()


def test_images_may_be_encoded_by_latency_but_do_not_change() -> None:
    digits = data.load("digits", split="test", timesteps=9, encoding="latency").first(5)
    assert np.array_equal(digits.spikes().sum(axis=-1), digits.samples.values > 0)
    assert not digits.samples.are_mantissas
    with pytest.raises(ConfigError, match='"delta": digits holds images, which do not change'):
        data.load("digits", encoding="delta")


@pytest.mark.parametrize("encoding", ["direct", "thermometer", "rate", "latency"])
def test_distinct_steps_are_all_steps_or_the_one_that_all_are_like(encoding) -> None:
    digits = data.load("digits", split="test", timesteps=5, encoding=encoding).first(4)
    distinct, spikes = digits.distinct(), digits.spikes()
    assert distinct.shape[-1] == (1 if encoding in ("direct", "thermometer") else 5)
    assert np.array_equal(np.broadcast_to(distinct, spikes.shape), spikes)


def test_splits_of_digits_share_no_image() -> None:
    parts = {s: data.load("digits", split=s) for s in ("train", "validation", "test")}
    assert {s: len(p) for s, p in parts.items()} == {"train": 1213, "validation": 134, "test": 450}
    # the 1797 images are not all different, so compare with multiplicity
    images = np.concatenate([p.samples.values.reshape(len(p), -1) for p in parts.values()])
    from sklearn.datasets import load_digits

    original = load_digits().data.astype(np.uint8)
    assert sorted(map(bytes, images)) == sorted(map(bytes, original))


def test_the_seed_changes_validation_but_never_test() -> None:
    a, b = (data.load("digits", split="validation", seed=s) for s in (0, 1))
    assert not np.array_equal(a.samples.values, b.samples.values)
    a, b = (data.load("digits", split="test", seed=s) for s in (0, 1))
    assert np.array_equal(a.samples.values, b.samples.values)


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("named", ["mine.toml", "run"])
def test_a_recipe_or_run_says_which_samples_validate(tmp_path, named, split) -> None:
    """Those that a training with its seed did not learn from, unless another seed is given."""
    text = 'name = "mine"\nseed = 7\ndata = { name = "digits" }\n'
    text += '[[model.layers]]\ntype = "dense"\nneurons = 8\n'
    (tmp_path / "run").mkdir()
    for path in ("mine.toml", "run/recipe.toml"):
        (tmp_path / path).write_text(text)
    name, trained = tmp_path / named, load_split(load_recipe(tmp_path / "mine.toml"), split)
    found, other = data.load(name, split=split), data.load(name, split=split, seed=0)
    assert np.array_equal(found.samples.values, trained.samples.values)
    assert np.array_equal(found.labels, trained.labels)
    usual = data.load("digits", split=split)
    assert np.array_equal(other.samples.values, usual.samples.values)
    assert not np.array_equal(found.samples.values, usual.samples.values)


def test_a_dataset_says_its_shape_before_it_is_loaded() -> None:
    digits = data.load("digits", split="test", timesteps=5)
    assert (digits.shape, digits.classes) == data.shape_of("digits")
    assert digits.spikes(slice(3)).shape == (3, 1, 8, 8, 5)
    assert digits.first(3).spikes().shape == (3, 1, 8, 8, 5)


def test_images_may_be_encoded_directly() -> None:
    digits = data.load("digits", split="test", timesteps=3, encoding="direct").first(4)
    expected = np.repeat(4 * digits.samples.values[..., None], 3, axis=-1)
    assert np.array_equal(digits.spikes(), expected)


@pytest.mark.parametrize("name", [n for n in data.NAMES if n != "digits"])
def test_a_missing_file_says_what_to_put_where(name: str, tmp_path) -> None:
    with pytest.raises(InputError, match=f"{name} needs a folder with .* pass it as root|Pass it"):
        data.load(name)
    with pytest.raises(InputError, match=f"{name}: no.* in .*Put there .*"):
        data.load(name, root=tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        data.load(name, root=tmp_path / "nowhere")


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(ConfigError, match="there are: digits"):
        data.load("digit")
    with pytest.raises(ConfigError, match="train, validation, test"):
        data.load("digits", split="dev")  # type: ignore[arg-type]


def test_a_file_says_how_its_input_was_encoded_and_nobody_has_to() -> None:
    config = DataConfig(name="mnist", encoding="thermometer", levels=3, shift=2, root="/somewhere")
    told = encoding_of(config)
    assert json.loads(told) == {"encoding": "thermometer", "levels": 3}
    assert data.load("digits", encoded=told).shape == (3, 8, 8)
    assert data.load("digits", encoded=told, encoding="latency").shape == (1, 8, 8)
    # spikes are there already, and images have no window
    window = encoding_of(DataConfig(window_ms=20.0, encoding="latency"))
    assert data.load("digits", encoded=window).samples.encoding == "latency"
    with pytest.raises(ConfigError, match="binning = 'count': digits holds no recordings"):
        data.load("digits", encoded=told, binning="count")
    check_encoding("RUN", config, told)
    with pytest.raises(ConfigError, match=r"RUN: levels = 3, and the network learned from 4"):
        check_encoding("RUN", config, encoding_of(DataConfig(encoding="thermometer")))
    for wrong in (
        "[]",
        '{"root": "x"}',
        "{",
        '{"levels": 2}',
        '{"encoding": "thermometer", "levels": 0}',
    ):
        with pytest.raises(ConfigError, match="a file says that its input was encoded"):
            data.load("digits", encoded=wrong)
