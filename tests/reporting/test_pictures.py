"""Pictures from figures that are known: what is drawn, said, and in the table is the same."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from html_page import check_page
from hypothesis import given
from hypothesis import strategies as st

from loihi_sca.errors import InputError
from loihi_sca.hardware import estimate
from loihi_sca.hardware.mapping.cliffs import cliffs
from loihi_sca.network import Conv, Cuba, Dense, Network
from loihi_sca.reporting import behaviour, chip, training
from loihi_sca.reporting.chapters import OnChip, Seen, network_section, training_section
from loihi_sca.reporting.mesh import mesh
from loihi_sca.reporting.page import Listing, Page, Section, Text
from loihi_sca.reporting.theme import SERIES, THEME
from loihi_sca.reporting.tradeoffs import Point, front_of, scatter

SCORES = {"low": 0.0, "high": 2.0, "kept": [0, 1, 2, 3], "pruned": [2, 0, 0, 0]}


def epoch(number: int, alive: int, pruned: int, regenerated: int, by_layer: bool = True) -> dict:
    line = {
        "number": number, "loss": 1.0 / number, "accuracy": 0.5, "validation_accuracy": 0.4,
        "alive": {"conv1": alive, "dense2": 9}, "pruned": pruned, "regenerated": regenerated,
    }  # fmt: skip
    change = {"pruned": pruned, "regenerated": regenerated, "scores": SCORES}
    return line | ({"changes": {"conv1": change}} if by_layer and pruned else {})


EPOCHS = [epoch(1, 8, 0, 0), epoch(2, 7, 2, 1), epoch(3, 6, 2, 1)]
OLD = [epoch(n, 8 - n, 2, 1, by_layer=False) for n in (1, 2)]


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(0)
    neuron = Cuba(1024, 128, 80)
    conv = Conv("conv", (2, 8, 8), 2 * rng.integers(-60, 90, (6, 2, 3, 3)), neuron=neuron)
    dense = Dense("dense", conv.out_shape, 2 * rng.integers(-60, 90, (5, 216)), neuron=neuron)
    return Network("a <b> & c", (conv, dense), timesteps=8)


@pytest.fixture(scope="module")
def pictures(network) -> dict:
    found = estimate(network, "loihi2", rate=0.1)
    energy, latency = (found.as_json()[key] for key in ("energy", "latency"))
    counts = np.array([[5, 1], [0, 4]])
    spikes = {"conv": np.eye(200, 8, dtype=np.uint8), "dense": np.ones((5, 8), np.uint8)}
    points = {
        "sca": [Point(1, 0.5, 0.1, "x"), Point(2, 0.7, 0, "y")],
        "l1": [Point(2, 0.6, 0, "z")],
    }
    drawn = [
        training.curves({"dense": OLD, "pruned": EPOCHS}), training.channels("pruned", EPOCHS),
        training.scores("pruned", EPOCHS), training.validation_curves({"a": EPOCHS}),
        behaviour.confusion("n", counts, "all 10 samples"), behaviour.raster("n", spikes, "one"),
        mesh(found.placement), chip.total_energy("loihi2", {"n": energy}),
        chip.layer_energy("n", "loihi2", energy), chip.layer_time("n", "loihi2", latency),
        chip.layer_cliffs(cliffs(network, "loihi2")),
        chip.layer_cliffs(cliffs(network, "loihi1")),
        scatter("front", points, x_label="cores", y_label="accuracy", with_front=True),
    ]  # fmt: skip
    return {picture.name: picture for picture in drawn}


def test_every_picture_is_told_in_words_and_in_figures(pictures) -> None:
    for picture in pictures.values():
        root = ET.fromstring(picture.svg())  # noqa: S314 - our own text
        told = {e.tag.rpartition("}")[2]: e.text for e in root if e.tag.endswith(("title", "desc"))}
        assert told == {"title": picture.title, "desc": picture.description}
        assert picture.description.endswith(".")
        assert picture.table.rows
        assert all(len(row) == len(picture.table.columns) for row in picture.table.rows)
        assert "nan" not in picture.description


def test_cliffs_that_leave_something_out_say_so(pictures) -> None:
    told = [pictures[f"cliffs-a <b> & c-{name}"].description for name in ("loihi1", "loihi2")]
    assert ["output axons couple" in text for text in told] == [True, False]


def test_a_picture_in_a_page_has_only_colours_that_change_with_it(pictures) -> None:
    for picture in pictures.values():
        text = picture.inline("p-")
        assert not any(light in text for light, _ in THEME.values())
        # layers of the mesh have colours of their own, in the middle of light and dark
        others = set(re.findall(r"#[0-9a-f]{6}", text)) if "mesh" not in picture.name else set()
        assert others <= {"#000000"}, picture.name
        assert "<style" not in text
        assert "metadata" not in text


def test_what_is_drawn_of_channels_is_what_was_recorded(pictures) -> None:
    panel = pictures["channels-pruned"].figure.axes[1]
    assert panel.get_title() == "conv1"
    assert list(panel.lines[0].get_ydata()) == [8, 7, 6]
    assert [bar.get_height() for bar in panel.patches] == [0, -2, -2, 0, 1, 1]
    assert pictures["channels-pruned"].table.rows[1] == ("2", "16 (-2, +1)", "7 (-2, +1)", "9")
    old = training.channels("pruned", OLD)
    assert "does not record by layer" in old.description
    assert [bar.get_height() for bar in old.figure.axes[0].patches] == [-2, -2, 1, 1]


def test_scores_are_those_of_the_last_update_that_pruned(pictures) -> None:
    picture = pictures["scores-pruned"]
    assert "epoch 3" in picture.title
    heights = [bar.get_height() for bar in picture.figure.axes[0].patches]
    assert heights == SCORES["kept"] + SCORES["pruned"]
    assert training.scores("pruned", OLD) is None
    parts = training_section({"pruned": OLD}).parts
    assert any(isinstance(p, Text) and "does not record scores" in p.text for p in parts)


def test_confusion_and_raster_say_what_is_in_the_arrays(pictures) -> None:
    picture = pictures["confusion-n"]
    assert picture.description.startswith("90.00 % of all 10 samples are right.")
    assert "0 taken for 1 1 times" in picture.description
    assert picture.tips["cell-0-1"] == "class 0 answered as 1: 1 samples"
    assert list(picture.table.rows) == [("0", "1", "1", "16.67 %")]
    raster = pictures["raster-n"]
    assert raster.table.rows == [("conv", "200", "8", "0.0050"), ("dense", "5", "40", "1.0000")]
    many = behaviour.confusion("m", np.diag(np.arange(1, 31)), "all")
    assert not many.table.rows
    assert len(many.figure.axes[0].texts) == 0


def test_energy_and_time_are_those_of_the_estimate(network, pictures) -> None:
    found = estimate(network, "loihi2", rate=0.1)
    panel = pictures["layer-energy-n-loihi2"].figure.axes[0]
    drawn = sum(bar.get_width() for bar in panel.patches)
    assert drawn == pytest.approx(found.energy.dynamic_uj.best)
    panel = pictures["layer-time-n-loihi2"].figure.axes[0]
    longest = max(bar.get_x() + bar.get_width() for bar in panel.patches)
    assert longest == pytest.approx(found.latency.step_us.best)


def test_pictures_are_written_as_svg_and_pdf(pictures, tmp_path) -> None:
    picture = pictures["mesh-a <b> & c-loihi2"]
    paths = picture.save(tmp_path / "new")
    assert [path.name for path in paths] == ["mesh-a-b-c-loihi2.svg", "mesh-a-b-c-loihi2.pdf"]
    assert paths[0].read_text().startswith("<svg")
    assert paths[1].read_bytes().startswith(b"%PDF")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create folder"):
        picture.save(tmp_path / "file" / "below")


def test_a_page_of_everything_is_sound_html(network, pictures) -> None:
    found = estimate(network, "loihi2", rate=0.1)
    seen = Seen(
        "<script>", (OnChip(found.as_json(), found.placement, None, cliffs(network, "loihi2")),),
        np.eye(3, dtype=int), "all", "Right.", {"conv": np.eye(3)}, "one", notes=("missing",),
    )  # fmt: skip
    sections = [
        training_section({"pruned": EPOCHS}), network_section(seen), Section("empty"),
        Section("all", list(pictures.values())), Section("last", [Listing("recipe", "a < b")]),
    ]  # fmt: skip
    page = check_page(Page("<title>", "lead", sections).html())
    assert len(page.all("svg")) == len(Page("", "", sections).pictures)
    assert len(page.all("script")) == 1
    assert "<script>" not in page.text.replace("<script>\n", "", 1)
    assert ">empty<" not in page.text
    focusable = [e for e in page.elements if e.attributes.get("class") == "tip"]
    points = [e.attributes for e in focusable if "tabindex" in e.attributes]
    assert {p["aria-label"] for p in points} == set(pictures["front"].tips.values())


def luminance(colour: str) -> float:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_letters_and_lines_stand_out_as_wcag_asks(dark: bool) -> None:
    colour = {name: pair[dark] for name, pair in THEME.items()}
    for letters, ground in itertools.product(("ink", "faint", "blue"), ("paper", "raised")):
        assert contrast(colour[letters], colour[ground]) >= 4.5, (letters, ground)
    lines = [name for name, pair in THEME.items() if pair[0] in SERIES]
    assert len(lines) == len(SERIES)
    for name in (*lines, "good"):
        assert contrast(colour[name], colour["paper"]) >= 3, name


POINTS = st.lists(
    st.builds(Point, st.integers(0, 5), st.integers(0, 5), st.just(0.0), st.just("")), min_size=1
)


@given(POINTS)
def test_the_front_beats_all_others_and_nothing_on_it(points) -> None:
    front = front_of(points)
    assert front
    for p in points:
        beaten = any(
            q.cost <= p.cost and q.accuracy >= p.accuracy and q[:2] != p[:2] for q in front
        )
        assert beaten != (p in front)
