"""Datasets as spikes: ``load`` one by name, encoders turn values into spike trains."""

from loihi_sca.data.arrays import read_npy
from loihi_sca.data.augment import Augmentation, check_augmentation
from loihi_sca.data.datasets import NAMES, Dataset, Split, load, shape_of
from loihi_sca.data.samples import Images, Recorded, Recordings

__all__ = [
    "NAMES", "Augmentation", "Dataset", "Images", "Recorded", "Recordings", "Split",
    "check_augmentation", "load", "read_npy", "shape_of",
]  # fmt: skip
