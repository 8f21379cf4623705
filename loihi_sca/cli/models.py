"""Models named on the command line: recipes, Python references, netx files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loihi_sca.errors import ConfigError, LoihiScaError
from loihi_sca.network import Shape
from loihi_sca.references import import_reference, is_reference


@dataclass(frozen=True)
class NamedModel:
    """A SLAYER model, or an integer network, that the user has named.

    Attributes
    ----------
    name : str
    model : Any
        A module, a list of blocks or a :class:`loihi_sca.network.Network`.
    input_shape : tuple of int or None
    timesteps : int or None
    """

    name: str
    model: Any
    input_shape: Shape | None = None
    timesteps: int | None = None


def load_model(text: str, input_shape: Shape | None = None) -> NamedModel:
    """Return the model that a text names.

    Parameters
    ----------
    text : str
        ``package.module:attribute`` of a module or of a function without arguments that returns
        one; a netx file; or a recipe, by name or path, whose model is built untrained.
    input_shape : tuple of int, optional
        For a netx file that does not say it.

    Raises
    ------
    ConfigError
        There is nothing of that name.
    """
    if is_reference(text):
        model = from_python(text)
        return NamedModel(text.rpartition(":")[2], model, getattr(model, "in_shape", None))
    if text.endswith((".net", ".hdf5", ".h5")):
        from loihi_sca import netx

        network = netx.read(text, input_shape=input_shape)
        return NamedModel(network.name, network, network.in_shape, network.timesteps)
    return _from_recipe(text)


def from_python(text: str) -> Any:
    """Import ``package.module:attribute``, from the current folder too, and call a function."""
    found = import_reference(text)

    import torch

    if callable(found) and (isinstance(found, type) or not isinstance(found, torch.nn.Module)):
        try:
            return found()
        except TypeError as error:
            raise ConfigError(
                f"{text} cannot be called without arguments ({error}). Name a function that takes "
                "none and returns the model."
            ) from error
        except (LoihiScaError, MemoryError):
            raise
        except Exception as error:
            raise ConfigError(
                f"{text} is called and returns the model; it raised {type(error).__name__}: "
                f"{error}. Mend it; --debug shows the traceback."
            ) from error
    return found


def _from_recipe(text: str) -> NamedModel:
    from loihi_sca.config import load_recipe

    recipe = load_recipe(text)

    from loihi_sca import data
    from loihi_sca.model.build import build

    shape, classes = data.shape_as(recipe.data)
    values = recipe.data.are_values
    model = build(recipe.model, shape, classes, values=values)
    return NamedModel(recipe.name, model, shape, recipe.data.timesteps)
