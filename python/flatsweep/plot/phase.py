"""Phase diagrams: quantities over two axes of the grid, as heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import names
from ..results import NotInFile, Results
from . import style

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .subject import Subject

SYMBOLS = {"batch_size": "$B$", "learning_rate": r"$\alpha$", "width": "$H$", "psi": r"$\psi$", "test_error": "test error",
           "learning_dimension": "$D_l$", "solution_alignment": r"$|p_1 \cdot w_0|\,/\,|w_0|$", "temperature": r"$\alpha/B$"}


def selected(grid: pandas.DataFrame, axes: list[str], shown: tuple[str, str], quantity: str, where: dict[str, Any]) -> pandas.DataFrame:
    """Finished and unsolved rows that agree with `where`; nothing but the shown axes and seeds may differ between them."""
    for name in (*shown, quantity, *where):
        if name not in grid:
            raise ValueError(f"the grid has no column {name}; it has {', '.join(grid)}")
    rows = grid[grid[names.STATUS].isin((names.DONE, names.UNSOLVED))]
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
    """Cells without a number stay empty; in each stands its mean over seeds. Hatched: replicas without a solution."""
    from matplotlib.colors import LogNorm, Normalize

    unsolved = (rows[names.STATUS] == names.UNSOLVED).to_numpy()
    found = Cells(rows[x].to_numpy(), rows[y].to_numpy(), rows[quantity].to_numpy(float), unsolved)
    if not found.seeds.any():
        raise ValueError(f"no finished replica has a {quantity}")
    with style.applied():
        figure, axes = style.axes(height=1.2 + 0.35 * len(found.ticks_y), width=max(style.COLUMN, 1.6 + 0.55 * len(found.ticks_x)))
        cells = found.draw(axes, x, y, LogNorm() if log else Normalize())
        figure.colorbar(cells, ax=axes, label=word(quantity))
        axes.set_title(f"{word(quantity)}, {seeds_text(found.seeds[found.seeds > 0])}" + ("; hatched: unsolved" if unsolved.any() else ""))
    return figure


class Cells:
    """Means of a quantity over the replicas of each cell, and how many of them are unsolved. `x`, `y`, `values`, `unsolved`: of replicas."""

    def __init__(self, x: np.ndarray, y: np.ndarray, values: np.ndarray, unsolved: np.ndarray) -> None:
        self.ticks_x, across = np.unique(x, return_inverse=True)
        self.ticks_y, down = np.unique(y, return_inverse=True)
        shape = (len(self.ticks_y), len(self.ticks_x))
        known = np.isfinite(values) & ~unsolved
        sums = np.zeros(shape)
        self.seeds, self.unsolved = np.zeros(shape, int), np.zeros(shape, int)
        np.add.at(sums, (down[known], across[known]), values[known])
        np.add.at(self.seeds, (down[known], across[known]), 1)
        np.add.at(self.unsolved, (down[unsolved], across[unsolved]), 1)
        self.means = np.divide(sums, self.seeds, out=np.full(shape, np.nan), where=self.seeds > 0)

    def draw(self, axes: Axes, x: str, y: str, norm: Any) -> Any:
        """The mesh, for a bar of colours."""
        cells = axes.pcolormesh(np.ma.masked_invalid(self.means), cmap="viridis", edgecolors="white", linewidth=0.5, norm=norm)
        hatch(axes, self.unsolved > 0)
        label_cells(axes, self.means, cells.norm)
        axes.set(xlabel=word(x), ylabel=word(y), xticks=np.arange(len(self.ticks_x)) + 0.5, yticks=np.arange(len(self.ticks_y)) + 0.5,
                 xticklabels=[f"{tick}" for tick in self.ticks_x], yticklabels=[f"{tick}" for tick in self.ticks_y])
        return cells


def hatch(axes: Axes, cells: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(cells):
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch="////", edgecolor="0.45", linewidth=0, label="unsolved"))


PANELS = ("psi", "test_error", "learning_dimension", "solution_alignment")
MOST_MAPS = 6  # rows of panels


def fig_phase(subject: Subject) -> Figure:
    """psi, test error, D_l and how much p_1 points along w_0, over two axes of the grid, mean over the seeds of each cell[; a row|; a row
    of panels for every value of the other axes]. [hatched|Hatched: replicas without a solution, which are not analysed.]
    """
    from matplotlib.colors import Normalize

    results = subject.results
    open_axes = [name for name in results.axes if name not in names.NOT_OF_A_POINT and len(set(results.grid[name].tolist())) > 1]
    if len(open_axes) < 2:
        raise NotInFile("fewer than two axes of the grid have several values")
    x, y, *others = sorted(open_axes, key=lambda name: PREFERRED.index(name) if name in PREFERRED else len(PREFERRED))
    status = results.grid[names.STATUS]
    rows = np.flatnonzero((status == names.DONE) | (status == names.UNSOLVED))
    places = [tuple(results.grid[name][row] for name in others) for row in rows]
    maps = list(dict.fromkeys(places))[:MOST_MAPS]
    table = {quantity: np.array([measured(subject, row, quantity) for row in rows]) for quantity in PANELS}
    table["test_error"] *= 100
    shown = [quantity for quantity in PANELS if np.isfinite(table[quantity]).any()]
    figure, panels = style.axes(height=0.6 + (0.6 + 0.25 * len(set(results.grid[y].tolist()))) * len(maps), width=style.PAGE,
                                nrows=len(maps), ncols=len(shown), squeeze=False, sharex=True, sharey=True)
    for column, quantity in enumerate(shown):
        panels[0][column].set_title(word(quantity) + (" (%)" if quantity == "test_error" else ""))
        found = [cells_at(results, x, y, rows[here], table[quantity][here])
                 for here in (np.array([other == place for other in places]) for place in maps)]
        means = np.concatenate([cells.means.ravel() for cells in found])
        norm = Normalize(np.nanmin(means), np.nanmax(means))  # one for all panels of a quantity
        for line, cells in zip(panels, found):
            cells.draw(line[column], x, y, norm)
    for line, place in zip(panels, maps):
        of = ", ".join(f"{word(name)} = {value}" for name, value in zip(others, place))
        line[0].set_ylabel("\n".join(filter(None, (of, word(y)))))
        for axes in line:
            axes.label_outer()
    hatched = "; hatched: unsolved" if np.any(status == names.UNSOLVED) else ""
    several = "; a row for every value of the other axes" if len(maps) > 1 else ""
    figure.suptitle(subject.common(subject.layer_of("pca")) + hatched + several, fontsize=8)
    return figure


def cells_at(results: Results, x: str, y: str, rows: np.ndarray, values: np.ndarray) -> Cells:
    return Cells(results.grid[x][rows], results.grid[y][rows], values, results.grid[names.STATUS][rows] == names.UNSOLVED)


PREFERRED = ("temperature", "learning_rate", "batch_size", "width")  # across, then down


def measured(subject: Subject, replica: int, quantity: str) -> float:
    """Of one replica; NaN where it has none."""
    group = subject.results.file.get(names.replica_path(replica), {})
    if quantity == "test_error":
        curve = group.get(f"{names.CURVES}/{quantity}", ())
        return float(curve[-1]) if len(curve) else np.nan
    analysis = next(name for name, found in names.QUANTITIES.items() if quantity in found)
    layers = group.get(analysis, {})
    layer = subject.layer_of(analysis)
    return float(layers[layer].attrs.get(quantity, np.nan)) if layer in layers else np.nan


def word(name: str) -> str:
    return SYMBOLS.get(name, name.replace("_", " "))


def seeds_text(seeds: np.ndarray) -> str:
    low, high = seeds.min(), seeds.max()
    if high == 1:
        return "one seed a cell"
    return f"mean over {low if low == high else f'{low} to {high}'} seeds"


def label_cells(axes: Axes, values: np.ndarray, norm: Any) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(value) < 0.6
            axes.text(column + 0.5, row + 0.5, f"{value:.3g}", ha="center", va="center", fontsize=6, color="white" if dark else "black")
