"""Datasets as spikes: ``load`` one by name, encoders turn values into spike trains."""

from loihi_sca.data.datasets import NAMES, Dataset, Split, load, shape_of
from loihi_sca.data.samples import Images, Recordings

__all__ = ["NAMES", "Dataset", "Images", "Recordings", "Split", "load", "shape_of"]
