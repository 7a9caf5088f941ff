"""Groups of results.h5 as xarray data sets: axes from HDF5's dimension scales, values read when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py

from . import names
from .results import NotInFile, check_readable, decoded, text

if TYPE_CHECKING:
    import xarray

NOT_ATTRIBUTES = (*names.OF_HDF5, names.DESCRIPTIONS, "flag_values", "flag_masks", "flag_meanings", "flag_texts")


def axes(data: h5py.Dataset) -> tuple[str, ...]:
    """Names of a data set's axes: of their scales, else their labels, else by their place."""
    if h5py.h5ds.is_scale(data.id):
        return (own_name(data),)
    return tuple(axis_name(data, place) for place in range(data.ndim))


def axis_name(data: h5py.Dataset, place: int) -> str:
    dimension = data.dims[place]
    if len(dimension):
        return own_name(dimension[0])
    return str(dimension.label) or f"{own_name(data)}_{place}"


def own_name(data: h5py.Dataset) -> str:
    return str(data.name).rpartition("/")[2]


def attributes(node: Any) -> dict[str, Any]:
    return {name: text(value) if isinstance(value, (bytes, str)) else value
            for name, value in node.attrs.items() if name not in NOT_ATTRIBUTES}


def dataset(group: h5py.Group) -> xarray.Dataset:
    """All data sets of a group; scales are its coordinates."""
    import xarray

    found = {name: data for name, data in group.items() if isinstance(data, h5py.Dataset)}
    variables = {name: variable(data) for name, data in found.items()}
    scales = [name for name, data in found.items() if h5py.h5ds.is_scale(data.id)]
    return xarray.Dataset({name: value for name, value in variables.items() if name not in scales},
                          coords={name: variables[name] for name in scales}, attrs=attributes(group))


def variable(data: h5py.Dataset) -> xarray.Variable:
    """Scales and texts are read at once: they are small, and xarray indexes by them."""
    import xarray
    from xarray.core import indexing

    check_readable(data)
    if h5py.h5ds.is_scale(data.id) or data.dtype.kind in "SO" or "flag_meanings" in data.attrs:
        return xarray.Variable(axes(data), decoded(data[()], data.attrs), attributes(data))
    return xarray.Variable(axes(data), indexing.LazilyIndexedArray(stored(data)), attributes(data))


def stored(data: h5py.Dataset) -> Any:
    """The array as xarray reads from it, a slice at a time."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Stored(BackendArray):
        shape, dtype = data.shape, data.dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, data.__getitem__)

    return Stored()


def tree(file: h5py.File) -> Any:
    """Every group of the file as a node of xarray's DataTree."""
    import xarray

    if not hasattr(xarray, "DataTree"):
        raise NotInFile("this xarray has no DataTree, which came with 2024.10; one group at a time is run.dataset(path)")
    nodes = {"/": dataset(file)}
    file.visititems(lambda name, node: nodes.update({name: dataset(node)}) if isinstance(node, h5py.Group) else None)
    return xarray.DataTree.from_dict(nodes)
