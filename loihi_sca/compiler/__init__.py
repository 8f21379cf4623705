"""The compiler: an ordered, visible list of passes, each a function ``Network -> Network``."""

from loihi_sca.compiler.pipeline import PASSES, compile_network, compile_with_report
from loihi_sca.compiler.report import Compiled, Proof, Step

__all__ = ["PASSES", "Compiled", "Proof", "Step", "compile_network", "compile_with_report"]
