"""Whether the noise follows the Hessian or the squared Hessians of single samples, over the grid."""

import numpy as np

from . import style
from .hyperparameters import WORDS
from ..results import NotInFile

EXPONENTS = (("noise_exponent_hessian_basis", "$C_B$ against $H$"),
             ("squared_noise_exponent", "$C_B$ against $E[h^2]$"),
             ("squared_curvature_exponent", "$E[h^2]$ against $H$"))


def fig_noise_exponents(subject):
    """Exponents of u^T C_B u against u^T H u, of u^T C_B u against u^T E[h^2] u, and of u^T E[h^2] u against u^T H u along eigenvectors of H,
    for every layer and grid point: a dot for each seed, a bar at their mean; dotted: 1 and 2.
    """
    rows = rows_of(subject)
    if not rows:
        raise NotInFile("no replica has squared Hessians of single samples; see curvature.squared_hessian")
    figure, panels = style.axes(height=0.9 + 0.2 * len(rows), width=style.PAGE, ncols=len(EXPONENTS), sharex=True, sharey=True)
    for axes, (name, words) in zip(panels, EXPONENTS):
        draw(axes, rows, name)
        axes.set(xlabel=words)
    panels[0].set(yticks=range(len(rows)), yticklabels=names_of(subject.results, rows), ylim=(len(rows) - 0.5, -0.5))
    figure.suptitle(subject.common("all layers"), fontsize=8)
    return figure


def rows_of(subject):
    """(layer, groups of all seeds, a replica) for every layer of every grid point."""
    rows = []
    for replicas in subject.results.points().values():
        for layer in subject.results.layers(replicas[0], "curvature"):
            groups = [subject.results.group(f"replica/{replica:06d}/curvature/{layer}") for replica in replicas
                      if layer in subject.results.layers(replica, "curvature")]
            if any("squared_hessian_eigenvalues" in group for group in groups):
                rows.append((layer, groups, replicas[0]))
    return rows


def names_of(results, rows):
    """What differs between grid points, and the layer."""
    keys = [key for key in results.axes if key != "seed" and len(set(results.grid[key].tolist())) > 1]
    return [", ".join([*(word(key, results.grid[key][replica]) for key in keys), layer]) for layer, _, replica in rows]


def word(key, value):
    return WORDS.get(key, "{}" if isinstance(value, str) else key.replace("_", " ") + " {}").format(value)


def draw(axes, rows, name):
    for index, (_, groups, _) in enumerate(rows):
        found = np.array([group.number(name) for group in groups])
        found = found[np.isfinite(found)]
        if len(found):
            axes.plot(found, np.full(len(found), index), "o", color=style.BLUE, markersize=2.5, alpha=0.6)
            axes.plot(found.mean(), index, "|", color=style.RED, markersize=9)
    for guide in (1, 2):
        axes.axvline(guide, color=style.GREY, linewidth=0.8, linestyle=":", zorder=0)
