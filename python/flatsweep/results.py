"""Access to results.h5; nothing else opens it. The layout is described in docs/output.md."""

from __future__ import annotations

import functools
import os
import pathlib
import tomllib
import traceback
from typing import Any

import h5py
import numpy as np

from . import names

MLP = "mlp"  # the architecture that width and hidden layers describe; files without /grid/architecture hold no other


class ResultsError(Exception):
    """The file cannot be used; the text says why and what to do."""


class NotInFile(LookupError):
    """What was asked for is not in this file; the text says what is missing and what there is."""


def decoded(values: Any, attributes: Any = None) -> np.ndarray:
    """HDF5's fixed-length bytes as str, bytes that are no UTF-8 marked; numbers that stand for words, by CF's
    `flag_values` and `flag_meanings` among `attributes`, as these words; flags, which have `flag_masks`, with commas between them;
    everything else unchanged."""
    values = np.asarray(values)
    if attributes is not None and "flag_meanings" in attributes and values.dtype.kind in "iu":
        return flagged(values, attributes)
    return np.char.decode(values.astype("S"), "utf-8", "replace") if values.dtype.kind in "SO" else values


def flagged(values: np.ndarray, attributes: Any) -> np.ndarray:
    """Each value's word; CF joins the parts of a word by `_`."""
    words = [word.replace("_", " ") for word in text(attributes["flag_meanings"]).split()]
    if "flag_texts" in attributes:  # as they are, where `_` would not tell
        words = text(attributes["flag_texts"]).split("\n")
    if "flag_masks" in attributes:
        masks = np.asarray(attributes["flag_masks"]).tolist()
        found = [", ".join(word for mask, word in zip(masks, words) if value & mask) for value in values.ravel().tolist()]
        return np.array(found, dtype=str).reshape(values.shape)
    meaning = dict(zip(np.asarray(attributes.get("flag_values", range(len(words)))).tolist(), words))
    found = [meaning.get(value, str(value)) for value in values.ravel().tolist()]
    return np.array(found, dtype=str).reshape(values.shape)


def text(value: Any) -> str:
    """An attribute of text, whichever way it was written."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def read(data: h5py.Dataset) -> np.ndarray:
    """All of a data set, of numbers or texts that stand in this very file."""
    check_readable(data)
    return decoded(data[()], data.attrs)


def check_readable(data: Any) -> None:
    """Raises NotInFile where `data` is no array of numbers or texts that stand in its own file"""
    if not isinstance(data, h5py.Dataset) or data.shape is None:
        raise NotInFile(f"{data.name} is no array")
    if data.is_virtual or data.external:
        raise NotInFile(f"{data.name} lies in another file")
    if data.compression is None and data.nbytes > os.path.getsize(data.file.filename):
        raise NotInFile(f"{data.name} is not all there")
    if data.dtype.kind not in "fiuSOb":
        raise NotInFile(f"{data.name} holds neither numbers nor texts")


def one_line(error):
    """An exception that nobody foresaw, in a line: what, and where it came up."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text} ({pathlib.PurePath(frame.filename).name}, line {frame.lineno})"


def failure(group):
    """Why an analysis has a hole in place of its numbers; "" where it has not."""
    attributes = group.attrs
    return str(attributes.get("message", "")) if attributes.get("status") == "failed" else ""


def absence(group):
    """Why there is no analysis of a network made elsewhere: what was not recorded of it; "" where there is one."""
    attributes = group.attrs
    return str(attributes.get("message", "")) if attributes.get("status") == "absent" else ""


class Group:
    """Data sets and attributes of one HDF5 group, as numpy arrays and plain values."""

    def __init__(self, group):
        self.group = group

    def __contains__(self, name):
        return name in self.group

    def array(self, name):
        if name not in self.group:
            raise NotInFile(f"{self.group.name} has no {name}")
        return read(self.group[name])

    def number(self, name):
        """The attribute `name` as float, NaN when it is not there."""
        value = np.asarray(self.group.attrs.get(name, np.nan))
        if value.dtype.kind not in "fiu" or value.size != 1:
            raise NotInFile(f"the attribute {name} of {self.group.name} is no number")
        return float(value.item())


def opened(path: pathlib.Path) -> h5py.File:
    if not path.exists():
        raise ResultsError(f"{path} does not exist; run flatsweep first")
    if not path.is_file():
        raise ResultsError(f"{path} is not a file; name the results.h5 of a run")
    try:
        return h5py.File(path, "r")
    except (OSError, ValueError, RuntimeError):
        raise ResultsError(f"{path} is not a complete HDF5 file; run flatsweep again with --resume") from None


class Results:
    """An open results file. Replica ids are rows of /grid."""

    def __init__(self, path: pathlib.Path, file: h5py.File | None = None):
        """`file`: what a job that still runs has left in the folder `path`, in the layout of results.h5."""
        self.path, self.file = path, file or opened(path)
        self.finished = file is None
        self.folder = path.parent if self.finished else path  # of the run
        try:
            self.grid = self.read_grid(path)
        except Exception as error:
            self.file.close()
            if isinstance(error, ResultsError):
                raise
            raise ResultsError(f"{path} has a /grid that cannot be read; it is damaged, or not of flatsweep") from None

    def read_grid(self, path):
        """The columns of /grid, all of one length."""
        if not isinstance(self.file.get("grid/status"), h5py.Dataset):
            raise ResultsError(f"{path} has no /grid/status: it was not written by flatsweep")
        grid = {name: read(data) for name, data in self.file["grid"].items()}
        if grid["status"].ndim != 1 or {column.shape for column in grid.values()} != {grid["status"].shape}:
            raise ResultsError(f"{path} has columns of several lengths in /grid; it is damaged, or not of flatsweep")
        return grid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def done(self):
        """Ids of the replicas that finished."""
        return [i for i, status in enumerate(self.grid["status"]) if status == "done"]

    @functools.cached_property
    def axes(self):
        """The columns in which replicas may differ: the axes that the configuration lists; without one, all columns that do not
        say how a replica ended."""
        columns = [name for name in self.grid if name not in names.OUTCOMES]
        if names.MODEL in columns:
            return [name for name in columns if name != "architecture"]
        try:
            listed = tomllib.loads(text(self.file.attrs["config"]))["grid"]
        except (KeyError, ValueError):
            return [name for name in columns if name not in names.DERIVED]
        return [name for name in columns if name in listed]

    def alike(self, replica, but):
        """Finished replicas that agree with `replica` in all axes but those named."""
        same = [self.grid[name] for name in self.axes if name not in but]
        return [other for other in self.done() if all(values[other] == values[replica] for values in same)]

    def point_columns(self, table):
        """The axes that make a grid point, of those that `table`, a group or attributes of /summary, has."""
        return [name for name in self.grid if name in table and name not in (*names.OUTCOMES, *names.NOT_OF_A_POINT, *names.DERIVED)]

    def point(self, replica):
        return tuple(self.grid[name][replica] for name in self.axes if name != "seed")

    def points(self):
        """{grid point: ids of its finished replicas}, in grid order."""
        points = {}
        for replica in self.done():
            points.setdefault(self.point(replica), []).append(replica)
        return points

    def group(self, path):
        if path not in self.file:
            raise NotInFile(f"the file has no /{path}")
        if failure(self.file[path]):
            raise NotInFile(f"/{path} failed: {failure(self.file[path])}")
        if absence(self.file[path]):
            raise NotInFile(f"/{path} is {absence(self.file[path])}")
        return Group(self.file[path])

    def layers(self, replica, analysis):
        """Those that have numbers."""
        path = f"replica/{replica:06d}/{analysis}"
        return [layer for layer, group in self.file.get(path, {}).items() if not failure(group) and not absence(group)]
