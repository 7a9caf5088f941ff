"""The numbers of all replicas for the page's table and heat maps: axes, and every number that an analysis of a replica has."""

import h5py
import numpy as np

from .. import names
from ..results import failure, read
from .replica_data import numbers

ENDS = {"train_loss": "training loss", "test_loss": "test loss", "train_error": "training error", "test_error": "test error"}
# Columns of the table that are shown from the start, where they are there, of the usual layer.
FIRST = ("test_error", "train_error", "flatness/psi", "nulls/walk_psi", "nulls/held_out_psi", "pca/learning_dimension", "dynamics/psi_d",
         "dynamics/psi_tau")
# Axes of those tables, the first two to be shown first.
POINT = ("strength", "constraint_count", "method", "psi", "trained", "biases", "held", "leading_mode", "noise_amplitude", "noise_method",
         "architecture", "batch_size", "learning_rate", "weight_decay", "train_limit", "label_noise", "width", "hidden_layers", "initial_scale",
         "optimizer", "sampling")
MOST = 400  # quantities; analyses of many layers have thousands, of which the first are kept
SKIPPED = ("fit_first", "fit_last", "whole_spectra", "psi_assumed")


def axes(results):
    """The columns of /grid in which replicas differ, those that make no grid point last."""
    varied = [name for name in results.axes if len(set(results.grid[name].tolist())) > 1]
    return [{"name": name, "label": label(name), "values": plain(results.grid[name])}
            for name in sorted(varied, key=lambda name: name in names.NOT_OF_A_POINT)]


def label(name):
    return {"batch_size": "B", "learning_rate": "α", "width": "H", "psi_assumed": "psi assumed"}.get(name, name.replace("_", " "))


def plain(values):
    return numbers(values, 6) if values.dtype.kind == "f" else values.tolist()


def quantities(results):
    """[{key, label, of, values}]: what replicas have beside their axes, where it is not the same everywhere."""
    found = {}
    for replica in results.done():
        group = results.file.get(names.replica_path(replica))
        for key, value in measured(group) if isinstance(group, h5py.Group) else ():
            found.setdefault(key, {})[replica] = value
    for name, values in run_columns(results).items():
        found["run", name] = {replica: float(values[replica]) for replica in results.done()}
    count = len(results.grid[names.STATUS])
    several = len(results.done()) > 1
    rows = []
    for key, values in found.items():
        if len(rows) < MOST and (not several or len(set(values.values())) > 1 or len(values) < len(results.done())):
            rows.append({"key": "/".join(key), "label": key[-1].replace("_", " "), "of": " ".join(key[:-1]),
                         "values": numbers([values.get(replica, np.nan) for replica in range(count)], 5)})
    return rows


def run_columns(results):
    """What the run itself says of its replicas."""
    seconds = results.file.get("provenance/replica_seconds")
    found = {"epochs_trained": results.grid.get("epochs_trained"), "seconds": None if seconds is None else read(seconds)}
    return {name: values for name, values in found.items() if values is not None and values.shape == results.grid[names.STATUS].shape}


def measured(group):
    """((analysis, layer, name), value) of every number; the ends of the training curves first."""
    for name in ENDS:
        curve = group.get(f"{names.CURVES}/{name}")
        if isinstance(curve, h5py.Dataset) and curve.ndim == 1 and len(curve):
            yield ("training", name), float(curve[-1])
    for analysis in sorted(group, key=lambda name: (name not in names.QUANTITIES, name)):
        below = group[analysis]
        for layer, node in below.items() if isinstance(below, h5py.Group) else ():
            if isinstance(node, h5py.Group) and not failure(node):
                yield from (((analysis, layer, name), float(value)) for name, value in node.attrs.items() if is_number(name, value))


def is_number(name, value):
    array = np.asarray(value)
    return array.dtype.kind in "fiu" and array.size == 1 and np.isfinite(array).all() and name not in SKIPPED


def first_columns(found, layer):
    """Keys of FIRST among the quantities."""
    keys = {entry["key"] for entry in found}
    wanted = (f"training/{name}" if "/" not in name else name.replace("/", f"/{layer}/") for name in FIRST)
    return [key for key in wanted if key in keys]


def tables(results):
    """Tables of /summary of the studies that measure points of their own within a replica: their axes and numbers."""
    found = []
    for path, title in (("summary/continual", "Methods"), ("summary/noise", "Methods")):
        group = results.file.get(path)
        if isinstance(group, h5py.Group):
            found += [table(group, title)]
    return [entry for entry in found if entry]


def table(group, title):
    columns = {name: read(data) for name, data in group.items() if isinstance(data, h5py.Dataset) and data.ndim == 1}
    point = [name for name in POINT if name in columns]
    count = len(columns[point[0]]) if point else 0
    varied = [name for name in point if names.varies(name, columns[name])]
    values = [name for name, column in columns.items()
              if name not in point and len(column) == count and column.dtype.kind in "fiu" and name != "replicas"]
    return {"title": title, "axes": [{"name": name, "label": label(name), "values": plain(columns[name])} for name in varied],
            "quantities": [{"key": name, "label": name.replace("_", " "), "of": title, "values": numbers(columns[name], 5)} for name in values]}
