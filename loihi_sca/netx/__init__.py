"""netx HDF5: the file format of lava-dl, read and written without lava-dl.

The format is that of ``lava.lib.dl.netx.hdf5.Network``: a group ``layer`` with one group per layer.
What the format has no place for (timesteps, read-out, provenance) goes into a group of our own,
``loihi_sca``, which stock lava-dl never looks at. A network that is no chain has a file of our own,
:mod:`loihi_sca.netx.graph_file`.
"""

from loihi_sca.netx.graph_file import require_runnable, save
from loihi_sca.netx.notes import notes_of, stock_differs
from loihi_sca.netx.reader import read
from loihi_sca.netx.writer import require_loadable, write

__all__ = [
    "notes_of", "read", "require_loadable", "require_runnable", "save", "stock_differs", "write",
]  # fmt: skip
