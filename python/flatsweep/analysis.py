"""One group of results.h5: its data sets as arrays, its attributes as values, its exponents with their intervals."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any, Iterator

import h5py
import numpy as np

from . import arrays, names, operators, tables
from .results import NotInFile, check_readable, read, text

if TYPE_CHECKING:
    import pandas
    import scipy.sparse.linalg
    import xarray

HIDDEN = (*names.OF_HDF5, names.DESCRIPTIONS)


@dataclasses.dataclass(frozen=True)
class Exponent:
    """A fitted exponent with its 95 % interval, the points that entered and why there is none, if there is none."""

    value: float
    low: float
    high: float
    points: int
    status: str

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        """
        >>> print(Exponent(4.218, 4.154, 4.287, 499, "ok"))
        4.22 (4.15 to 4.29), n = 499
        >>> print(Exponent(math.nan, math.nan, math.nan, 3, "too few points"))
        too few points: 3
        """
        if not math.isfinite(self.value):
            return f"{self.status}: {self.points}"
        interval = f" ({self.low:.2f} to {self.high:.2f})" if math.isfinite(self.low + self.high) else ""
        return f"{self.value:.2f}{interval}, n = {self.points}"


def value_of(attribute: Any) -> Any:
    """Of an attribute: text as str, a single number as int or float, several as an array."""
    if isinstance(attribute, (bytes, str)):
        return text(attribute)
    array = np.asarray(attribute)
    return array.item() if array.size == 1 else array


class Analysis:
    """A group of the file. `analysis["variance"]` or `analysis.variance` is a data set as an array, or an attribute.

    >>> curve = run[0].flatness("fc2")
    >>> curve.variance.shape == curve["variance"].shape == curve.direction.shape
    True
    >>> curve.description("flatness")
    'flatness F_i = right - left along p_i; NaN where a side is not reached'
    >>> sorted(curve.exponents)
    ['psi', 'psi_above', 'psi_below']
    """

    def __init__(self, group: h5py.Group) -> None:
        self.group = group

    # -- what there is

    @property
    def path(self) -> str:
        return str(self.group.name)

    @property
    def arrays(self) -> list[str]:
        """Names of the data sets."""
        return [name for name, node in self.group.items() if isinstance(node, h5py.Dataset)]

    @property
    def attributes(self) -> dict[str, Any]:
        return {name: value_of(value) for name, value in self.group.attrs.items() if name not in HIDDEN}

    @property
    def groups(self) -> list[str]:
        """Names of the groups below, which are analyses, too: `analysis["closure"]`."""
        return [name for name, node in self.group.items() if isinstance(node, h5py.Group)]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.arrays, *self.groups, *self.attributes])

    def __contains__(self, name: str) -> bool:
        return name in self.group or name in self.attributes

    # -- what it is

    def __getitem__(self, name: str) -> Any:
        if name in self.group:
            node = self.group[name]
            return Analysis(node) if isinstance(node, h5py.Group) else read(node)
        if name in self.group.attrs and name not in HIDDEN:
            return value_of(self.group.attrs[name])
        raise NotInFile(f"{self.path} has no {name}; there are {listed(self)}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "group":
            raise AttributeError(name)
        try:
            return self[name]
        except NotInFile as error:
            raise AttributeError(str(error)) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def units(self, name: str) -> str:
        """Of a data set or attribute; "" where the file says none."""
        return self.said.get(name, ("", ""))[0] if name in self.attributes else text(self.lazy(name).attrs.get("units", ""))

    def description(self, name: str) -> str:
        """Of a data set or attribute, in the file's words; "" where there are none.

        >>> run[0].flatness("fc2").description("loss")
        'L_0 = L(w_0), mean loss over the training set'
        """
        return self.said.get(name, ("", ""))[1] if name in self.attributes else text(self.lazy(name).attrs.get("description", ""))

    @property
    def said(self) -> dict[str, tuple[str, str]]:
        """Unit and meaning of the attributes: lines `name (unit): meaning` of the file."""
        lines = text(self.group.attrs.get(names.DESCRIPTIONS, "")).splitlines()
        found = [re.fullmatch(r"(\w+)(?: \((.*?)\))?: (.*)", line) for line in lines]
        return {match[1]: (match[2] or "", match[3]) for match in found if match}

    def lazy(self, name: str) -> h5py.Dataset:
        """A data set that has not been read: slice it to read a part."""
        if name not in self.arrays:
            raise NotInFile(f"{self.path} has no data set {name}; there are {listed(self.arrays)}")
        check_readable(self.group[name])
        return self.group[name]

    # -- exponents

    @property
    def exponents(self) -> dict[str, Exponent]:
        """All fitted exponents of the group: the attributes that come with an interval and a status."""
        given = self.attributes
        return {name: self.exponent(name) for name in given if all(name + end in given for end in names.EXPONENT_ENDS)}

    def exponent(self, name: str = "psi") -> Exponent:
        given = self.attributes
        if name not in given or name + "_status" not in given:
            raise NotInFile(f"{self.path} has no exponent {name}; there are {listed(self.exponents)}")
        return Exponent(given[name], *(given[name + end] for end in names.EXPONENT_ENDS))

    # -- as other libraries have it

    def table(self) -> pandas.DataFrame:
        """The data sets along the group's main axis, say one row a direction, as columns."""
        return tables.frame(self.group)

    def dataset(self) -> xarray.Dataset:
        """All data sets with their axes, units and descriptions; they are read when their values are asked for."""
        return arrays.dataset(self.group)

    @property
    def matrices(self) -> list[str]:
        """The matrices of which there are eigenvalues."""
        return operators.matrices(self.group)

    def eigenvalues(self, matrix: str | None = None) -> np.ndarray:
        """Of a matrix, as they are stored; `matrix` may be left out where there is one only."""
        return operators.eigenvalues(self.group, matrix)

    def operator(self, matrix: str | None = None) -> scipy.sparse.linalg.LinearOperator:
        """The matrix itself, or as far as its stored eigenpairs have it, for scipy.sparse.linalg.

        Raises NotInFile where the file has neither the matrix nor its eigenvectors.
        """
        return operators.operator(self.group, matrix)

    def __repr__(self) -> str:
        lines = [f"<{self.path}>"]
        for name in self.arrays:
            data = self.group[name]
            unit = self.units(name)
            lines.append(f"  {name} {tuple(data.shape)}{f' [{unit}]' if unit not in ('', '1') else ''}  {self.description(name)}")
        lines += [f"  {name}/" for name in self.groups]
        lines += [f"  {name} = {exponent}" for name, exponent in self.exponents.items()]
        ends = {name + end for name in self.exponents for end in ("", *names.EXPONENT_ENDS)}
        lines += [f"  {name} = {value}" for name, value in self.attributes.items() if name not in ends]
        return "\n".join(line.rstrip() for line in lines)


def listed(found: Any) -> str:
    return ", ".join(map(str, found)) or "none"
