"""``loihi-sca data``, and data of every kind through the commands."""

import numpy as np
import pytest
from PIL import Image
from recorded import as_aedat2, as_bin, as_heidelberg

import loihi_sca
from loihi_sca import data
from loihi_sca.network import Cuba, Dense, Network

RNG = np.random.default_rng(0)

RECIPE = """
name = "own"
[data]
name = "NAME"
timesteps = 6
MORE
[model]
layers = [{ type = "dense", neurons = 16 }]
[training]
epochs = 1
batch_size = 8
"""


def images(root) -> None:
    for label, name in enumerate(("cat", "dog")):
        (root / "pets" / name).mkdir(parents=True)
        for i in range(15):
            pixels = RNG.integers(0, 128, (5, 6), dtype=np.uint8) + 127 * label
            Image.fromarray(pixels.astype(np.uint8)).save(root / "pets" / name / f"{i}.png")


def own(kind: str, root) -> str:
    """Make a dataset of one's own and return its name."""
    images(root)
    x = RNG.random((30, 1, 5, 6), dtype=np.float32)
    y = np.arange(30) % 2
    if kind == "npz":
        np.savez(root / "mine.npz", x=x, y=y)
    elif kind == "npy":
        np.save(root / "mine.npy", x)
        np.save(root / "mine.labels.npy", y)
    elif kind == "csv":
        rows = [f"pets/{('cat', 'dog')[i % 2]}/{i // 2}.png,{i % 2}" for i in range(30)]
        (root / "mine.csv").write_text("\n".join(["path,label", *rows]))
    elif kind == "function":
        code = (
            "import numpy as np\ndef load():\n    return np.ones((30, 1, 5, 6)), np.arange(30) % 2"
        )
        (root / "from_the_command_line.py").write_text(code)
        return "from_the_command_line:load"
    return "pets" if kind == "folder" else f"mine.{kind}"


@pytest.mark.parametrize("kind", ["npz", "npy", "function", "folder", "csv"])
def test_every_way_to_own_data_is_told(kind, cli, tmp_path) -> None:
    name = own(kind, tmp_path)
    told = cli("data", name, "--root", tmp_path, "--split", "test", "--steps", 5, "--json")
    assert told.code == 0, told.err
    found = {key: told.json[key] for key in ("samples", "shape", "timesteps", "how", "events")}
    assert found == {
        "samples": 6, "shape": [1, 5, 6], "timesteps": 5, "how": "rate encoding", "events": None,
    }  # fmt: skip
    classes = told.json["classes"]
    assert sum(c["samples"] for c in classes) == 6
    mean = sum(c["samples"] * c["spikes_per_sample"] for c in classes) / 6
    assert told.json["spikes_per_sample"] == pytest.approx(mean)


@pytest.mark.parametrize("kind", ["npz", "npy", "function", "folder", "csv"])
def test_every_way_to_own_data_is_run_verified_and_costed(kind, cli, tmp_path) -> None:
    name, net = own(kind, tmp_path), tmp_path / "x.net"
    weight = 2 * RNG.integers(-20, 40, (2, 30))
    dense = Dense("out", (1, 5, 6), weight, neuron=Cuba(4096, 100, 60))
    loihi_sca.write(Network("x", (dense,), timesteps=5), net)
    on = ("--data", name, "--root", tmp_path, "--json")
    evaluated = cli("evaluate", net, *on)
    assert (evaluated.code, evaluated.json["samples"]) == (0, 6), evaluated.err
    estimated = cli("estimate", net, "--samples", 4, *on)
    assert estimated.code == 0, estimated.err
    assert estimated.json["energy"] is not None
    verified = cli("verify", net, "--engines", "reference,fast", "--samples", 3, *on)
    assert verified.code == 0, verified.err


def test_encodings_say_what_they_cost(cli) -> None:
    told = {
        how: cli("data", "digits", "--encoding", how, "--steps", 8, "--json").json
        for how in ("rate", "latency", "direct")
    }
    assert told["direct"]["spikes_per_sample"] == 0
    assert told["direct"]["input_updates_per_sample"] == 64 * 8
    assert 0 < told["latency"]["spikes_per_sample"] < told["rate"]["spikes_per_sample"]
    assert told["rate"]["input_updates_per_sample"] == 0
    table = cli("data", "digits", "--encoding", "direct")
    assert "none: values drive neurons at the input" in table.out
    assert "1,024 per sample" in table.out


def test_what_is_written_is_what_simulate_takes(cli, tmp_path) -> None:
    out = tmp_path / "x.npy"
    assert cli("data", "digits", "--limit", 3, "--steps", 4, "--out", out).code == 0
    expected = data.load("digits", timesteps=4).first(3)
    assert np.array_equal(np.load(out), expected.spikes())
    assert np.array_equal(np.load(tmp_path / "x.labels.npy"), expected.labels)
    wrong = cli("data", "digits", "--out", tmp_path / "x.txt")
    assert wrong.code == 2
    assert "give a file that ends in .npy" in wrong.err
    nowhere = cli("data", "digits", "--out", tmp_path / "no" / "x.npy")
    assert "cannot write" in nowhere.err
    assert not (tmp_path / "no").exists()
    (tmp_path / "y.labels.npy").mkdir()
    beside = cli("data", "digits", "--out", tmp_path / "y.npy")
    assert (beside.code, "y.labels.npy: it is a folder" in beside.err) == (1, True)
    assert not (tmp_path / "y.npy").exists()


def test_labels_of_what_is_read_are_not_written_over(cli, tmp_path) -> None:
    name = own("npy", tmp_path)
    before = (tmp_path / "mine.labels.npy").read_bytes()
    told = cli("data", name, "--root", tmp_path, "--out", tmp_path / "mine.npy")
    assert (told.code, "it is a file that is read" in told.err) == (2, True)
    (tmp_path / "other.labels.npy").symlink_to(tmp_path / "mine.labels.npy")
    told = cli("data", name, "--root", tmp_path, "--out", tmp_path / "other.npy")
    assert (told.code, "other.labels.npy: it is a file that is read" in told.err) == (2, True)
    assert (tmp_path / "mine.labels.npy").read_bytes() == before


def recordings(root) -> None:
    for label in range(2):
        (root / "moves" / str(label)).mkdir(parents=True)
        for i in range(15):
            events = [(label * 4 + i % 3, i % 5, i % 2, 1000 * k) for k in range(5)]
            (root / "moves" / str(label) / f"{i}.bin").write_bytes(as_bin(events))


def test_lost_events_and_damaged_recordings_are_told(cli, tmp_path) -> None:
    recordings(tmp_path)
    how = ("data", "moves", "--root", tmp_path, "--camera", 5, 8, "--steps", 2, "--window-ms", 4)
    told = cli(*how, "--split", "test", "--json").json
    assert told["events"] == {"recorded": 30, "late": 6, "merged": 12, "spikes": 12}
    table = cli(*how, "--split", "test").out
    assert "6 (20.0%)" in table
    assert "12 (40.0%), lost" in table
    graded = cli(*how, "--split", "test", "--counts", "graded", "--cache", tmp_path / "kept")
    assert "12 (40.0%), counted" in graded.out
    assert len(list((tmp_path / "kept").iterdir())) == 1
    for path in (tmp_path / "moves" / "1").glob("1*.bin"):
        path.write_bytes(b"123")
    damaged = cli(*how)
    assert damaged.code == 1
    assert "bin: 3 bytes are no whole number of events" in damaged.err
    skipped = cli(*how, "--skip-damaged", "--json").json["skipped"]
    assert 1 <= len(skipped) <= 6
    assert "left out, damaged" in cli(*how, "--skip-damaged").out
    (tmp_path / "file").touch()
    denied = cli(*how, "--cache", tmp_path / "file" / "kept")
    assert (denied.code, "cannot create folder" in denied.err) == (1, True)
    assert "data.window_ms is missing" in cli(*how[:-2]).err
    assert "camera is missing" in cli("data", "moves", "--root", tmp_path).err


@pytest.mark.parametrize(
    "words", [("--encoding", "rat"), ("--binning", "events"), ("--split", "x")]
)
def test_words_that_are_none_are_refused(words, cli) -> None:
    told = cli("data", "digits", *words)
    assert told.code == 2
    assert told.err.startswith("error: ")


@pytest.mark.train
@pytest.mark.parametrize("kind", ["folder", "recordings", "graded", "shd", "cifar10_dvs"])
def test_recipes_train_on_them_and_the_run_says_how_to_evaluate(kind, cli, tmp_path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    name, more = kind, ""
    if kind == "folder":
        images(root)
        name, more = "pets", 'encoding = "latency"'
    elif kind == "recordings":
        recordings(root)
        name, more = "moves", 'camera = [5, 8]\nbinning = "count"\ndownsample = 2'
    elif kind == "graded":
        recordings(root)
        name, more = "moves", f'camera = [5, 8]\nwindow_ms = 9\ncounts = "graded"\ncache = "{root}"'
    elif kind == "shd":
        for side in ("train", "test"):
            spoken = [[(i % 700, 0.1), (5, 0.2)] for i in range(20)]
            as_heidelberg(root / f"shd_{side}.h5", spoken, np.arange(20))
        more = "downsample = 10"
    else:
        from loihi_sca.data.cifar10 import CLASSES

        for label, animal in enumerate(CLASSES):
            (root / animal).mkdir()
            for number in (0, 100, 101):
                content = as_aedat2([(label, number, 1, 0), (label, 3, 0, 5000)])
                (root / animal / f"cifar10_{animal}_{number}.aedat").write_bytes(content)
        more = "downsample = 8\nwindow_ms = 6"
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.replace("NAME", name).replace("MORE", f'root = "{root}"\n{more}'))
    run = tmp_path / "run"
    trained = cli("train", recipe, "--out", run)
    assert trained.code == 0, trained.err
    assert cli("compile", run, "--out", tmp_path / "a.net").code == 0
    evaluated = cli("evaluate", tmp_path / "a.net", "--data", run, "--json")
    assert evaluated.code == 0, evaluated.err
    told = cli("data", run, "--split", "test", "--json").json
    assert told["samples"] == evaluated.json["samples"]
    assert told["how"] == {
        "folder": "latency encoding", "recordings": "events by count",
        "graded": "events by time, graded",
    }.get(kind, "events by time")  # fmt: skip
