"""Typed access to the fields of an HDF5 group, with errors that name the field."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from loihi_sca.errors import NetworkError
from loihi_sca.hdf5_files import claims_too_much
from loihi_sca.hdf5_texts import read_texts
from loihi_sca.network import IntArray


def group(parent: h5py.Group, name: str, owner: str, kind: str = "netx network") -> h5py.Group:
    """Return a subgroup, or raise and say what the file is not."""
    if not isinstance(parent.get(name), h5py.Group):
        raise NetworkError(f"{owner} has no group {name!r}: not a {kind}.")
    return parent[name]


def dataset(parent: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset, or raise."""
    found = parent.get(name)
    if not isinstance(found, h5py.Dataset):
        raise NetworkError(f"group {parent.name!r} lacks the field {name!r}.")
    return found


def string(parent: h5py.Group, name: str) -> str:
    """Return a text field, stored as a scalar or as an array of one."""
    field = dataset(parent, name)
    if field.size != 1:
        raise NetworkError(f"field {name!r} of {parent.name!r} is not one text.")
    value = np.asarray(raw(field)).ravel()
    text = value[0]
    if not isinstance(text, bytes):
        raise NetworkError(f"field {name!r} of {parent.name!r} is not text.")
    return text.decode("ascii", "replace")


def integers(parent: h5py.Group, name: str) -> IntArray:
    """Return a numeric field as integers."""
    return rounded(dataset(parent, name))


def whole_numbers(parent: h5py.Group, name: str) -> list[int]:
    """Return a numeric field as a flat list with at least one integer."""
    return [int(n) for n in integers(parent, name).ravel()]


def whole_number(parent: h5py.Group, name: str) -> int:
    """Return a field of one integer; an array of equal ones passes.

    Raises
    ------
    NetworkError
        There are several values.
    """
    values = sorted(set(whole_numbers(parent, name)))
    if len(values) > 1:
        raise NetworkError(
            f"field {name!r} of {parent.name!r} holds {len(values)} different values, "
            f"{values[0]} to {values[-1]}; one per layer is what is supported."
        )
    return values[0]


def rounded(dataset: h5py.Dataset) -> IntArray:
    """Return the values as integers; lava-dl stores integers as floats."""
    values: npt.NDArray[Any] = np.asarray(raw(dataset))
    if values.dtype.kind not in "biuf":
        raise NetworkError(f"field {dataset.name!r} holds {values.dtype}, not numbers.")
    if values.dtype.kind == "f":
        if not bool(np.all(np.isfinite(values))):
            raise NetworkError(f"field {dataset.name!r} holds NaN or infinity.")
        if bool(np.any(values != np.trunc(values))):
            raise NetworkError(
                f"field {dataset.name!r} holds fractions; a netx network has integers. "
                "Was it exported without quantisation?"
            )
    if values.size and not (-(2**31) <= float(values.min()) and float(values.max()) < 2**31):
        raise NetworkError(f"field {dataset.name!r} exceeds 32 bit.")
    return values.astype(np.int32)


def raw(dataset: h5py.Dataset) -> Any:
    """Return what a field holds, unless it claims more than can be."""
    if claims_too_much(dataset):
        raise NetworkError(f"field {dataset.name!r} claims {dataset.size} values: damaged.")
    if dataset.size == 0:
        raise NetworkError(f"field {dataset.name!r} is empty.")
    if dataset.dtype.hasobject:  # damaged ones end the process where HDF5 reads them
        texts = read_texts(dataset)
        return texts if dataset.ndim else texts.item()
    return dataset[()]


def plain(value: Any) -> Any:
    """Return an HDF5 value as a plain Python value where it is a scalar."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
