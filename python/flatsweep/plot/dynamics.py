"""Figures S7, S8, S10 and S11: correlations of the velocity, noise strength and correlation time against flatness."""

import dataclasses

import numpy as np

from . import style
from .flatness import profiled_rows
from ..results import NotInFile


def figS07(subject):
    """G_i(t) and S_i(t) of five directions; faint: the displacement measured directly; dotted: tau_i[1 epoch|; dashed: one
    epoch].
    """
    dynamics = subject.analysis("dynamics")
    lag = dynamics.array("lag")
    known = np.flatnonzero(np.isfinite(dynamics.array("integrated_autocorrelation")).any(axis=1))  # of what stands still there is none
    rows = [int(known[row]) for row in profiled_rows(dynamics.array("direction")[known])]
    if not rows or len(lag) < 2:
        raise NotInFile(f"{dynamics.group.name} holds no curve")
    figure, (left, right) = style.axes(height=3.0, width=style.PAGE, ncols=2)
    for number, row in enumerate(rows):
        name = rf"$i$ = {dynamics.array('direction')[row] + 1}"
        draw_integrated(left, lag, dynamics.array("integrated_autocorrelation")[row], style.colour(number), name)
        draw_displacement(right, lag, dynamics, row, style.colour(number), name)
    for axes in (left, right):
        draw_epoch(axes, subject, lag)
        axes.set_xlabel(r"$t$ (iterations)")
    left.axhline(0, color=style.GREY, linewidth=0.5)
    left.set(ylabel=r"$G_i(t)$", ylim=(-0.6, 1.8))
    right.set(ylabel=r"$S_i(t)$ (iterations)")
    left.legend(loc="lower left", fontsize=6)
    figure.suptitle(subject.label("dynamics"), fontsize=8)
    return figure


def draw_integrated(axes, lag, values, colour, name):
    shown = lag > 0
    axes.semilogx(lag[shown], values[shown], color=colour, linewidth=0.9, label=name)


def draw_displacement(axes, lag, dynamics, row, colour, name):
    """S_i from the correlations, faint what was measured directly; dotted the time tau_i."""
    curves = (("mean_square_displacement", 1.0, 1.0), ("measured_displacement", 0.35, 2.0))
    for curve, alpha, width in curves:
        if curve not in dynamics:
            continue
        values = dynamics.array(curve)[row]
        shown = (lag > 0) & (values > 0)
        label = name if curve == "mean_square_displacement" else None
        axes.loglog(lag[shown], values[shown], color=colour, alpha=alpha, linewidth=width, label=label)
    axes.axhline(dynamics.array("tau")[row], color=colour, linestyle=":", linewidth=0.9)


def draw_epoch(axes, subject, lag):
    epoch = iterations_of_epoch(subject)
    if np.isfinite(epoch) and epoch < lag[-1]:
        axes.axvline(epoch, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
        axes.text(epoch, 1.0, " 1 epoch", color=style.GREY, fontsize=6, va="top",
                  transform=axes.get_xaxis_transform())


def iterations_of_epoch(subject):
    """Iterations of one epoch, from the window's length in both; NaN where the file does not say."""
    whole = subject.whole()
    epochs = whole.number("epochs_trained") - whole.number("window_first_epoch")
    iterations = subject.analysis("dynamics").number("window_iterations")
    return iterations / epochs if epochs > 0 else np.nan


def figS08(subject):
    """tau_i in epochs and D_i against F_i, all seeds of the grid point, with the fitted exponents, their sum beside
    psi[ratio|, and D_i from minibatches at weights that stand still, with the median of static over dynamic
    D_i].[drifts| tau of i = 1, a drift, is told instead of drawn.] Exponents and 95 % intervals are those of /summary, over seeds.
    """
    figure, panels = style.axes(height=3.4, width=style.PAGE, ncols=2)
    draw_layer(panels, subject)
    figure.suptitle(subject.label("dynamics"), fontsize=8)
    return figure


def figS10(subject):
    """`figS08` for every fully connected layer analysed, a column each."""
    layers = subject.layers("dynamics", "fc")
    if len(layers) < 2:
        raise NotInFile("velocities were analysed for fewer than two fully connected layers")
    return layer_columns(subject, layers)


def figS11(subject):
    """`figS08` for every convolution layer analysed, a column each."""
    layers = subject.layers("dynamics", "conv")
    if not layers:
        raise NotInFile("velocities were analysed for no convolution layer")
    return layer_columns(subject, layers)


def layer_columns(subject, layers):
    width = max(style.COLUMN, 2.4 * len(layers))
    figure, panels = style.axes(height=6.0, width=width, nrows=2, ncols=len(layers), squeeze=False)
    for column, layer in zip(panels.T, layers):
        draw_layer(column, dataclasses.replace(subject, layer=layer), title=layer)
    figure.suptitle(subject.label(), fontsize=8)
    return figure


@dataclasses.dataclass
class Cloud:
    """Directions of all seeds with a flatness; `fitted` marks those of the fit range."""

    flatness: np.ndarray
    noise_strength: np.ndarray
    noise_strength_static: np.ndarray
    noise_strength_window: np.ndarray
    tau: np.ndarray
    first: np.ndarray
    fitted: np.ndarray


def cloud(groups):
    columns = {name: np.concatenate([group.array(name) for group in groups])
               for name in ("direction", "flatness", "noise_strength", "noise_strength_static",
                            "noise_strength_window", "tau")}
    direction = columns.pop("direction")
    known = np.isfinite(columns["flatness"]) & (columns["noise_strength"] > 0) & (columns["tau"] > 0)
    if known.sum() < 2:
        raise NotInFile(f"{groups[0].group.name} has fewer than two directions with a measured flatness")
    fitted = (direction >= groups[0].number("fit_first")) & (direction <= groups[0].number("fit_last"))
    fitted &= np.concatenate([moving(group) for group in groups])
    return Cloud(**{name: values[known] for name, values in columns.items()}, first=direction[known] == 0,
                 fitted=fitted[known])


def moving(group):
    """Which directions move; all of them in older files, which do not say."""
    if "variance" not in group:
        return np.ones(len(group.array("direction")), bool)
    return ~(group.array("variance") <= group.number("rounding_variance"))


def draw_layer(panels, subject, title=None):
    """Correlation time in the first panel, noise strength in the second."""
    seeds = [seed for seed in subject.seeds() if subject.layer_of("dynamics") in
             subject.results.layers(seed, "dynamics")] or [subject.replica]
    groups = [subject.analysis("dynamics", seed) for seed in seeds]
    points = cloud(groups)
    epoch = iterations_of_epoch(subject)
    unit, scale = ("epochs", epoch) if np.isfinite(epoch) else ("iterations", 1.0)
    name = rf"$\tau_i$, {len(seeds)} seeds" if len(seeds) > 1 else r"$\tau_i$"
    draw_points(panels[0], points, points.tau / scale, name)
    write_drift(panels[0], points.tau[points.first] / scale, unit)
    draw_law(panels[0], points, points.tau / scale, exponents(subject, groups, "psi_tau"), r"\psi_\tau")
    panels[0].set(xlabel=r"flatness $F_i$", ylabel=rf"$\tau_i$ ({unit})")
    draw_points(panels[1], points, points.noise_strength, r"$D_i = \langle v_i^2 \rangle$")
    draw_first(panels[1], points, points.noise_strength)
    draw_other_routes(panels[1], points, groups)
    draw_law(panels[1], points, points.noise_strength, exponents(subject, groups, "psi_d"), r"\psi_D")
    # Directions of weights that hardly move lie decades lower and would press the others together.
    lowest = 1e-8 * points.noise_strength[~points.first].max(initial=0)
    panels[1].set(xlabel=r"flatness $F_i$", ylabel=r"$D_i$ (iterations$^{-2}$)",
                  ylim=(max(lowest, points.noise_strength.min() / 2), None))
    for axes in panels:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=6, title=title, title_fontsize=7)
    write_sum(panels[0], subject, groups)


def draw_points(axes, points, values, label):
    """All directions but the first."""
    size = 2.5 if len(values) > 300 else 5
    axes.loglog(points.flatness[~points.first], values[~points.first], ".", color=style.BLUE, markersize=size,
                alpha=0.5, markeredgewidth=0, rasterized=True, label=label)


def draw_first(axes, points, values):
    axes.loglog(points.flatness[points.first], values[points.first], "D", color=style.ORANGE, markersize=4,
                label=r"$i = 1$")


def write_drift(axes, tau, unit):
    """Direction 1 drifts through the whole window: its time is thousands of times the others' and would hide them."""
    if len(tau):
        axes.plot([], [], " ", label=rf"$i = 1$ drifts: {np.median(tau):.3g} {unit}")


# Routes to D_i over minibatches at weights that stand still: data set, attribute of the median ratio, words, colour, mark.
ROUTES = (("noise_strength_static", "static_ratio_median", "at $w_0$", style.GREEN, "x"),
          ("noise_strength_window", "window_ratio_median", "along the window", style.ORANGE, "+"))


def draw_other_routes(axes, points, groups):
    """They say nothing for Adam, and the second may be left out."""
    for name, median, words, colour, mark in ROUTES:
        values = getattr(points, name)
        shown = values > 0
        if not shown.any():
            continue
        ratio = np.mean([group.number(median) for group in groups])
        axes.loglog(points.flatness[shown], values[shown], mark, color=colour, markersize=2.5, alpha=0.6,
                    markeredgewidth=0.6, rasterized=True, zorder=1, label=f"{words}: ratio {ratio:.2f}")


def exponents(subject, groups, name):
    """The exponent of the subject's grid point with its 95 % interval, from /summary; where the file has none there, the
    mean of the seeds' without an interval.
    """
    for table in summary_of(subject):
        row = row_of(subject, table)
        if row is not None and name in table:
            return tuple(table.array(name + end)[row] for end in ("", "_low", "_high"))
    return np.mean([group.number(name) for group in groups]), np.nan, np.nan


def summary_of(subject):
    try:
        yield subject.results.group(f"summary/dynamics/{subject.layer_of('dynamics')}")
    except NotInFile:
        return


def row_of(subject, table):
    """Where the table has the grid point of the subject's replica."""
    same = [table.array(name) == subject.results.grid[name][subject.replica] for name in subject.results.point_columns(table)]
    rows = np.flatnonzero(np.logical_and.reduce(same)) if same else ()
    return rows[0] if len(rows) else None


def draw_law(axes, points, values, exponent, symbol):
    """The line y = c F^-psi over the fitted directions; c is their median."""
    psi, low, high = exponent
    fitted = points.fitted & (values > 0)
    if fitted.sum() < 2 or not np.isfinite(psi):
        return
    width = points.flatness[fitted]
    ends = np.array([width.min(), width.max()])
    scale = np.exp(np.median(np.log(values[fitted]) + psi * np.log(width)))
    axes.loglog(ends, scale * ends**-psi, color=style.RED, label=style.exponent_text(symbol, psi, low, high))


def write_sum(axes, subject, groups):
    """psi over the same directions beside the sums with both correlation times; the first holds by definition."""
    psi, psi_d, psi_tau, printed = (exponents(subject, groups, name)[0]
                                    for name in ("psi_same_directions", "psi_d", "psi_tau", "psi_tau_window"))
    lines = rf"$\psi$ = {psi:.2f}", rf"$\psi_D + \psi_\tau$ = {psi_d + psi_tau:.2f}", \
        rf"$\psi_D + \psi_\tau$(S19) = {psi_d + printed:.2f}"
    axes.text(0.02, 0.02, "\n".join(lines), fontsize=6, va="bottom", transform=axes.transAxes)
