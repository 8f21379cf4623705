"""Networks and chips, given as they are, by path or by name."""

from __future__ import annotations

import os
from typing import TypeAlias

from loihi_sca import netx
from loihi_sca.errors import ConfigError
from loihi_sca.hardware.architecture import read_architecture
from loihi_sca.hardware.profile import load_profile
from loihi_sca.hardware.schema import Profile
from loihi_sca.hardware.shapes import Architecture
from loihi_sca.hdf5_files import path_of
from loihi_sca.network import Network, Shape

AnyNetwork: TypeAlias = "Network | Architecture | str | os.PathLike[str]"
"""A network, layers without weights, or the path of a netx file or of a TOML file of layers."""

AnyProfile: TypeAlias = "Profile | str | os.PathLike[str]"
"""A chip, its name, or the path of its file."""


def as_network(network: AnyNetwork, input_shape: Shape | None = None) -> Network | Architecture:
    """Return a network, read from its file if need be: ``.toml`` holds an architecture.

    Raises
    ------
    ConfigError
        An input shape is given for something that says its own.
    NetworkError, UnsupportedLayer
        As :func:`loihi_sca.netx.read`.
    """
    if isinstance(network, Network | Architecture):
        return network
    path = path_of(network)
    if path.suffix == ".toml":
        if input_shape is not None:
            raise ConfigError("--input-shape is for netx files; an architecture has 'input'.")
        return read_architecture(path)
    return netx.read(path, input_shape=input_shape)


def as_profile(profile: AnyProfile) -> Profile:
    """Return a chip, loaded by its name or path if need be."""
    return profile if isinstance(profile, Profile) else load_profile(profile)
