"""Profiles: what a file may say, and what is said when it says something else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import loihi_sca.hardware
from loihi_sca.errors import ConfigError
from loihi_sca.hardware import load_profile, profile_paths
from loihi_sca.hardware.quantity import Band, Choices, Quantity

SHIPPED = ("loihi1", "loihi2", "loihi2-2023")


@pytest.fixture
def board(tmp_path):
    """Write a changed copy of a shipped profile and return its path."""

    def write(old: str = "", new: str = "", name: str = "loihi2") -> Path:
        text = profile_paths()[name].read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "my_board.toml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return write


def quantities(section):
    for _, value in section:
        if isinstance(value, Quantity | Choices):
            yield value
        elif isinstance(value, dict):
            yield from value.values()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profiles_load_and_every_number_has_a_source(name):
    profile = load_profile(name)
    assert profile.name == name
    sections = (
        profile.chip, profile.limits, profile.neurons, profile.synapses, profile.energy,
        profile.time, profile.comparison,
    )  # fmt: skip
    found = [q for section in sections for q in quantities(section)]
    assert len(found) > 35
    assert all(q.source and q.unit and q.confidence for q in found)
    assert {c.what for c in profile.calibration} >= {"mapping", "energy", "time"}
    boards = [q for board in profile.boards.values() for q in quantities(board)]
    assert all(q.source and q.unit and q.confidence for q in boards)
    assert profile.board() == (profile.default_board, profile.boards[profile.default_board])


def test_all_shipped_profiles_are_listed():
    assert set(profile_paths()) == set(SHIPPED)


def test_a_board_of_ones_own(board):
    path = board('value = 16000, unit = "word/core"', 'value = 9000, unit = "word/core"')
    assert int(load_profile(path).limits.synapse_words) == 9000
    assert int(load_profile(str(path)).limits.synapse_words) == 9000


def test_equal_profiles_are_equal_and_hash_alike(board):
    assert load_profile(board()) == load_profile("loihi2")
    assert hash(load_profile(board())) == hash(load_profile("loihi2"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[limits]\ncompartments", "[limits]\ncompartmants", "did you mean 'compartments'"),
        ("[energy]\nsynop =", "[energy]\nsynopp =", "'energy.synopp', did you mean 'synop'"),
        ("source = \"Intel's script\"", "sorce = \"x\"", "did you mean 'source'"),
        ("[mapping]", "[maping]", "unknown key 'maping', did you mean 'mapping'"),
        ("[[calibration]]\nwhat", "[[calibration]]\nwhatt", "did you mean 'what'"),
        ("pJ/synop", "nJ/synop", r"energy.synop: is given in 'nJ/synop', must be in 'pJ/synop'"),
        ('default_board = "oheo-gulch"', 'default_board = "x"', "default_board is 'x', there"),
        ("static_power = { value = 700", "static_powr = { value = 700", "did you mean 'static_"),
        (
            '[boards.vpx]\n', '[boards.vpx]\nstatic_power_per_core = { value = 1, '
            'unit = "mW/core", source = "x", confidence = "A" }\n', "boards.vpx: needs one of stat",
        ),
        ("value = 8190, ", "", r"'limits.compartments.value' is missing"),
        ("low = 11.0", "low = 23.0", "needs 0 <= low <= value <= high, got 23, 22, 28"),
        ("value = 22.0", "value = -1.0", "needs 0 <= low"),
        ("value = 22.0", "value = inf", "needs 0 <= low"),
        ("value = 8190", "value = 0", "limits.compartments: is 0, must be a whole number of at"),
        ("value = 8190", "value = 0.5", "limits.compartments: is 0.5, must be a whole number"),
        ("mesh_rows = { value = 4", "mesh_rows = { value = 0", "chip.mesh_rows: is 0, must be"),
        ("cores = { value = 128", "cores = { value = 129", "8 x 4 tiles of 4 cores has 128"),
        ('"D", low = 1', '"D", low = 0', "neurons.default: low is 0, must be a whole number of"),
        ('"D", low = 1', '"D", low = 0.5', "neurons.default: low is 0.5, must be a whole number"),
        ("barrier = { value = 10000.0, low = 2900.0", "barrier = { value = 1, low = 0", "above 0"),
        ("s4d =", "S4D =", "neurons: 'S4D' is found by no neuron; write 's4d'"),
        ("sigma_output =", "Sigma_output =", "neurons: 'Sigma_output' is found by no neuron"),
        ("[1, 2, 3, 4, 5, 6, 8]", "[8, 1]", "needs ascending values"),
        ('confidence = "A"', 'confidence = "B"', "confidence"),
        ('"loihi2-v2"', '"loihi3"', "mapping.strategy"),
        ('"loihi2-v2"', '"loihi1"', "'loihi1' needs limits.out_axons"),
        ("schema = 1", "schema = 2", "schema"),
        ("schema = 1", "schema = ", "is not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_profile_says_what_is_wrong(board, old, new, message):
    with pytest.raises(ConfigError, match=re.escape(message) if "'" in message else message):
        load_profile(board(old, new))


def test_every_problem_of_a_profile_is_named_at_once(board):
    path = board("[energy]\nsynop =", "[energy]\nsynopp =")
    path.write_text(path.read_text().replace("[limits]\ncompartments", "[limits]\nroom"))
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    for part in ("energy.synopp", "'energy.synop' is missing", "limits.room"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loihi3", "no profile 'loihi3', did you mean 'loihi"),
        ("quite_else", "There are loihi1, loihi2, loihi2-2023"),
        ("./none.toml", "cannot read profile none.toml: No such file"),
    ],
)
def test_a_profile_that_is_not_there(name, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_profile(name)


def test_a_profile_that_is_not_text(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not text"):
        load_profile(path)


def test_bands_add_and_scale():
    band = Band(1, 2, 3) + Band(1, 1, 1) * 2
    assert band == Band(3, 4, 5)
    assert band.times(Band(1, 2, 3)) == Band(3, 8, 15)


def test_no_hardware_number_in_python():
    """Whatever a profile says beyond small integers must not be written in the code as well."""
    numbers = set()
    for name in SHIPPED:
        text = re.sub(r'"[^"]*"|#.*', "", profile_paths()[name].read_text(encoding="utf-8"))
        numbers |= {float(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)}
    # small whole numbers and powers of two of the code's own mean other things too
    prefixes = {100.0, 1000.0, 1e6}  # per cent, milli and micro
    telling = {n for n in numbers if n > 16 or n != int(n)} - prefixes
    assert {8190, 16000, 12000, 4096, 1024, 22, 23.6, 62} <= telling
    folder = Path(loihi_sca.hardware.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                assert float(node.value) not in telling, (
                    f"{path.relative_to(folder)}:{node.lineno} {node.value}"
                )
