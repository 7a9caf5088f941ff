"""A run: its replicas, its tables, its figures."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Iterator

import h5py
import numpy as np

from . import arrays, names, running, tables
from .analysis import Analysis, listed
from .replicas import REPLICA_AXIS, WEIGHTS, Replica, usual
from .results import NotInFile, Results, text

if TYPE_CHECKING:
    import pandas
    import xarray

    from .plot.plots import Plots


class Run:
    """The results of one run, read as they are asked for. `flatsweep.open` makes it.

    >>> len(run), run.layers
    (4, ['fc2'])
    >>> run.grid[["width", "seed", "status"]].loc[3].tolist()
    [10, 2, 'done']
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self.finished = results.finished  # False of a job that still ran when it was opened
        self.rows: dict[str | None, list[dict[str, Any]]] = {}  # of `grid_of`, by layer: thousands of replicas take seconds

    # -- replicas

    def __len__(self) -> int:
        return len(self.results.grid[names.STATUS])

    def __getitem__(self, number: int) -> Replica:
        """A replica by its row of the grid, counted from 0."""
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no replica {number}; {self.results.path} has 0 to {len(self) - 1}")
        return Replica(self.results, int(number) % len(self))

    def __iter__(self) -> Iterator[Replica]:
        return (self[number] for number in range(len(self)))

    @property
    def done(self) -> list[Replica]:
        """The replicas that finished."""
        return [self[number] for number in self.results.done()]

    # -- tables

    @property
    def layers(self) -> list[str]:
        """The layers that were analysed, in the order of the network."""
        for replica in self:
            there = replica.analyses if names.replica_path(replica.number) in self.results.file else {}
            found = {layer: None for name in names.QUANTITIES for layer in there.get(name, ())}
            if found:
                return list(found)
        return []

    @property
    def axes(self) -> list[str]:
        """The columns of /grid in which replicas differ, seeds included."""
        return [name for name in self.results.axes if len(np.unique(self.results.grid[name])) > 1]

    @property
    def grid(self) -> pandas.DataFrame:
        """One row a replica: its axes and status, losses and errors after the last epoch, and the main quantities of the usual
        layer (`grid_of` has them of another one). A quantity that a replica does not have is NaN."""
        return self.grid_of()

    def grid_of(self, layer: str | None = None) -> pandas.DataFrame:
        import pandas

        if layer not in self.rows:
            self.rows[layer] = [self.measured(replica, layer) for replica in self]
        rows = self.rows[layer]
        found = list(dict.fromkeys(name for row in rows for name in row))
        columns = {f"{name}_assumed" if name in found else name: values
                   for name, values in self.results.grid.items() if name != REPLICA_AXIS}
        columns |= {name: [row.get(name, np.nan) for row in rows] for name in found}
        return pandas.DataFrame(columns, index=pandas.RangeIndex(len(self), name=REPLICA_AXIS))

    def measured(self, replica: Replica, layer: str | None) -> dict[str, Any]:
        """The quantities of `names.QUANTITIES` and ends of curves that the replica has."""
        path = names.replica_path(replica.number)
        if path not in self.results.file:
            return {}
        group, row = self.results.file[path], {}
        for name in names.ENDS:
            curve = group.get(f"{names.CURVES}/{name}")
            if curve is not None and len(curve):
                row[name] = curve[-1]
        for analysis, quantities in names.QUANTITIES.items():
            if analysis in group:
                attributes = group[analysis].get(layer or usual(list(group[analysis])), group).attrs
                row |= {name: text(attributes[name]) if isinstance(attributes[name], (str, bytes)) else attributes[name]
                        for name in quantities if name in attributes}
        return row

    def quantities(self, analysis: str, layer: str | None = None) -> pandas.DataFrame:
        """One row a replica: every attribute of one analysis of one layer, exponents with intervals included.

        >>> run.quantities("dynamics").window_iterations.tolist()
        [40, 40, 40, 40]
        """
        import pandas

        rows = {}
        for replica in self.done:
            if analysis in replica.analyses and analysis != WEIGHTS:
                below = getattr(replica, analysis)
                rows[replica.number] = (below if isinstance(below, Analysis) else below(layer)).attributes
        if not rows:
            there = {name: None for replica in self.done for name in replica.analyses if name != WEIGHTS}
            raise NotInFile(f"no replica has {analysis}; there are {listed(there)}")
        return pandas.DataFrame.from_dict(rows, orient="index").rename_axis(REPLICA_AXIS)

    @property
    def tables(self) -> dict[str, list[str]]:
        """The tables over grid points, and the layers of each; a table of the whole network has none."""
        found: dict[str, list[str]] = {}
        for name, table in self.results.file.get(names.SUMMARY, {}).items():
            below = [child for child, node in table.items() if isinstance(node, h5py.Group)]
            if self.has_columns(name):
                found[name] = []
                found.update((f"{name}/{child}", []) for child in below)
            else:
                found[name] = below
        return found

    def table(self, name: str = "psi", layer: str | None = None) -> pandas.DataFrame:
        """A table of /summary, one row a grid point: exponents over seeds with their 95 % intervals (`psi`, `psi_low`,
        `psi_high`), means and spreads.

        >>> run.table("psi", layer="fc2")[["width", "replicas"]].to_dict("list")
        {'width': [8, 10], 'replicas': [2, 2]}
        >>> run.table("psi", layer="fc3")
        Traceback (most recent call last):
            ...
        flatsweep.results.NotInFile: there is no table psi of layer fc3; there is one of fc2
        """
        there = self.tables
        if name not in there:
            raise NotInFile(f"there is no table {name}; there are {listed(there)}" + ("" if self.finished else UNFINISHED))
        if not there[name]:
            return tables.frame(self.results.group(f"{names.SUMMARY}/{name}").group)
        layer = layer or usual(there[name])
        if layer not in there[name]:
            raise NotInFile(f"there is no table {name} of layer {layer}; there is one of {listed(there[name])}")
        return tables.frame(self.results.group(f"{names.SUMMARY}/{name}/{layer}").group)

    def has_columns(self, table: str) -> bool:
        return any(isinstance(node, h5py.Dataset) for node in self.results.file[f"{names.SUMMARY}/{table}"].values())

    # -- the file

    def dataset(self, path: str) -> xarray.Dataset:
        """A group of the file, as `replica/000000/flatness/fc2` or `summary/psi/fc2`, with its axes; for xarray.

        >>> sorted(run.dataset("replica/000001/training").sizes)
        ['epoch']
        """
        return arrays.dataset(self.results.group(path.strip("/") or "/").group)

    @property
    def tree(self) -> Any:
        """The whole file as xarray's DataTree; NotInFile where xarray is older than 2024.10."""
        return arrays.tree(self.results.file)

    @property
    def file(self) -> h5py.File:
        """The file itself, for h5py."""
        return self.results.file

    @property
    def config(self) -> dict[str, Any]:
        """The configuration with defaults filled in, as it was run."""
        provenance = self.results.file.get("provenance")
        full = None if provenance is None else provenance.attrs.get("config_in_full")
        return tomllib.loads(text(full or self.results.file.attrs["config"]))

    @property
    def replica_seconds(self) -> np.ndarray:
        """Wall time of each replica in the job that finished it."""
        return self.results.group("provenance").array("replica_seconds")

    @property
    def progress(self) -> pandas.DataFrame:
        """The lines of progress.csv, one for every epoch of every replica and some for the stages behind; the last of each replica
        says how far it is. Read anew each time, so that a job can be followed.

        >>> run.progress.groupby("replica").stage.last().tolist()
        ['ends', 'done', 'done', 'done', 'done']
        """
        return running.progress_lines(self.results.folder)

    @property
    def plot(self) -> Plots:
        """The figures: `run.plot.fig1a()`, `run.plot.phase("batch_size", "learning_rate", "psi")`."""
        from .plot.plots import Plots
        return Plots(self.results)

    def close(self) -> None:
        self.results.file.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        statuses = np.unique(self.results.grid[names.STATUS], return_counts=True)
        counts = ", ".join(f"{count} {status}" for status, count in zip(*statuses))
        return f"<flatsweep run {self.results.path}: {counts}; axes {listed(self.axes)}; analyses {listed(self.analyses)}>"

    @property
    def analyses(self) -> list[str]:
        """Of the first replica that has any."""
        return next((list(replica.analyses) for replica in self.done), [])


UNFINISHED = "; the run is not finished, and tables are made at its end"
