"""Groups of results.h5 as pandas tables."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import h5py
import numpy as np

from . import arrays
from .results import NotInFile, read

if TYPE_CHECKING:
    import pandas


def frame(group: h5py.Group) -> pandas.DataFrame:
    """The data sets along the main axis of a group as columns, that axis as the index.

    The main axis is the first axis of most data sets. A data set with a second axis becomes a column for each place on it,
    called `name[axis=value]`; one with more axes, or longer ones, is left out.
    """
    import pandas

    found = {name: data for name, data in group.items() if isinstance(data, h5py.Dataset) and data.ndim}
    scales = {name: data for name, data in found.items() if h5py.h5ds.is_scale(data.id)}
    shown = {name: data for name, data in found.items() if name not in scales}
    main = main_axis(shown, group)
    columns: dict[str, np.ndarray] = {}
    for name, data in shown.items():
        if arrays.axes(data)[0] == main:
            columns |= columns_of(name, data, scales)
    count = len(next(iter(columns.values())))
    index = pandas.Index(read(scales[main]) if main in scales else np.arange(count), name=main)
    return pandas.DataFrame(columns, index=index)


def main_axis(shown: dict[str, h5py.Dataset], group: h5py.Group) -> str:
    if not shown:
        below = ", ".join(group) or "nothing"
        raise NotInFile(f"{group.name} holds no data sets that make a table; below it there is {below}")
    firsts = collections.Counter(arrays.axes(data)[0] for data in shown.values() if data.ndim == 1)
    return firsts.most_common(1)[0][0] if firsts else arrays.axes(next(iter(shown.values())))[0]


WIDEST = 12  # places on a second axis that become columns


def columns_of(name: str, data: h5py.Dataset, scales: dict[str, h5py.Dataset]) -> dict[str, np.ndarray]:
    if data.ndim == 1:
        return {name: read(data)}
    if data.ndim > 2 or data.shape[1] > WIDEST:
        return {}
    axis = arrays.axes(data)[1]
    places = read(scales[axis]) if axis in scales else np.arange(data.shape[1])
    return {f"{name}[{axis}={place}]": column for place, column in zip(places, read(data).T)}
