"""What the window's PCA is compared with: window length, sampling, held-out variance."""

import numpy as np

from .. import names
from . import style
from ..results import NotInFile


def fig_window_scan(subject):
    """Learning dimension, total variance and psi against the window's length, with nulls."""
    nulls = subject.analysis("nulls")
    length = nulls.array("scan_length")
    figure, panels = style.axes(height=2.9, width=style.PAGE, ncols=3, sharex=True)
    draw_dimensions(panels[0], nulls, length)
    draw_total(panels[1], nulls, length)
    draw_psi(panels[2], nulls, length)
    for axes in panels:
        axes.set_xlabel("window length (iterations)")
        axes.set_xticks(length, [str(value) for value in length])
        axes.minorticks_off()
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=6)  # the curves may lie anywhere
    figure.suptitle(subject.label("nulls"), fontsize=8)
    return figure


def draw_dimensions(axes, nulls, length):
    for suffix, colour, name in (("", style.BLUE, "all"), ("_without_first", style.RED, r"without $i = 1$")):
        measured = nulls.array(f"scan_learning_dimension{suffix}")
        axes.loglog(length, measured, "o-", color=colour, label=name)
        null = nulls.array("scan_learning_dimension_null" + suffix)
        axes.loglog(length, null, "--", color=colour, linewidth=0.8)
    axes.plot([], [], "--", color=style.GREY, linewidth=0.8, label="random walk")
    axes.set(ylabel="learning dimension (99.9 %)")


def draw_total(axes, nulls, length):
    total = nulls.array("scan_total_variance")
    axes.loglog(length, total, "o-", color=style.BLUE, label="all")
    axes.loglog(length, total * (1 - nulls.array("scan_leading_fraction")[:, 0]), "o-", color=style.RED,
                label=r"without $i = 1$")
    share = length / length[-1]
    for power, name in ((0, "stationary"), (1, r"walk, $T$"), (2, r"drift, $T^2$")):
        axes.loglog(length, total[-1] * share**power, color=style.GREY, linewidth=0.7, linestyle=("-", "--", ":")[power],
                    label=name)
    axes.set(ylabel="total variance")


def draw_psi(axes, nulls, length):
    psi = nulls.array("scan_psi")
    if not np.isfinite(psi).any():
        raise NotInFile(f"{nulls.group.name} has no psi for any window length")
    span = np.abs(np.array([nulls.array("scan_psi_low"), nulls.array("scan_psi_high")]) - psi)
    axes.errorbar(length, psi, yerr=span, fmt="o-", color=style.BLUE, capsize=2, label=r"along $p_i$ of the whole window")
    for name, colour, words in (("walk_psi", style.GREEN, "noise walk, own directions"),
                                ("held_out_psi", style.PURPLE, "first half along directions of the last")):
        if np.isfinite(nulls.number(name)):
            axes.axhline(nulls.number(name), color=colour, linewidth=0.9, linestyle="--", label=words)
    axes.set_xscale("log")
    axes.set(ylabel=r"$\psi$", ylim=(0, None))


def fig_held_out(subject):
    """Variance against flatness: [SGD, own|SGD][noise walk|, the noise walk along its own directions][first half|, one half of
    the window along directions of the other].
    """
    nulls = subject.analysis("nulls")
    sets = [entry for entry in relations(subject, nulls) if entry]
    if len(sets) < 2:
        raise NotInFile(f"{nulls.group.name} has neither walk_flatness nor held_out_variance")
    figure, axes = style.axes(height=3.4)
    looks = ((style.BLUE, "o"), (style.GREEN, "^"), (style.ORANGE, "s"), (style.PURPLE, "X"))
    for (width, variance, label), (colour, mark) in zip(sets, looks):
        known = np.isfinite(width) & (variance > 0)
        axes.loglog(width[known], variance[known], mark, color=colour, markersize=2.2, alpha=0.5, markeredgewidth=0,
                    rasterized=True, label=label)
    axes.set(xlabel=r"flatness $F$", ylabel=r"variance")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), markerscale=3)
    figure.suptitle(subject.label("nulls"), fontsize=8)
    return figure


def relations(subject, nulls):
    """(F, variance, words) of what the file has; mode 1 is left out, as in the fit."""
    if subject.results.layers(subject.replica, "flatness"):
        flatness = subject.analysis("flatness")
        rest = flatness.array("direction") > 0
        label = rf"SGD, own $p_i$: $\psi$ = {flatness.number('psi'):.2f}"
        yield flatness.array("flatness")[rest], flatness.array("variance")[rest], label
    if "walk_flatness" in nulls:
        rest = nulls.array("walk_direction") > 0
        label = rf"noise walk, its own directions: $\psi$ = {nulls.number('walk_psi'):.2f}"
        yield nulls.array("walk_flatness")[rest], nulls.array("walk_own_variance")[rest], label
    if "held_out_variance" in nulls:
        rest = nulls.array("half_direction") > 0
        width = nulls.array("half_flatness")[rest]
        label = rf"SGD, last half, own $p_i$: $\psi$ = {nulls.number('half_psi'):.2f}"
        yield width, nulls.array("half_variance")[rest], label
        label = rf"SGD, first half along those: $\psi$ = {nulls.number('held_out_psi'):.2f}"
        yield width, nulls.array("held_out_variance")[rest], label


def fig_sampling(subject):
    """Variance, noise walks and predictions against p_i^T H p_i, a panel for each sampling[lambda_x|; dotted: lambda_x]."""
    replicas = by_sampling(subject)
    if len(replicas) < 2:
        raise NotInFile("the grid has fewer than two samplings with nulls")
    figure, panels = style.axes(height=2.6, width=1.2 + 1.7 * len(replicas), ncols=len(replicas),
                                sharex=True, sharey=True, squeeze=False)
    for axes, (sampling, replica) in zip(panels[0], replicas.items()):
        draw_sampling(axes, subject, replica)
        axes.set(title=sampling, xlabel=r"$p_i^T H p_i$")
    panels[0][0].set_ylabel("variance")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(subject.label("nulls"), fontsize=8)
    return figure


def by_sampling(subject):
    """{sampling: first finished replica with nulls} among those that differ from the subject in sampling and seed."""
    grid = subject.results.grid
    layer = subject.layer_of("nulls")
    replicas = {}
    if "sampling" not in grid:
        return replicas
    for replica in subject.results.alike(subject.replica, but=("sampling", *names.NOT_OF_A_POINT)):
        nulls = subject.results.layers(replica, "nulls")
        if layer in nulls and layer in subject.results.layers(replica, "flatness"):
            replicas.setdefault(str(grid["sampling"][replica]), replica)
    return replicas


def draw_sampling(axes, subject, replica):
    """sigma_i^2, the walk's variance along p_i, both predictions and the crossover, against p_i^T H p_i."""
    nulls, flatness = subject.analysis("nulls", replica), subject.analysis("flatness", replica)
    curvature, variance = flatness.array("loss_curvature"), flatness.array("variance")
    shown = (curvature > 0) & (variance > 0)
    shown[flatness.array("direction") == 0] = False  # the drift
    axes.loglog(curvature[shown], variance[shown], "o", color=style.BLUE, markersize=1.8, alpha=0.5, markeredgewidth=0,
                rasterized=True, label=r"$\sigma_i^2$")
    row = {number: row for row, number in enumerate(flatness.array("direction"))}
    beside = np.array([row.get(number, 0) for number in nulls.array("direction")])  # nulls may have fewer directions
    curvature, shown = curvature[beside], shown[beside]
    if "walk_variance" in nulls:
        for name, colour, mark, words in (("walk_variance", style.GREEN, "^", "noise walk"),
                                          ("fresh_walk_variance", style.PURPLE, "X", "the same, other minibatches")):
            axes.loglog(curvature[shown], nulls.array(name)[shown], mark, color=colour, markersize=2.2, alpha=0.5,
                        markeredgewidth=0, rasterized=True, label=words)
        for name, colour, stroke, words in (("flat_variance", style.ORANGE, "--", "flat limit"),
                                            ("predicted_variance", style.RED, "-", "with curvature")):
            x, y = octave_means(curvature[shown], nulls.array(name)[shown])
            axes.loglog(x, y, stroke, color=colour, label=words)
    crossover = flatness.number("crossover_curvature")
    if np.isfinite(crossover):
        axes.axvline(crossover, color=style.GREY, linewidth=0.8, linestyle=":", label=r"$\lambda_x$")


def octave_means(x, y):
    """Geometric means over octaves of x."""
    known = (x > 0) & (y > 0)
    x, y = x[known], y[known]
    octave = np.floor(np.log2(x)).astype(int)
    mean = [[np.exp(np.log(values[octave == k]).mean()) for k in np.unique(octave)] for values in (x, y)]
    return np.array(mean[0]), np.array(mean[1])
