"""Arrays of one's own for `prune`."""

import numpy as np
import pytest

from loihi_sca.data.pairs import split_of
from loihi_sca.errors import InputError


def test_a_count_in_any_sample_is_no_spike() -> None:
    spikes = np.zeros((10, 2, 4, 4, 3), dtype=np.int64)
    labels = np.arange(10) % 2
    train, test = split_of("mine", (spikes, labels))
    assert (len(train), len(test)) == (8, 2)
    spikes[7, 0, 1, 2, 0] = 256  # as uint8 it would be silence
    with pytest.raises(InputError, match="are no spikes"):
        split_of("mine", (spikes, labels))
