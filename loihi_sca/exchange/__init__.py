"""Networks in the formats of others: NIR, which snnTorch, sinabs, Norse and Rockpool speak."""

from loihi_sca.exchange.imported import Change, Imported
from loihi_sca.exchange.nir_export import write_nir
from loihi_sca.exchange.nir_import import read_nir

__all__ = ["Change", "Imported", "read_nir", "write_nir"]
