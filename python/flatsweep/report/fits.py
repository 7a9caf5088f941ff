"""Exponents and measured numbers of a grid point, with the flags that say how far each carries."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass
class Fit:
    """A fitted exponent: its 95 % interval, where it is from, and why there is none, if there is none."""

    value: float
    low: float
    high: float
    points: int = 0
    status: str = ""
    interval: str = ""

    @property
    def known(self):
        return math.isfinite(self.value)

    @property
    def bounded(self):
        return self.known and math.isfinite(self.low + self.high)

    @property
    def text(self):
        return f"{self.value:.2f}" + (f" ({self.low:.2f}–{self.high:.2f})" if self.bounded else "")

    def reaches(self, other):
        """Is this as large as `other`, as far as the intervals tell?"""
        return (self.high if self.bounded else self.value) >= (other.low if other.bounded else other.value)

    def below(self, other):
        """Does its whole interval lie below that of `other`?"""
        return self.bounded and other.bounded and self.high < other.low


def cell(columns, name, row, missing=math.nan):
    """A number or a text of a table of columns."""
    if name not in columns:
        return missing
    value = columns[name][row]
    return str(value) if isinstance(value, (str, np.str_)) else float(value)


def fit(columns, name, row):
    """The exponent `name` of one row of a table of /summary; of files that have less, what they have."""
    points = cell(columns, f"{name}_points", row, 0.0)
    return Fit(*(cell(columns, name + end, row) for end in ("", "_low", "_high")), int(points) if math.isfinite(points) else 0,
               str(cell(columns, f"{name}_status", row, "")), str(cell(columns, f"{name}_interval", row, "")))


def mean(values):
    """Of those that are numbers."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
