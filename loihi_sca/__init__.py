"""loihi-sca: train spiking networks small, ship them exactly, know their cost on Loihi."""

from loihi_sca.api import check, compile_slayer, verify

__all__ = ["check", "compile_slayer", "verify"]
