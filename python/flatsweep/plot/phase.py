"""A quantity over two axes of the grid, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import names
from . import style

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SYMBOLS = {"batch_size": "$B$", "learning_rate": r"$\alpha$", "width": "$H$", "psi": r"$\psi$", "test_error": "test error",
           "learning_dimension": "$D_l$"}


def selected(grid: pandas.DataFrame, axes: list[str], shown: tuple[str, str], quantity: str, where: dict[str, Any]) -> pandas.DataFrame:
    """Finished rows that agree with `where`; nothing but the shown axes and seeds may differ between them."""
    for name in (*shown, quantity, *where):
        if name not in grid:
            raise ValueError(f"the grid has no column {name}; it has {', '.join(grid)}")
    rows = grid[grid[names.STATUS] == names.DONE]
    for name, value in where.items():
        if not (rows[name] == value).any():
            raise ValueError(f"no finished replica has {name} = {value}; there are {known(rows[name])}")
        rows = rows[rows[name] == value]
    open_axes = [name for name in axes if name in rows and name not in (*shown, *names.NOT_OF_A_POINT) and rows[name].nunique() > 1]
    if open_axes:
        example = ", ".join(f'"{name}": {rows[name].iloc[0]!r}' for name in open_axes)
        raise ValueError(f"replicas differ in {' and '.join(open_axes)}, too; choose with where={{{example}}}")
    alone = [name for name in axes if name in rows and name not in names.ASSUMED]
    return rows.drop_duplicates(alone) if alone else rows  # replicas that differ in the assumed exponent share their numbers


def known(column: pandas.Series) -> str:
    return ", ".join(map(str, column.unique()))


def draw(rows: pandas.DataFrame, x: str, y: str, quantity: str, log: bool) -> Figure:
    """Cells without a number stay empty; in each stands its mean over seeds."""
    from matplotlib.colors import LogNorm, Normalize

    values = rows.pivot_table(index=y, columns=x, values=quantity, aggfunc="mean", dropna=False)
    seeds = rows.dropna(subset=[quantity]).groupby([y, x])[quantity].count()
    if not len(seeds):
        raise ValueError(f"no finished replica has a {quantity}")
    with style.applied():
        height = 1.2 + 0.35 * len(values)
        figure, axes = style.axes(height=height, width=max(style.COLUMN, 1.6 + 0.55 * values.shape[1]))
        cells = axes.pcolormesh(np.ma.masked_invalid(values.to_numpy(float)), cmap="viridis", edgecolors="white", linewidth=0.5,
                                norm=LogNorm() if log else Normalize())
        figure.colorbar(cells, ax=axes, label=word(quantity))
        label_cells(axes, values, cells.norm)
        axes.set(xlabel=word(x), ylabel=word(y), xticks=np.arange(values.shape[1]) + 0.5, yticks=np.arange(len(values)) + 0.5,
                 xticklabels=[f"{tick}" for tick in values.columns], yticklabels=[f"{tick}" for tick in values.index])
        axes.set_title(f"{word(quantity)}, {seeds_text(seeds)}")
    return figure


def word(name: str) -> str:
    return SYMBOLS.get(name, name.replace("_", " "))


def seeds_text(seeds: pandas.Series) -> str:
    low, high = seeds.min(), seeds.max()
    if high == 1:
        return "one seed a cell"
    return f"mean over {low if low == high else f'{low} to {high}'} seeds"


def label_cells(axes: Axes, values: pandas.DataFrame, norm: Any) -> None:
    for (row, column), value in np.ndenumerate(values.to_numpy(float)):
        if np.isfinite(value):
            dark = norm(value) < 0.6
            axes.text(column + 0.5, row + 0.5, f"{value:.3g}", ha="center", va="center", fontsize=6, color="white" if dark else "black")
