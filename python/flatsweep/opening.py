"""Which file a path stands for."""

from __future__ import annotations

import os
import pathlib

from .results import Results, ResultsError
from .running import running_results
from .runs import Run

FILE, WORK = "results.h5", "work"


def results_of(path: str | os.PathLike[str]) -> Results:
    """The results that a path stands for: that of results.h5, of the folder that holds it, or of the folder of a job that still
    runs."""
    given = pathlib.Path(path)
    if not given.is_dir():
        return Results(given)
    if (given / FILE).exists():
        return Results(given / FILE)
    if (given / WORK).is_dir():
        return running_results(given)
    raise ResultsError(f"{given} has neither {FILE} nor {WORK}/: it is no output folder of flatsweep; its runs are in runs/")


def open(path: str | os.PathLike[str]) -> Run:  # noqa: A001, as h5py and xarray call it
    """The results of a run: `path` is its folder or its results.h5, or the folder of a job that still runs.

    Numbers are read when they are asked for. Of a job that still runs there is what its stages have left so far; open it
    again to see more.

    Raises ResultsError, which says what is wrong with the path and what to do.

    >>> flatsweep.open("runs/nowhere")
    Traceback (most recent call last):
        ...
    flatsweep.results.ResultsError: runs/nowhere does not exist; run flatsweep first
    """
    return Run(results_of(path))
