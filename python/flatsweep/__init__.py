"""Results of flatsweep in Python, and its runs.

    import flatsweep

    run = flatsweep.open("runs/quickstart")
    run.grid                             # pandas: one row a replica
    run.table("psi", layer="fc2")        # exponents over seeds with their intervals
    run[0].flatness("fc2").table()       # one row a direction
    run.plot.fig2_variance_flatness()    # every figure of docs/figures.md

h5py and numpy are enough for the numbers; tables need pandas, `dataset` xarray, figures matplotlib, `to_torch` PyTorch. A
tour is docs/python.md.
"""

from typing import Any

from .analysis import Analysis, Exponent
from .launch import RunError, run
from .opening import open  # noqa: A004, as h5py and xarray call it
from .replicas import Layers, Replica
from .results import NotInFile, ResultsError
from .runs import Run

__all__ = ["Analysis", "Exponent", "Layers", "NotInFile", "Recorder", "Replica", "ResultsError", "Run", "RunError", "UnsupportedNetwork",
           "open", "run"]


def __getattr__(name: str) -> Any:
    """What needs PyTorch is imported when it is asked for."""
    if name not in ("Recorder", "UnsupportedNetwork"):
        raise AttributeError(f"flatsweep has no {name}; it has {', '.join(__all__)}")
    from . import recorder

    return getattr(recorder, name)
