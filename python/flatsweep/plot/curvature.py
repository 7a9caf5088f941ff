"""Figure S4 and what goes with it: curvature of the loss, against flatness and against the noise of SGD."""

import numpy as np

from . import style
from ..results import NotInFile

MATRICES = {  # name in the file: label
    "hessian": r"$H$", "empirical_fisher": "empirical Fisher", "minibatch_second_moment": r"$QQ^T/N_m$",
    "noise_covariance": r"$C_B$",
}


def figS04(subject):
    """Eigenvalues of the Hessian of ln L, its values along the principal directions, and 8/F_i^2, by rank; the last
    two against each other.
    """
    curvature = subject.analysis("curvature")
    figure, panels = style.axes(height=2.8, width=style.PAGE, ncols=2)
    draw_ranked(panels[0], curvature)
    draw_same_directions(panels[1], curvature)
    figure.suptitle(subject.label("curvature"), fontsize=8)
    return figure


def draw_ranked(axes, curvature):
    eigenvalues = curvature.array("log_loss_hessian_eigenvalues")
    direction, flat = curvature.array("direction") + 1, curvature.array("flatness_curvature")
    axes.plot(np.arange(1, len(eigenvalues) + 1), eigenvalues, color=style.BLUE, label=r"$\kappa_i$, eigenvalues of $H_{\ln L}$")
    axes.plot(direction, curvature.array("log_loss_rayleigh"), ".", color=style.SKY, markersize=2,
              label=r"$p_i^T H_{\ln L}\, p_i$")
    axes.plot(direction, flat, "x", color=style.RED, markersize=2, markeredgewidth=0.5, label=r"$8/F_i^2$")
    known = flat[np.isfinite(flat)]
    least = known.min() if len(known) else np.abs(eigenvalues).max() * 1e-6
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=least)
    axes.axhline(0.0, color=style.GREY, linewidth=0.5)
    axes.set_ylim(bottom=min(-least, 3 * eigenvalues.min()))
    axes.set(xlabel="rank $i$", ylabel="curvature")
    axes.legend(fontsize=6)


def draw_same_directions(axes, curvature):
    along, flat = curvature.array("log_loss_rayleigh"), curvature.array("flatness_curvature")
    shown = np.isfinite(flat) & (along > 0)
    if not shown.any():
        raise NotInFile("no direction has both a flatness and a positive curvature")
    colours = axes.scatter(along[shown], flat[shown], c=np.log10(curvature.array("direction")[shown] + 1), s=3, cmap="viridis")
    ends = np.array([min(along[shown].min(), flat[shown].min()), max(along[shown].max(), flat[shown].max())])
    axes.plot(ends, ends, color=style.GREY, linestyle="--", label="equal")
    axes.figure.colorbar(colours, ax=axes, label=r"$\log_{10} i$")
    axes.set(xscale="log", yscale="log", xlabel=r"$p_i^T H_{\ln L}\, p_i$, local", ylabel=r"$8/F_i^2$, to where $L = e L_0$")
    left_out = np.count_nonzero(np.isfinite(flat) & ~(along > 0))
    axes.set_title(f"{left_out} directions with no positive curvature left out" if left_out else "", fontsize=7)
    axes.legend()


def fig_noise_curvature(subject):
    """Spectra of H, empirical Fisher, Q Q^T/N_m and C_B over their traces; p_i^T C_B p_i against p_i^T H p_i with the
    fitted exponent; overlaps of the leading spans.
    """
    curvature = subject.analysis("curvature")
    figure, panels = style.axes(height=2.6, width=style.PAGE, ncols=3)
    for index, (name, label) in enumerate(MATRICES.items()):
        draw_spectrum(panels[0], curvature, name, label, style.colour(index), style.line(index))
    panels[0].set(xscale="log", yscale="log", xlabel="rank", ylabel="eigenvalue / trace")
    panels[0].legend(fontsize=6)
    draw_noise(panels[1], curvature)
    draw_overlap(panels[2], curvature)
    figure.suptitle(subject.label("curvature"), fontsize=8)
    return figure


def draw_spectrum(axes, curvature, name, label, colour, stroke):
    values, trace = curvature.array(f"{name}_eigenvalues"), curvature.number(f"{name}_trace")
    shown = values > 1e-9 * max(values.max(), np.finfo(float).tiny)
    axes.plot(np.flatnonzero(shown) + 1, values[shown] / trace, stroke, color=colour, label=label)


def draw_noise(axes, curvature):
    along, noise = curvature.array("rayleigh"), curvature.array("noise_rayleigh")
    shown = (along > 0) & (noise > 0)
    axes.plot(along[shown], noise[shown], ".", color=style.BLUE, markersize=2)
    exponent = [curvature.number("noise_exponent_pca_basis" + end) for end in ("", "_low", "_high", "_points")]
    axes.set(xscale="log", yscale="log", xlabel=r"$p_i^T H p_i$", ylabel=r"$p_i^T C_B\, p_i$")
    axes.set_title(style.exponent_text("g", *exponent), fontsize=7)


def draw_overlap(axes, curvature):
    k = curvature.array("subspace")
    for index, (name, label) in enumerate((("noise_hessian", "$C_B$, $H$"), ("noise_pca", "$C_B$, PCA"),
                                           ("hessian_pca", "$H$, PCA"))):
        axes.plot(k, curvature.array(f"overlap_{name}"), "os^"[index] + "-", color=style.colour(index), label=label)
    axes.plot(k, curvature.array("overlap_null"), color=style.GREY, linestyle="--", label="random: $k/N$")
    axes.set(xscale="log", ylim=(0, 1.05), xlabel="$k$ leading modes", ylabel=r"$|U_k^T V_k|^2/k$")
    commutator, null = curvature.number("commutator"), curvature.number("commutator_null")
    if np.isfinite(commutator):
        axes.set_title(f"commutator {commutator:.2g}, at random {null:.2g}", fontsize=7)
    axes.legend(fontsize=6)


def fig_network_curvature(subject):
    """Density of eigenvalues of the whole network's matrices, extreme ones marked; which layers the leading ones lie
    in.
    """
    whole = subject.results.group(f"replica/{subject.replica:06d}/network_curvature")
    kinds = subject.results.layers(subject.replica, "network_curvature")
    if not kinds:
        raise NotInFile("the curvature of the whole network failed")
    figure, panels = style.axes(height=2.4 * len(kinds), width=style.PAGE, nrows=len(kinds), ncols=2, squeeze=False)
    for row, kind in zip(panels, kinds):
        matrix = subject.results.group(f"{whole.group.name}/{kind}")
        draw_density(row[0], matrix, kind.replace("_", " "))
        draw_shares(row[1], matrix)
    figure.suptitle(subject.label() + ", all layers", fontsize=8)
    return figure


def draw_density(axes, matrix, title):
    axes.plot(matrix.array("density_eigenvalue"), matrix.array("density"), color=style.BLUE)
    leading = matrix.array("leading_eigenvalues")
    axes.plot(leading, np.full(len(leading), matrix.array("density").max() * 1e-6), "|", color=style.RED, label="leading")
    if "smallest_eigenvalues" in matrix:
        smallest = matrix.array("smallest_eigenvalues")
        axes.plot(smallest, np.full(len(smallest), matrix.array("density").max() * 1e-6), "x", color=style.GREEN, label="smallest")
    axes.set_yscale("log")
    axes.set_ylim(bottom=matrix.array("density").max() * 3e-7)
    axes.set(xlabel="eigenvalue", ylabel="density")
    axes.set_title(f"{title}: trace {matrix.number('trace'):.4g} ± {matrix.number('trace_error'):.2g}", fontsize=7)
    axes.legend()


def draw_shares(axes, matrix):
    shares = matrix.array("leading_layer_share")
    bottom = np.zeros(len(shares))
    for index, layer in enumerate(matrix.array("layer")):
        axes.bar(np.arange(1, len(shares) + 1), shares[:, index], bottom=bottom, color=style.colour(index), label=layer)
        bottom += shares[:, index]
    axes.set(xlabel="leading mode", ylabel=r"share of $|v|^2$", ylim=(0, 1.25))
    axes.legend(ncols=max(shares.shape[1], 1), fontsize=6)
