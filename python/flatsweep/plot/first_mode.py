"""Figure S3: what moving along the first principal direction does."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np

from . import style

AVERAGED = 5  # samples of one digit in a symbol of panel A, as in the paper


def figS03(subject):
    """Gaps Delta Y_k against theta_1 (each symbol five samples of a class); ln L_i between each direction's
    crossings, that of i = 1 with what its gaps predict; p_1 against w_0; beta_k against Delta Y_k(0).
    """
    subject = dataclasses.replace(subject, layer=subject.layer_of("first_mode"))
    mode = subject.analysis("first_mode")
    figure, panels = style.axes(height=5.4, width=style.PAGE, nrows=2, ncols=2)
    draw_gaps(panels[0, 0], mode)
    draw_losses(panels[0, 1], mode)
    draw_components(panels[1, 0], subject, mode)
    draw_slopes(panels[1, 1], mode)
    figure.suptitle(subject.label("first_mode"), fontsize=8)
    return figure


def draw_gaps(axes, mode):
    """Gaps averaged over a few samples of each class, with the mean of their straight lines."""
    theta, gap, label = (mode.array(name) for name in ("theta", "gap", "label"))
    slope, intercept = mode.array("gap_slope"), mode.array("gap_intercept")
    for number, digit in enumerate(np.unique(label)):
        shown = np.flatnonzero(label == digit)[:AVERAGED]
        axes.plot(theta, gap[shown].mean(axis=0), marker="osv^D<>P*X"[number % 10], linestyle="none",
                  color=style.colour(number), label=str(digit))
        line = intercept[shown].mean() + slope[shown].mean() * theta
        axes.plot(theta, line, color=style.colour(number), linewidth=0.6)
    axes.axvline(0, color=style.GREY, linewidth=0.5, zorder=0)
    axes.set(xlabel=r"$\theta_1$", ylabel=r"$\Delta Y_k$")
    axes.legend(title="class", title_fontsize=6, fontsize=6, ncols=2, loc="upper left", handletextpad=0.1,
                columnspacing=0.8)
    text = f"median $R^2$ = {mode.number('median_r2'):.4f}"
    axes.text(1, 0.02, text, transform=axes.transAxes, ha="right", fontsize=7)


def draw_losses(axes, mode):
    """ln L along each direction; for the first one also what its gaps predict, with both means of eq. S8."""
    modes, theta, log_loss = (mode.array(name) for name in ("modes", "theta", "log_loss"))
    colours = plt.cm.viridis(np.linspace(0, 0.9, max(len(modes) - 1, 1)))
    for row, direction in list(enumerate(modes))[1:]:
        axes.plot(*profile(mode, row), color=colours[row - 1], linewidth=0.8, label=f"$i$ = {direction + 1}")
    axes.plot(theta, log_loss[0], color=style.RED, linewidth=1.8, label="$i$ = 1")
    axes.plot(theta, mode.array("predicted_full"), color="black", linestyle=":", label="1, from its gaps")
    axes.plot(theta, mode.array("predicted_plain_cumulant"), color=style.GREY, linestyle="--", linewidth=0.8,
              label="1, S8 as printed")
    base = np.interp(0, theta, log_loss[0])
    widest = 0.6 * np.nanmax([*mode.array("flatness")[1:], 0])
    reach = widest if widest > 0 else np.inf
    axes.set(xlabel=r"$\theta_i$", ylabel=r"$\ln L_i$", xlim=(max(theta[0], -reach), min(theta[-1], reach)),
             ylim=(base - 1.6, base + 1.1))
    axes.legend(fontsize=5.5, ncols=2, loc="lower left")


def profile(mode, row):
    """A direction's ln L between its own crossings, or else over the common range."""
    own = mode.array("own_theta")[row]
    if np.isfinite(own).all():
        return own, mode.array("own_log_loss")[row]
    return mode.array("theta"), mode.array("log_loss")[row]


def draw_components(axes, subject, mode):
    """The components of p_1 against those of w_0, and the line of perfect alignment."""
    directions = subject.analysis("pca").array("directions")
    weights = subject.results.group(f"replica/{subject.replica:06d}/weights").array(subject.layer).ravel()
    axes.plot(weights, directions[0], ".", color=style.BLUE, markersize=2.5, markeredgewidth=0, alpha=0.6,
              rasterized=True)
    ends = np.array([weights.min(), weights.max()])
    sign = np.sign(directions[0] @ weights)
    axes.plot(ends, sign * ends / np.linalg.norm(weights), color=style.GREY, linewidth=0.8, label=r"$w_0/|w_0|$")
    axes.set(xlabel=r"$w_{0,j}$", ylabel=r"$p_{1,j}$")
    axes.legend(title=rf"$|p_1 \cdot w_0|/|w_0|$ = {mode.number('alignment'):.3f}", title_fontsize=7, loc="best")


def draw_slopes(axes, mode):
    """The slope of each stored sample's gap against its gap, and the best proportionality."""
    gap, slope = mode.array("gap_at_zero"), mode.array("gap_slope")
    axes.plot(gap, slope, ".", color=style.BLUE, markersize=3, markeredgewidth=0, alpha=0.6, rasterized=True)
    factor = mode.number("gap_proportionality")
    ends = np.array([min(gap.min(), 0), gap.max()])
    axes.plot(ends, factor * ends, color=style.RED, label=rf"$\beta_k$ = {factor:.3g} $\Delta Y_k(0)$")
    axes.set(xlabel=r"$\Delta Y_k(0)$", ylabel=r"$\beta_k$")
    axes.legend(title=f"correlation {mode.number('gap_correlation'):.2f}", title_fontsize=7, loc="best")
