import sys

import pytest
from tiny_training import tiny_recipe

from loihi_sca.errors import ConfigError
from loihi_sca.training.folder import RunFolder
from loihi_sca.training.session import train
from loihi_sca.training.tensorboard import EventFile


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(ConfigError, match=r"pip install 'loihi-sca\[tensorboard\]'"):
        EventFile(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own imports
def test_the_board_tells_what_the_metrics_do_and_changes_nothing(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    epochs = []
    with EventFile(tmp_path / "board") as board:
        train(tiny_recipe(), tmp_path / "run", observer=board, on_epoch=epochs.append)
    train(tiny_recipe(), tmp_path / "plain")
    files = [RunFolder(tmp_path / name).best("pruned").read_bytes() for name in ("run", "plain")]
    assert files[0] == files[1]

    told = EventAccumulator(str(tmp_path / "board"))
    told.Reload()
    tags = told.Tags()
    assert [e.value for e in told.Scalars("loss")] == pytest.approx([e.loss for e in epochs])
    alive = [e.value for e in told.Scalars("alive/conv1")]
    assert alive == [e.alive["conv1"] for e in epochs]
    assert {"rates/conv1", "rates/dense2", "rates/output"} <= set(tags["histograms"])
    last = told.Images("gates/conv1")[-1]
    assert (last.height, last.width) == (6, 3)  # channels of the recipe, epochs
