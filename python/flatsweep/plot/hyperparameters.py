"""Figure 2D: the variance-flatness law over the grid."""

import numpy as np

from . import style
from .flatness import measured
from ..results import MLP, NotInFile

ALWAYS, OF_MLP = ("batch_size", "learning_rate"), ("width", "hidden_layers")  # shown always; shown for MLPs only
WORDS = {"architecture": "{}", "batch_size": "$B$ = {}", "learning_rate": r"$\alpha$ = {:g}", "width": "$H$ = {}",
         "hidden_layers": "{} hidden layers", "optimizer": "{}", "sampling": "{}"}


def fig2d_hyperparameters(subject):
    """sigma_i^2 against F_i for every grid point (dots: modes i >= 2 of all seeds; markers: geometric means over
    octaves of i), and psi of each.
    """
    summary = subject.results.group(f"summary/psi/{subject.layer_of('flatness')}")
    keys = subject.results.point_columns(summary)
    table = {key: summary.array(key) for key in (*keys, "psi", "psi_low", "psi_high")}
    count = len(table["psi"])
    if count < 2:
        raise NotInFile("the file has one grid point only")
    if not np.isfinite(table["psi"]).any():
        raise NotInFile("psi was fitted at no grid point")
    replicas = replicas_of(subject.results, table, keys)
    height = max(2.8, 0.6 + 0.2 * count)
    figure, (cloud, bars) = style.axes(height=height, width=style.PAGE, ncols=2, gridspec_kw={"width_ratios": (1.2, 1)})
    names = labels(table, keys)
    for point in range(count):
        draw_cloud(cloud, subject, replicas[point], point)
        draw_psi(bars, table, point)
    cloud.set(xscale="log", yscale="log", xlabel=r"flatness $F_i$", ylabel=r"variance $\sigma_i^2$")
    bars.set(xlabel=r"$\psi$ with 95 % interval", yticks=range(count), yticklabels=names, ylim=(count - 0.5, -0.5))
    bars.margins(x=0.1)
    bars.axvline(4, color=style.GREY, linewidth=0.8, linestyle=":", zorder=0)
    figure.suptitle(subject.common(subject.layer_of("flatness")), fontsize=8)
    return figure


def replicas_of(results, table, keys):
    """For each row of the summary the finished replicas of that grid point."""
    rows = list(zip(*(table[key] for key in keys)))
    found = [[] for _ in rows]
    for replica in results.done():
        row = tuple(results.grid[key][replica] for key in keys)
        if row in rows:
            found[rows.index(row)].append(replica)
    return found


def labels(table, keys):
    """The grid points in words: B and alpha, and whatever else differs between them."""
    shown = [key for key in keys if key in ALWAYS or len(set(table[key])) > 1]
    return [label(table, row, shown) for row in range(len(table["psi"]))]


def label(table, row, shown):
    mlp = table["architecture"][row] == MLP if "architecture" in table else True
    words = (WORDS.get(key, key.replace("_", " ") + " {}").format(table[key][row]) for key in shown if mlp or key not in OF_MLP)
    return style.wrapped(", ".join(words))


def draw_cloud(axes, subject, replicas, point):
    """The modes i >= 2 of all seeds of a grid point, and their geometric means over octaves of rank."""
    modes = np.empty((3, 0))
    for replica in replicas:
        try:
            modes = np.hstack([modes, measured(subject, replica)])
        except NotInFile:
            continue
    direction, width, variance = modes[:, modes[0] > 1]
    axes.plot(width, variance, style.marker(point), color=style.colour(point), markersize=1.3, alpha=0.12, markeredgewidth=0,
              rasterized=True, zorder=1)
    bins = np.floor(np.log2(direction))
    means = [np.exp([np.log(values[bins == b]).mean() for b in np.unique(bins)]) for values in (width, variance)]
    axes.plot(*means, style.marker(point), linestyle="-", color=style.colour(point), markersize=3, linewidth=0.7)


def draw_psi(axes, table, point):
    psi, low, high = (table[key][point] for key in ("psi", "psi_low", "psi_high"))
    if not np.isfinite(psi):
        return
    reach = [[psi - low], [high - psi]] if np.isfinite(low + high) else None
    axes.errorbar(psi, point, xerr=reach, fmt=style.marker(point), color=style.colour(point), markersize=4, capsize=2)
    axes.annotate(f"{psi:.2f}", (psi, point), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=6)
