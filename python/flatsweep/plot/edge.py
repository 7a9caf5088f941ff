"""Where training comes to stand against 2/alpha, over batch sizes and learning rates."""

import numpy as np

from .. import names
from . import style
from ..results import NotInFile

GROUP = "curvature_at_epochs"
RATES = ("learning_rate", "temperature")  # either may be the axis
CURVES = (("batch_sharpness", "-", "batch sharpness"), ("leading_eigenvalue", "--", r"$\lambda_{max}$"))


def fig_edge(subject):
    """Batch sharpness (solid) and largest eigenvalue of the Hessian (dashed) over 2/alpha against the epoch, a panel for each learning
    rate, a colour for each batch size; geometric means over seeds, and their range.
    """
    points = grid_points(subject, GROUP)
    rates = sorted({rate for rate, _ in points})
    figure, panels = style.axes(height=2.7, width=1.2 + 1.9 * len(rates), ncols=len(rates), sharey=True, squeeze=False)
    sizes = sorted({size for _, size in points})
    for axes, rate in zip(panels[0], rates):
        for index, size in enumerate(sizes):
            draw_point(axes, subject.results, points.get((rate, size), []), size, style.colour(index))
        axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle=":")
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
        axes.set(yscale="log", xlabel="epoch", title=rf"$\alpha$ = {rate:g}")
        style.sparse_minor_ticks(axes.yaxis)
    panels[0][0].set_ylabel(r"over $2/\alpha$")
    for _, stroke, words in CURVES:
        panels[0][-1].plot([], [], stroke, color=style.GREY, label=words)
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(subject.common() + ", all layers", fontsize=8)
    return figure


def grid_points(subject, group):
    """{(alpha, B): replicas with this group that differ from the subject in these and the seed alone}, two points or more."""
    grid, points = subject.results.grid, {}
    for replica in subject.results.alike(subject.replica, but=("batch_size", *RATES, *names.NOT_OF_A_POINT)):
        if f"{names.replica_path(replica)}/{group}" in subject.results.file:
            points.setdefault((grid["learning_rate"][replica], grid["batch_size"][replica]), []).append(replica)
    if len(points) < 2:
        raise NotInFile(f"fewer than two batch sizes or learning rates have the group {group}")
    return points


def draw_point(axes, results, replicas, size, colour):
    groups = [results.group(f"{names.replica_path(replica)}/{GROUP}") for replica in replicas]
    for name, stroke, words in CURVES if groups else ():
        values = np.array([group.array(name) * group.array("learning_rate") / 2 for group in groups])
        with np.errstate(invalid="ignore"):
            values[~(values > 0)] = np.nan
        epoch = groups[0].array("epoch")
        label = f"$B$ = {size}" if stroke == CURVES[0][1] else None
        axes.plot(epoch, np.exp(np.nanmean(np.log(values), axis=0)), stroke, color=colour, label=label)
        if len(values) > 1:
            axes.fill_between(epoch, np.nanmin(values, axis=0), np.nanmax(values, axis=0), color=colour, alpha=0.15, linewidth=0)
