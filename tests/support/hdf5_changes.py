"""Changes to fields of an HDF5 file, each drawn from three numbers: for hypothesis and fuzzers."""

from __future__ import annotations

import json
from dataclasses import dataclass

import h5py
import numpy as np

ODD = [
    -1, 0, 1, 2, 3, 127, 128, 10**9, 2**31, 2**63 - 1, -(2**31), 0.5, float("nan"), float("inf"),
    b"", b"conv", b"pool", b"dense", b"dense_rec", b"flatten", b"average", b"input", b"\xff\xfe",
    True, 1j, [], [1, 2], [-1, -1], [10**9, 10**9, 3], [[1.0]], [float("nan")] * 3, [0, 0],
    ["a", "b"], np.zeros((3, 3, 3, 3, 3)), np.full((4, 6), -7), np.full((5, 54), 1e30),
]  # fmt: skip

KINDS = (
    "delete", "replace", "hollow", "attribute", "rename", "link", "nan", "group", "scale", "extra",
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """A change to an open HDF5 file; which of the numbers it uses depends on the kind."""

    kind: str
    number: int
    odd: int

    def apply(self, file):
        names = []
        file.visit(names.append)
        datasets = [n for n in names if isinstance(file[n], h5py.Dataset)]
        if not datasets:
            return
        name = names[self.number % len(names)]
        dataset = datasets[self.number % len(datasets)]
        getattr(self, self.kind)(file, dataset if self.kind in ("rename", "nan") else name, dataset)

    def delete(self, file, name, dataset):
        del file[name]

    def replace(self, file, name, dataset):
        del file[dataset]
        file[dataset] = ODD[self.odd]

    def hollow(self, file, name, dataset):
        shapes = [(10**9,), (10**5, 10**5), (2, 10**8), (300_000, 10, 10, 10)]
        del file[dataset]
        file.create_dataset(dataset, shapes[self.odd % 4], dtype="f8", chunks=True)

    def attribute(self, file, name, dataset):
        if "loihi_sca" in file:
            attributes = file["loihi_sca"].attrs
            key = sorted(attributes)[self.number % len(attributes)]
            json_text = json.dumps([None, {"kind": "affine"}][self.odd % 4 // 2])
            attributes[key] = ODD[self.odd] if self.odd % 2 else json_text

    def rename(self, file, name, dataset):
        file.move(dataset, dataset + "x")

    def link(self, file, name, dataset):
        del file[name]
        file[name] = h5py.SoftLink("/layer")

    def nan(self, file, name, dataset):
        if file[dataset].size > 10**6:
            return
        values = np.array(file[dataset][()])
        if values.dtype.kind in "iuf" and values.size:
            del file[dataset]
            values = values.astype(float)
            values.flat[self.odd % values.size] = np.nan
            file[dataset] = values

    def scale(self, file, name, dataset):
        if file[dataset].nbytes > 1 << 24:  # hollowed out before
            return
        values = np.asarray(file[dataset][()])
        if values.dtype.kind in "biuf" and values.size < 10**6:
            del file[dataset]
            with np.errstate(all="ignore"):  # an infinite value was put there before
                file[dataset] = values * [0, 0.5, 2, 64, 1e9, -1][self.odd % 6]

    def extra(self, file, name, dataset):
        file[f"{dataset.rpartition('/')[0]}/unheard{self.number}"] = ODD[self.odd]

    def group(self, file, name, dataset):
        del file[dataset]
        file.create_group(dataset)


IMPOSSIBLE = (KeyError, TypeError, ValueError, RuntimeError, OSError)
"""What HDF5 raises about a change that an earlier one has made impossible."""


def apply_all(changes, path):
    """Apply changes to a file, as far as they can be."""
    with h5py.File(path, "r+") as file:
        for change in changes:
            try:
                change.apply(file)
            except IMPOSSIBLE:
                pass
