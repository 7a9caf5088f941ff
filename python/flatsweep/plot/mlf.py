"""Figures S5 and S6: the loss functions of single minibatches (MLF) around the solution."""

import numpy as np

from . import style
from ..results import Group, NotInFile

SHOWN = 30  # the direction of Fig S5, counted from 1
CORRELATIONS = {  # group of the file: label
    "theta_i_m_ii": r"$\theta_i, M_{ii}$", "abs_theta_i_m_ii": r"$|\theta_i|, M_{ii}$",
    "theta_i_theta_j": r"$\theta_i, \theta_j$", "m_ii_m_jj": r"$M_{ii}, M_{jj}$", "m_ii_m_ij": r"$M_{ii}, M_{ij}$",
    "theta_i_m_ij": r"$\theta_i, M_{ij}$",
}


def figS05(subject):
    """Histograms over the minibatches of the minimum theta~_i, of M_ii and of one M_ij, for the direction nearest to
    i = 30, with the normal distributions of the same mean and variance (solid) and of the same quartiles (dashed);
    rank correlations, a dot for every direction or pair.[Newton| The Newton positions, since minima were left out.]
    """
    mlf = subject.analysis("mlf")
    row = nearest(mlf.array("direction"), SHOWN - 1)
    number = mlf.array("direction")[row] + 1
    figure, panels = style.axes(height=4.4, width=style.PAGE, nrows=2, ncols=2)
    minima = mlf.array("theta")[row]
    name = "minimum" if np.isfinite(minima).any() else "Newton minimum"
    if name == "Newton minimum":  # the minima themselves may have been left out
        minima = mlf.array("theta_newton")[row]
    draw_histogram(panels[0, 0], minima, rf"{name} $\tilde\theta_{{{number}}}^\mu$")
    draw_histogram(panels[0, 1], mlf.array("m_diagonal")[row], rf"$M_{{{number},{number}}}^\mu$")
    draw_pair(panels[1, 0], mlf, number - 1)
    draw_correlations(panels[1, 1], subject)
    figure.suptitle(subject.label("mlf"), fontsize=8)
    return figure


def nearest(directions, wanted):
    """Row of the stored direction nearest in rank."""
    if not len(directions):
        raise NotInFile("minibatch loss functions were measured along no direction")
    return int(np.argmin(np.abs(np.log((directions + 1) / (wanted + 1)))))


def draw_histogram(axes, values, label):
    """Density within eight robust standard deviations, and the normal distribution of all values' mean and variance."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        axes.text(0.5, 0.5, "no values", ha="center", transform=axes.transAxes)
        axes.set(xlabel=label)
        return
    middle, width = robust(values)
    shown = values[np.abs(values - middle) <= 8 * width] if width > 0 else values
    axes.hist(shown, bins=40, density=True, color=style.SKY, edgecolor="white", linewidth=0.3)
    theta = np.linspace(*axes.get_xlim(), 300)
    for sigma, centre, colour, name in ((values.std(), values.mean(), style.RED, "normal: mean, variance"),
                                        (width, middle, style.ORANGE, "normal: quartiles")):
        if sigma > 0:
            density = np.exp(-0.5 * ((theta - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
            axes.plot(theta, density, color=colour, label=name, linestyle="-" if colour == style.RED else "--")
    axes.set(xlabel=label, ylabel="density")
    axes.set_title(f"{len(values)} minibatches" + (f", {len(values) - len(shown)} outside" if len(values) > len(shown)
                                                   else ""), fontsize=7)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.legend(loc="upper right", fontsize=6)


def robust(values):
    """Median, and interquartile range / 1.349."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return middle, (high - low) / 1.349


def draw_pair(axes, mlf, direction):
    """M_ij of the pair with this direction, or else of the pair whose first member is nearest to it."""
    pairs = mlf.array("pairs")
    if not len(pairs):
        raise NotInFile(f"{mlf.group.name} has no pairs")
    holding = np.flatnonzero((pairs == direction).any(axis=1))
    pair = holding[len(holding) // 2] if len(holding) else nearest(pairs[:, 0], direction)
    i, j = pairs[pair] + 1
    draw_histogram(axes, mlf.array("m_off_diagonal")[pair], rf"$M_{{{i},{j}}}^\mu$")


def draw_correlations(axes, subject):
    """Rank correlations over the minibatches: every direction or pair a dot, and the band of independent variables."""
    mlf = subject.analysis("mlf")
    rows = [(name, label) for name, label in CORRELATIONS.items() if f"correlations/{name}" in mlf]
    band = 1.96 / np.sqrt(max(mlf.number("minibatches") - 3, 1))
    axes.axvspan(-band, band, color="0.88", linewidth=0, label="95 % if independent")
    for height, (name, _) in enumerate(rows):
        values = mlf.array(f"correlations/{name}/spearman")
        values = values[np.isfinite(values)]
        spread = np.linspace(-0.28, 0.28, max(len(values), 1))[: len(values)]
        axes.plot(values, height + spread, ".", color=style.BLUE, markersize=3, markeredgewidth=0, alpha=0.6)
        if len(values):
            axes.plot([np.median(values)] * 2, [height - 0.38, height + 0.38], color=style.RED, linewidth=1.4,
                      label="median" if height == 0 else None)
    axes.set_yticks(range(len(rows)), [label for _, label in rows])
    axes.invert_yaxis()
    axes.set(xlabel="rank correlation", xlim=(-1, 1))
    axes.legend(loc="lower right", fontsize=5.5)


def figS06(subject):
    """sigma~_i (from quartiles), M_ii^(0), (M_ii^(0))^2 sigma~_i^2 and Var d_i ln L^mu against F_i; filled: fitted,
    with exponent and 95 % interval; diamond: i = 1; dashed: 8/F_i^2. Last panel: predictions of the curvature over
    8/F_i^2, medians in the legend. The flattest 2 % are out of view.[Newton| The width of the Newton positions, since minima
    were left out.]
    """
    mlf = subject.analysis("mlf")
    flatness, direction = mlf.array("flatness"), mlf.array("direction")
    known = np.isfinite(flatness) & (flatness > 0)
    if known.sum() < 2:
        raise NotInFile(f"{mlf.group.name} has fewer than two directions with a measured flatness")
    known &= flatness <= np.quantile(flatness[known], 0.98)  # the flattest would set the scale for all the others
    fitted = (direction >= mlf.number("fit_first")) & (direction <= mlf.number("fit_last")) & known
    sigma, kind = widths(mlf)
    mean = mlf.array("m_diagonal_mean")
    figure, panels = style.axes(height=5.0, width=style.PAGE, nrows=2, ncols=2)
    cloud = (flatness, known, fitted, direction == 0)
    draw_power(panels[0, 0], cloud, sigma, mlf, f"sigma_{kind}exponent", r"$\tilde\sigma_i$" + (" (Newton)" if kind == "newton_robust_" else ""))
    draw_power(panels[0, 1], cloud, mean, mlf, "m_exponent", r"$M_{ii}^{(0)}$")
    line = np.array([flatness[known].min(), flatness[known].max()])
    panels[0, 1].plot(line, 8 / line**2, color=style.GREY, linestyle="--", label=r"$8/F_i^2$")
    if kind != "newton_robust_":
        draw_power(panels[1, 0], cloud, (mean * sigma) ** 2, mlf, f"product_{kind}exponent",
                   r"$(M_{ii}^{(0)})^2 \tilde\sigma_i^2$")
    draw_power(panels[1, 0], cloud, mlf.array("gradient_variance"), mlf, "gradient_variance_exponent",
               r"Var $\partial_i \ln L^\mu$", colour=style.GREEN, mark="s")
    panels[1, 0].set_ylabel(r"$(M_{ii}^{(0)})^2 \tilde\sigma_i^2$")
    style.sparse_minor_ticks(panels[0, 0].yaxis)
    draw_closure(panels[1, 1], mlf, flatness, known)
    for axes in panels.flat:
        axes.set_xlabel(r"flatness $F_i$")
        axes.legend(loc="best", fontsize=6)
    figure.suptitle(subject.label("mlf"), fontsize=8)
    return figure


def widths(mlf):
    """Spread of the minima from their quartiles, or of the Newton minima where the others were left out."""
    sigma = mlf.array("theta_sigma_robust")
    if np.isfinite(sigma).any():
        return sigma, "robust_"
    return mlf.array("theta_newton_sigma_robust"), "newton_robust_"


def draw_power(axes, cloud, values, mlf, exponent, label, colour=style.BLUE, mark="o"):
    """Values against F_i, filled where they were fitted, i = 1 a diamond, and the line of the fitted exponent."""
    flatness, known, fitted, drift = cloud
    shown = known & (values > 0)
    fitted, drift, rest = fitted & shown, drift & shown, shown & ~fitted & ~drift
    axes.loglog(flatness[rest], values[rest], mark, color=colour, markersize=3, fillstyle="none", markeredgewidth=0.6)
    axes.loglog(flatness[drift], values[drift], "D", color=colour, markersize=4, markeredgewidth=0)
    power = mlf.number(exponent)
    text = f"{label}: {power:.2f} [{mlf.number(exponent + '_low'):.2f}, {mlf.number(exponent + '_high'):.2f}]"
    if not np.isfinite(power):
        text = f"{label}: no exponent"
    axes.loglog(flatness[fitted], values[fitted], mark, color=colour, markersize=3, markeredgewidth=0, label=text)
    if fitted.any() and np.isfinite(power):
        ends = np.array([flatness[fitted].min(), flatness[fitted].max()])
        scale = np.exp(np.median(np.log(values[fitted]) - power * np.log(flatness[fitted])))
        axes.loglog(ends, scale * ends**power, color=colour, linewidth=0.9)
    axes.set_ylabel(label)


def draw_closure(axes, mlf, flatness, known):
    """Curvatures predicted from the ensemble, as ratios to 8/F_i^2."""
    for name, label, colour, mark in (("ensemble", r"eq. S10, $\tilde\sigma_i$", style.RED, "^"),
                                      ("ensemble_robust", r"eq. S10, quartiles", style.ORANGE, "v"),
                                      ("gradient", r"$M_{ii}^{(0)}$ + Var $\partial_i \ln L^\mu$", style.GREEN, "s"),
                                      ("measured", r"curvature of $\ln L$", style.BLUE, "o")):
        ratio = mlf.array(f"closure/{name}") * flatness**2 / 8
        shown = known & np.isfinite(ratio) & (ratio > 0.02) & (ratio < 50)
        median = Group(mlf.group["closure"]).number(f"{name}_median_ratio")
        axes.loglog(flatness[shown], ratio[shown], mark, color=colour, markersize=3, markeredgewidth=0, alpha=0.8,
                    label=f"{label}: {median:.2f}")
    axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.5), max(high, 2))
    axes.set_ylabel(r"prediction / ($8/F_i^2$)")
