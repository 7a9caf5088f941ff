"""Figures as methods: `run.plot.fig1a()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import matplotlib
import matplotlib.pyplot as plt

from ..results import Results
from . import captions, phase
from .registry import FIGURES, drawn
from .subject import open_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Plots:
    """Every figure of docs/figures.md by its name, and heat maps over the grid.

    A figure takes `replica` (its row of the grid; by default the first that finished) and `layer` (by default fc2, or else
    the first that was analysed), and raises NotInFile where the file does not hold what it shows.

    >>> run.plot.figS02().savefig("/dev/null", format="png")
    """

    def __init__(self, results: Results, replica: int | None = None) -> None:
        self.results, self.replica = results, replica

    @property
    def names(self) -> list[str]:
        """Of all figures; `help(run.plot.fig1a)` says what one shows."""
        return list(FIGURES)

    def __getattr__(self, name: str) -> Callable[..., Figure]:
        if name.startswith("_") or name in ("results", "replica"):
            raise AttributeError(name)
        if name not in FIGURES:
            raise AttributeError(f"there is no figure {name}; there are {', '.join(FIGURES)}, and phase")

        def draw(replica: int | None = None, layer: str | None = None) -> Figure:
            subject = open_subject(self.results, self.replica if replica is None else replica, layer)
            return shown_once(drawn(FIGURES[name], subject))

        draw.__name__, draw.__doc__ = name, captions.full(FIGURES[name])
        return draw

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *FIGURES]

    def phase(self, x: str, y: str, quantity: str, *, layer: str | None = None, where: dict[str, Any] | None = None,
              log: bool = False) -> Figure:
        """A heat map of `quantity` over two axes of the grid, the mean over seeds in every cell.

        `quantity`: a column of Run.grid, of `layer`. `where`: values of the other axes in which replicas differ, as
        {"width": 50}. `log`: colours by the logarithm.

        Raises ValueError where an axis has no such column, or where another axis has to be fixed by `where`.
        """
        from ..runs import Run
        table = phase.selected(Run(self.results).grid_of(layer), Run(self.results).axes, (x, y), quantity, where or {})
        return shown_once(phase.draw(table, x, y, quantity, log))


def shown_once(figure: Figure) -> Figure:
    """A notebook shows the figure that a cell returns, and at the cell's end all that pyplot has open: once is enough."""
    if "inline" in matplotlib.get_backend():
        plt.close(figure)
    return figure
