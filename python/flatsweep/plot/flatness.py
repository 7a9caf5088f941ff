"""Figures 2 and S9: the loss along principal directions, and variance against flatness."""

import dataclasses

import numpy as np

from . import style
from ..profiles import whole_profiles
from ..results import NotInFile

PROFILED = (2, 10, 50, 200, 1000)  # directions as the paper counts them, from 1


def fig2_profiles(subject):
    """ln L_i along five of the directions with the points of a curve, the level ln L_0 + 1 and the two crossings whose distance is F_i."""
    flatness = subject.analysis("flatness")
    theta, log_loss = flatness.array("profile_theta"), flatness.array("profile_log_loss")
    base = np.log(flatness.number("loss"))
    whole = whole_profiles(theta)
    rows = [int(whole[row]) for row in profiled_rows(flatness.array("direction")[whole])]
    if not rows:
        raise NotInFile(f"{flatness.group.name} holds no direction")
    figure, panels = style.axes(height=1.9, width=style.PAGE, ncols=len(rows), sharey=True, squeeze=False)
    for axes, row in zip(panels[0], rows):
        draw_profile(axes, theta[row], log_loss[row])
        sides = np.array([flatness.array(side)[row] for side in ("left", "right")])
        draw_crossings(axes, sides, base + 1)
        axes.set(xlabel=rf"$\theta_{{{flatness.array('direction')[row] + 1}}}$")
    panels[0][0].set(ylabel=r"$\ln L_i$", ylim=(base - 0.3, base + 2.2))
    last = panels[0][-1]
    last.text(1.02, base + 1, r"$\ln L_0 + 1$", color=style.GREY, va="center", transform=last.get_yaxis_transform())
    figure.suptitle(subject.label("flatness"), fontsize=8)
    return figure


def profiled_rows(direction):
    """Rows of the stored directions nearest in rank to the wanted ones, each once."""
    nearest = (int(np.argmin(np.abs(np.log((direction + 1) / wanted)))) for wanted in PROFILED if len(direction))
    return list(dict.fromkeys(nearest))


def draw_profile(axes, theta, log_loss):
    known = np.isfinite(theta) & np.isfinite(log_loss)
    order = np.argsort(theta[known])
    axes.plot(theta[known][order], log_loss[known][order], color=style.BLUE, marker=".", markersize=3, linewidth=0.9)


def draw_crossings(axes, sides, level):
    """The level, the crossings on it and the width between them; the view ends a little beyond them."""
    axes.axhline(level, color=style.GREY, linestyle="--", linewidth=0.8)
    found = sides[np.isfinite(sides)]
    axes.plot(found, np.full(len(found), level), "o", color=style.RED, markersize=4, zorder=3)
    if len(found):
        reach = 1.5 * np.abs(found).max()
        axes.set_xlim(-reach, reach)
    width = f"$F_i$ = {float(f'{sides[1] - sides[0]:.3g}'):g}" if len(found) == 2 else "unbounded"
    axes.set_title(width)


def measured(subject, replica=None):
    """directions (from 1), F and sigma^2 of the modes where both are known and positive, and sigma^2 is no rounding."""
    flatness = subject.analysis("flatness", replica)
    direction, width = flatness.array("direction"), flatness.array("flatness")
    if "variance" in flatness:
        variance = flatness.array("variance")
    else:
        variance = subject.analysis("pca", replica).array("variance")[direction]
    known = np.isfinite(width) & np.isfinite(variance) & (width > 0) & (variance > 0)
    known &= ~(variance <= flatness.number("rounding_variance"))  # older files do not say
    return direction[known] + 1, width[known], variance[known]


def fig2_variance_flatness(subject):
    """sigma_i^2 against F_i, mode 1 apart, the power law over its fit range with psi and its 95 % interval[crossover|; dotted:
    the crossover sqrt(8 L_0 / lambda_x)].
    """
    figure, axes = style.axes(height=3.4)
    draw_relation(axes, subject)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1))  # the cloud may lie anywhere
    figure.suptitle(subject.label("flatness"), fontsize=8)
    return figure


def figS09(subject):
    """`fig2_variance_flatness` for every fully connected layer analysed, a panel each."""
    layers = subject.layers("flatness", "fc")
    if len(layers) < 2:
        raise NotInFile("flatness was measured for fewer than two fully connected layers")
    return relation_panels(subject, layers)


def figS09d(subject):
    """`fig2_variance_flatness` for every convolution layer analysed, a panel each."""
    layers = subject.layers("flatness", "conv")
    if not layers:
        raise NotInFile("flatness was measured for no convolution layer")
    return relation_panels(subject, layers)


def relation_panels(subject, layers):
    width = max(style.COLUMN, 2.4 * len(layers))
    figure, axes = style.axes(height=3.0, width=width, ncols=len(layers), squeeze=False)
    for panel, layer in zip(axes[0], layers):
        draw_relation(panel, dataclasses.replace(subject, layer=layer))
        panel.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=6, title=layer, title_fontsize=7)
    figure.suptitle(subject.label(), fontsize=8)
    return figure


def draw_relation(axes, subject):
    """Variance against flatness of one layer's modes, the fit and the crossover."""
    flatness = subject.analysis("flatness")
    direction, width, variance = measured(subject)
    if len(direction) < 2:
        raise NotInFile(f"{flatness.group.name} has fewer than two directions with a measured flatness")
    rest = direction > 1
    size = 2.5 if len(direction) > 300 else 5
    axes.loglog(width[rest], variance[rest], ".", color=style.BLUE, markersize=size, alpha=0.5, markeredgewidth=0,
                rasterized=True, label=rf"$i \geq 2$ ({rest.sum()} modes)")
    axes.loglog(width[~rest], variance[~rest], "D", color=style.ORANGE, markersize=4, label=r"$i = 1$")
    fitted = (direction > flatness.number("fit_first")) & (direction <= flatness.number("fit_last") + 1)
    draw_fit(axes, width[fitted], variance[fitted], flatness, direction[fitted])
    draw_crossover(axes, width, flatness)
    axes.set(xlabel=r"flatness $F_i$", ylabel=r"variance $\sigma_i^2$")
    if width.max() < 30 * width.min():
        style.sparse_minor_ticks(axes.xaxis)


def draw_fit(axes, width, variance, flatness, direction):
    """The line sigma^2 = c F^-psi over the fitted modes; c is their median."""
    psi = flatness.number("psi")
    if len(width) < 2 or not np.isfinite(psi):
        return
    ends = np.array([width.min(), width.max()])
    scale = np.exp(np.median(np.log(variance) + psi * np.log(width)))
    label = style.psi_text(*(flatness.number("psi" + end) for end in ("", "_low", "_high", "_points")))
    axes.loglog(ends, scale * ends**-psi, color=style.RED, label=f"{label}, $i$ = {direction.min()}-{direction.max()}")


def draw_crossover(axes, width, flatness):
    """The flatness sqrt(8 L_0 / lambda_x) of the crossover curvature of L, where it lies among the modes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        crossover = np.sqrt(8 * flatness.number("loss") / np.float64(flatness.number("crossover_curvature")))
    if width.min() < crossover < width.max():
        label = r"crossover $\lambda_x$"
        axes.axvline(crossover, color=style.GREY, linewidth=0.8, linestyle=":", zorder=0, label=label)
