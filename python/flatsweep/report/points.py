"""Grid points of a landscape study as the sentences of result need them: a row of /summary with its replicas."""

import dataclasses

import numpy as np

from .. import names
from . import summaries
from .fits import Fit, cell, fit, mean

SHORT = {name: heading for heading, name in summaries.POINT} | {"learning_rate": "α"}


@dataclasses.dataclass
class Point:
    """One layer at one grid point."""

    layer: str
    where: str  # "B = 50, α = 0.1", of the axes that vary
    columns: dict
    row: int
    attributes: dict  # {"pca": [of each seed done], "nulls": [...], ...}

    def fit(self, name) -> Fit:
        return fit(self.columns, name, self.row)

    def number(self, name):
        return cell(self.columns, name, self.row)

    def seeds_mean(self, analysis, name):
        """Mean of an attribute over the seeds that have it."""
        return mean(float(found[name]) for found in self.attributes[analysis] if np.isscalar(found.get(name, "")) and
                    not isinstance(found.get(name, ""), (str, bytes)))


def points(results):
    """All layers of all grid points, in the order of /summary/psi."""
    file = results.file
    data = summaries.by_layer(file, ("psi", "dynamics", "nulls"))
    if data is None:
        return []
    axes = results.point_columns(data)
    varied = [name for name in axes if len(set(data[name])) > 1]
    replicas = rows_by_point(results, axes)
    return [Point(str(data["layer"][row]), where(data, varied, row), data, row,
                  attributes(file, replicas.get(key_of(data, axes, row), []), str(data["layer"][row])))
            for row in range(len(data["layer"]))]


def key_of(columns, axes, row):
    return tuple(str(columns[name][row]) for name in axes)


def rows_by_point(results, axes):
    """{grid point: replicas done}; of replicas that differ in the assumed exponent alone, the first."""
    found, seen = {}, set()
    alone = [name for name in results.axes if name not in names.ASSUMED]
    for replica in results.done():
        own = key_of(results.grid, alone, replica)
        if own not in seen:
            seen.add(own)
            found.setdefault(key_of(results.grid, axes, replica), []).append(replica)
    return found


def where(data, varied, row):
    texts = (f"{SHORT.get(name, name.replace('_', ' '))} = {shown(data[name][row])}" for name in varied)
    return ", ".join(texts)


def shown(value):
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def attributes(file, replicas, layer):
    """Of every replica's analyses of the layer; an analysis that is not there has none."""
    paths = {analysis: [f"{names.replica_path(replica)}/{analysis}/{layer}" for replica in replicas]
             for analysis in ("pca", "nulls", "flatness")}
    return {analysis: [dict(file[path].attrs) | first_content(file[path]) for path in found if path in file]
            for analysis, found in paths.items()}


def first_content(group):
    """Cosine content of direction 1."""
    return {"c_1": float(group["cosine_content"][0])} if "cosine_content" in group else {}
