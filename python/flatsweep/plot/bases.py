"""Variance along directions that the trajectory did not choose, beside what a quadratic loss predicts."""

import numpy as np

from . import style
from .nulls import octave_means
from ..results import NotInFile

SYMBOLS = {"pca": "$p_i$", "hessian": "eigenvectors of $H$", "noise": "eigenvectors of $C_B$", "random": "random directions",
           "filters": "random, norms of filters"}
PREDICTIONS = (("predicted_variance", style.RED, "-", "predicted in the window"),
               ("whole_predicted_variance", style.PURPLE, "-.", "predicted from all of $H$ and $C_B$"),
               ("stationary_variance", style.GREEN, ":", "white noise, stationary"),
               ("flat_variance", style.ORANGE, "--", "flat limit"))


def fig_bases(subject):
    """Variance against curvature (above) and flatness (below), a panel for each basis, with and without the share of p_1, the
    window's drift; psi is of what is left without it; lines: predictions of a quadratic loss[lambda_x|; dotted: lambda_x].
    Without a window: flatness against curvature, beside that of a quadratic loss.
    """
    group = subject.analysis("bases").group
    bases = {name: subject.results.group(f"{group.name}/{name}") for name in SYMBOLS if name in group}
    if not bases:
        raise NotInFile(f"{group.name} has no basis")
    if not any(np.isfinite(basis.array("variance")).any() for basis in bases.values()):
        return without_window(subject, bases)
    figure, panels = style.axes(height=4.6, width=1.6 + 1.7 * len(bases), nrows=2, ncols=len(bases), sharex="row", sharey=True,
                                squeeze=False)
    for (name, basis), (above, below) in zip(bases.items(), panels.T):
        draw_against(above, basis, "loss_curvature")
        draw_against(below, basis, "flatness")
        draw_crossover(above, basis)
        above.set(title=SYMBOLS[name], xlabel="$u_i^T H u_i$")
        psi = [basis.number("psi_without_first" + end) for end in ("", "_low", "_high")]
        below.set_title(style.psi_text(*psi) if np.isfinite(psi[0]) else r"no $\psi$", fontsize=7)
        below.set_xlabel("flatness $F_i$")
    for row in panels:
        row[0].set_ylabel("variance")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(subject.label("bases"), fontsize=8)
    return figure


def without_window(subject, bases):
    """All that is known of a network without trajectory. L grows by the factor e where h theta^2/2 = (e - 1) L_0."""
    figure, panels = style.axes(width=1.6 + 1.7 * len(bases), ncols=len(bases), sharex=True, sharey=True, squeeze=False)
    for axes, (name, basis) in zip(panels[0], bases.items()):
        curvature, flatness = basis.array("loss_curvature"), basis.array("flatness")
        known = (curvature > 0) & np.isfinite(flatness)
        axes.loglog(curvature[known], flatness[known], "o", color=style.SKY, markersize=2, markeredgewidth=0, rasterized=True, label="measured")
        steep = np.sort(curvature[known])
        axes.loglog(steep, np.sqrt(8 * (np.e - 1) * basis.number("loss") / steep), "-", color=style.RED, label="quadratic loss")
        axes.set(title=SYMBOLS[name], xlabel="$u_i^T H u_i$")
    panels[0][0].set_ylabel("flatness $F_i$")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(subject.label("bases"), fontsize=8)
    return figure


def draw_against(axes, basis, quantity, predictions=PREDICTIONS):
    """The measured variance of the directions that enter fits, and octave means of the predictions that are there."""
    x, variance, direction = basis.array(quantity), basis.array("variance"), basis.array("direction")
    shown = (direction < basis.number("determined")) & (variance > basis.number("rounding_variance"))
    with np.errstate(invalid="ignore"):
        shown &= x > 0
    rest = basis.array("variance_without_first")
    left = shown & (rest > basis.number("rounding_variance"))
    axes.loglog(x[shown], variance[shown], "o", color=style.SKY, markersize=2, alpha=0.5, markeredgewidth=0, rasterized=True,
                label=r"measured, $\sigma_i^2$")
    axes.loglog(x[left], rest[left], "s", color=style.BLUE, markersize=2, alpha=0.7, markeredgewidth=0, rasterized=True,
                label=r"without $p_1$'s share")
    for name, colour, stroke, words in predictions:
        if name not in basis:
            continue
        predicted = basis.array(name)
        known = shown & np.isfinite(predicted)
        if known.any():
            axes.loglog(*octave_means(x[known], predicted[known]), stroke, color=colour, label=words)


def draw_crossover(axes, basis):
    crossover = basis.number("crossover_curvature")
    if np.isfinite(crossover):
        axes.axvline(crossover, color=style.GREY, linewidth=0.8, linestyle=":", label=r"$\lambda_x$")
