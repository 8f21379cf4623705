"""Datasets as spikes: ``load`` one by name, encoders turn values into spike trains."""

from loihi_sca.data.datasets import NAMES, Dataset, load

__all__ = ["NAMES", "Dataset", "load"]
