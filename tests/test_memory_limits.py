"""What does not fit into memory is refused before it is allocated."""

import numpy as np
import pytest

from loihi_sca import memory
from loihi_sca.data import Dataset, Images
from loihi_sca.errors import InputError
from loihi_sca.memory import check_memory, memory_bytes


def test_the_message_says_what_it_would_take_and_what_there_is(monkeypatch, tmp_path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(f"{3 << 29}\n")
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", limit)
    assert memory_bytes() == 3 << 29
    check_memory("they", 3 << 29, "Take fewer.")
    with pytest.raises(
        InputError, match=r"they take 2\.0 GiB .* there are 1\.5 GiB\. Take fewer\."
    ):
        check_memory("they", 1 << 31, "Take fewer.")


@pytest.mark.parametrize("content", ["max\n", ""])
def test_without_a_limit_it_is_the_memory_of_the_machine(content, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "memory.max")
    whole = memory_bytes()
    (tmp_path / "memory.max").write_text(content)
    assert memory_bytes() == whole > 1 << 28


def test_samples_of_too_many_timesteps_are_refused_before_they_are_encoded() -> None:
    images = Images(np.zeros((64, 1, 8, 8), dtype=np.uint8), full=16.0)
    dataset = Dataset("digits", images, np.zeros(64, dtype=np.int64), 10**9, 10)
    with pytest.raises(InputError, match="64 encoded samples of digits, of 1000000000 timesteps"):
        dataset.spikes()
