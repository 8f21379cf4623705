"""Datasets as spikes: ``load`` one by name, encoders turn values into spike trains."""

from loihi_sca.data.arrays import read_npy
from loihi_sca.data.augment import Augmentation, check_augmentation
from loihi_sca.data.dataset import Dataset
from loihi_sca.data.datasets import check_test_samples, load, load_as, shape_as, shape_of
from loihi_sca.data.description import Description, describe
from loihi_sca.data.encoding import ENCODED, encoding_of
from loihi_sca.data.known import NAMES, is_the_same_anywhere
from loihi_sca.data.recordings import EventCount, Recordings, count_events
from loihi_sca.data.samples import Images, Recorded
from loihi_sca.data.splits import SPLITS, Split

__all__ = [
    "ENCODED",
    "NAMES",
    "SPLITS",
    "Augmentation",
    "Dataset",
    "Description",
    "EventCount",
    "Images",
    "Recorded",
    "Recordings",
    "Split",
    "check_augmentation",
    "check_test_samples",
    "count_events",
    "describe",
    "encoding_of",
    "is_the_same_anywhere",
    "load",
    "load_as",
    "read_npy",
    "shape_as",
    "shape_of",
]  # fmt: skip
