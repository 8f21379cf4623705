from loihi_sca import compiler as compiler
from loihi_sca import config as config
from loihi_sca import data as data
from loihi_sca import engine as engine
from loihi_sca import errors as errors
from loihi_sca import exchange as exchange
from loihi_sca import execution as execution
from loihi_sca import frontend as frontend
from loihi_sca import hardware as hardware
from loihi_sca import model as model
from loihi_sca import network as network
from loihi_sca import netx as netx
from loihi_sca import pipeline as pipeline
from loihi_sca import planning as planning
from loihi_sca import pruning as pruning
from loihi_sca import reporting as reporting
from loihi_sca import runs as runs
from loihi_sca import slayer as slayer
from loihi_sca import training as training
from loihi_sca.compiler.verify import verify as verify
from loihi_sca.data.datasets import load as load_data
from loihi_sca.exchange.nir_export import write_nir as write_nir
from loihi_sca.exchange.nir_import import read_nir as read_nir
from loihi_sca.frontend.check import check as check
from loihi_sca.frontend.compile import compile as compile
from loihi_sca.frontend.fold import fold_batchnorm as fold_batchnorm
from loihi_sca.frontend.slayer import compile_slayer as compile_slayer
from loihi_sca.hardware.cost.estimate import estimate as estimate
from loihi_sca.hardware.mapping.cliffs import cliffs as cliffs
from loihi_sca.hardware.mapping.mapper import map_network as map_network
from loihi_sca.model.sizes import resize as resize
from loihi_sca.model.sizes import shapes_of as shapes_of
from loihi_sca.netx.reader import read as read
from loihi_sca.netx.writer import write as write
from loihi_sca.pipeline.evaluate import evaluate as evaluate
from loihi_sca.pipeline.plan import plan as plan
from loihi_sca.pipeline.report import report as report
from loihi_sca.pipeline.run import run as run
from loihi_sca.pruning.oneshot import prune as prune
from loihi_sca.pruning.pruner import Pruner as Pruner
from loihi_sca.training.session import train as train

__all__ = [
    "Pruner",
    "__version__",
    "check",
    "cliffs",
    "compile",
    "compile_slayer",
    "estimate",
    "evaluate",
    "fold_batchnorm",
    "load_data",
    "map_network",
    "plan",
    "prune",
    "read",
    "read_nir",
    "report",
    "resize",
    "run",
    "shapes_of",
    "train",
    "verify",
    "write",
    "write_nir",
]

__version__: str
