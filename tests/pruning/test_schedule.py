import pytest

from loihi_sca.config import PruningConfig
from loihi_sca.errors import ConfigError
from loihi_sca.pruning.schedule import UpdateSchedule


def progress(schedule: UpdateSchedule, steps: int) -> list[float | None]:
    return [schedule.progress_after(step) for step in range(steps)]


def test_it_ends_at_the_target_and_then_freezes() -> None:
    schedule = UpdateSchedule(PruningConfig(keep=0.3, start=0.1, stop=0.6), epochs=20)
    found = progress(schedule, 20)
    assert [e for e, p in enumerate(found) if p is not None] == list(range(2, 13))
    ramp = found[2:13]
    assert ramp == sorted(ramp)
    assert ramp[-1] == pytest.approx(1.0)
    assert [schedule.is_frozen_after(e) for e in (11, 12)] == [False, True]


def test_a_constant_schedule_goes_all_the_way_at_once() -> None:
    config = PruningConfig(keep=0.3, schedule="constant", start=0.0, stop=1.0, interval=3)
    assert progress(UpdateSchedule(config, epochs=8), 8) == [1, None, None, 1, None, None, 1, 1]


def test_a_cosine_is_halfway_in_the_middle() -> None:
    config = PruningConfig(keep=0.3, schedule="cosine", start=0.0, stop=1.0)
    found = progress(UpdateSchedule(config, epochs=10), 10)
    assert found[4] == pytest.approx(0.5)
    assert found[9] == pytest.approx(1.0)


def test_an_epoch_ends_with_its_last_step() -> None:
    config = PruningConfig(keep=0.3, start=0.0, stop=1.0)
    found = progress(UpdateSchedule(config, epochs=3, steps_per_epoch=4), 12)
    assert [s for s, p in enumerate(found) if p is not None] == [3, 7, 11]


def test_updates_may_be_counted_in_steps() -> None:
    config = PruningConfig(keep=0.3, start=0.0, stop=0.5, interval_steps=5)
    found = progress(UpdateSchedule(config, epochs=4, steps_per_epoch=10), 40)
    assert [s for s, p in enumerate(found) if p is not None] == [0, 5, 10, 15, 20]
    assert found[20] == pytest.approx(1.0)


def test_regeneration_may_fade_out() -> None:
    fading = PruningConfig(keep=0.3, regeneration="cosine", start=0.0, stop=1.0)
    schedule = UpdateSchedule(fading, epochs=10)
    assert schedule.regenerate_after(4) == pytest.approx(0.05)
    assert schedule.regenerate_after(9) == pytest.approx(0.0)
    assert UpdateSchedule(PruningConfig(keep=0.3), epochs=10).regenerate_after(4) == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": 11}, "pruning.interval = 11 is longer than the training of 10 epochs"),
        ({"interval_steps": 41}, "interval_steps = 41 is longer than the training of 40 steps"),
    ],
)
def test_it_must_fit_the_training(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        UpdateSchedule(PruningConfig(**options), epochs=10, steps_per_epoch=4)
