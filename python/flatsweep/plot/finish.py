"""What every printed figure gets once it is drawn: letters of its panels, and labels on every axis."""

import string

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

MANTISSAS = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), tuple(np.arange(1, 10, 0.2)), tuple(np.arange(1, 10, 0.02)))


def finish(figure):
    panels = panels_of(figure)
    for axes in panels:
        for axis in (axes.xaxis, axes.yaxis):
            label_enough(axis)
    if len(panels) > 1:
        for axes, letter in zip(panels, string.ascii_uppercase):
            axes.annotate(letter, (0, 1), xytext=(-4, 2), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom",
                          fontsize=9, fontweight="bold", annotation_clip=False)
    return figure


def panels_of(figure):
    return [axes for axes in figure.axes if axes.get_visible() and axes.axison and axes.get_label() != "<colorbar>"]


def label_enough(axis):
    """A logarithmic axis of less than two decades has fewer than two labels by itself; it gets some between the decades."""
    if axis.get_scale() != "log" or not isinstance(axis.get_major_locator(), LogLocator):
        return
    axes = axis.axes
    low, high = sorted(axes.get_xlim() if axis is axes.xaxis else axes.get_ylim())
    decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    if not 0 < low < high or len(decades) >= 2:
        return
    first, last = np.floor(np.log10([low, high])).astype(int)
    for mantissas in MANTISSAS:
        ticks = [factor * 10.0**decade for decade in range(first, last + 1) for factor in mantissas]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 2:
            ticks = ticks[:: -(-len(ticks) // 5)]
            axis.set_major_locator(FixedLocator(ticks))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
            axis.set_minor_formatter(NullFormatter())
            return
