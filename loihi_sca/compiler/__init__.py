"""The compiler: an ordered, visible list of passes, each a function ``Network -> Network``."""

from loihi_sca.compiler.pipeline import PASSES, compile_network

__all__ = ["PASSES", "compile_network"]
