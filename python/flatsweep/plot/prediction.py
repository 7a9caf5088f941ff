"""What goes with the test error over the grid."""

import numpy as np

from ..results import NotInFile
from . import style

TARGETS = (("test_error", "test error"), ("loss_gap", "test loss - training loss"))


def fig_prediction(subject):
    """Kendall's tau over grid points between the test error (left) or the gap between test and training loss (right) and measures of
    each replica: mean over seeds with its 95 % interval, red beyond chance[one shape|; circles: all grid points are compared,
    diamonds: only networks of one shape]. Grey: 95 % of the taus of shuffled grid points.
    """
    layer = subject.layer_of("pca")
    table = subject.results.group(f"summary/prediction/{layer}")
    measures = [str(name) for name in table.array("measure")]
    shown = [(target, words) for target, words in TARGETS if np.isfinite(table.array(f"{target}_tau")).any()]
    if not shown:
        raise NotInFile("no measure varies over the grid together with the test error")
    figure, panels = style.axes(height=0.9 + 0.3 * len(measures), width=style.PAGE, ncols=len(shown), squeeze=False, sharey=True)
    several = shapes_differ(table.array("test_error_tau"), table.array("test_error_of_shape_tau"))
    for axes, (target, words) in zip(panels[0], shown):
        axes.axvline(0.0, color=style.GREY, linewidth=0.6)
        draw(axes, table, target, "o", -0.18 if several else 0.0)
        if several:
            draw(axes, table, f"{target}_of_shape", "D", 0.18)
        axes.set(xlim=(-1.05, 1.05), xlabel=rf"Kendall's $\tau$ with {words}")
    panels[0][0].set(yticks=range(len(measures)), yticklabels=[name.replace("_", " ") for name in measures],
                     ylim=(len(measures) - 0.5, -0.5))
    replicas = int(max(table.array("test_error_replicas").max(initial=0), 0))
    figure.suptitle(f"{subject.common(layer)}; {replicas} networks{'; diamonds: of one shape' if several else ''}", fontsize=8)
    return figure


def shapes_differ(tau, of_shape):
    """Whether the grid has networks of several shapes: the taus between those of one shape are others then."""
    return not np.array_equal(tau, of_shape, equal_nan=True)


def draw(axes, table, target, marker, shift):
    """One target's taus. @shift of their places from the measures' lines"""
    tau, low, high, null_low, null_high = (table.array(f"{target}_{name}") for name in ("tau", "tau_low", "tau_high", "null_low", "null_high"))
    for row in np.flatnonzero(np.isfinite(tau)):
        axes.barh(row + shift, null_high[row] - null_low[row], left=null_low[row], height=0.32, color="0.88", zorder=0)
        reach = [[tau[row] - low[row]], [high[row] - tau[row]]] if np.isfinite(low[row] + high[row]) else None
        beyond = not null_low[row] <= tau[row] <= null_high[row]
        axes.errorbar(tau[row], row + shift, xerr=reach, fmt=marker, color=style.RED if beyond else style.BLUE, capsize=2)
