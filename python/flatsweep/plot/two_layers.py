"""The linear network of two layers, whose variance can be worked out."""

import numpy as np

from .. import linear_network, names
from . import style
from .bases import draw_against, draw_crossover
from .nulls import octave_means
from ..results import NotInFile

BASIS = "hessian"
LAYERS = ("fc1", "fc2")
ONE_LAYER = (("predicted_variance", style.GREEN, "--", "a layer by itself"),)


def fig_two_layers(subject):
    """Variance against curvature along the eigenvectors of the Hessian of each layer of a linear network, a column for each sampling, with
    and without the share of p_1; lines: the closed form for both layers together, and what each would do if the other stood still[lambda_x|;
    dotted: lambda_x].
    """
    replicas = by_sampling(subject)
    figure, panels = style.axes(height=4.4, width=2.6 + 2.2 * len(replicas), nrows=2, ncols=len(replicas), sharex=True, sharey=True,
                                squeeze=False)
    for column, (sampling, replica) in zip(panels.T, replicas.items()):
        for axes, layer in zip(column, LAYERS):
            draw_layer(axes, subject.results, replica, layer)
        column[0].set_title(f"{sampling}\n{column[0].get_title()}", fontsize=7)
        column[1].set_xlabel("$u_i^T H u_i$")
    for axes, layer in zip(panels[:, 0], LAYERS):
        axes.set_ylabel(f"variance, {layer}")
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(f"{subject.common(*LAYERS)}, seed {subject.results.grid['seed'][subject.replica]}", fontsize=8)
    return figure


def by_sampling(subject):
    """{sampling: replica} among those that differ from the subject in sampling alone."""
    linear_network.check(subject.results, subject.replica)
    found = {}
    for replica in subject.results.alike(subject.replica, but=("sampling",)):
        sampling = str(subject.results.grid["sampling"][replica])
        if sampling in linear_network.SAMPLINGS and all(f"{names.replica_path(replica)}/bases/{layer}/{BASIS}" in subject.results.file
                                                        for layer in LAYERS):
            found.setdefault(sampling, replica)
    if not found:
        raise NotInFile(f"no replica has the basis {BASIS} of {' and '.join(LAYERS)}")
    return found


def draw_layer(axes, results, replica, layer):
    group = results.group(f"{names.replica_path(replica)}/bases/{layer}/{BASIS}")
    draw_against(axes, group, "loss_curvature", ONE_LAYER)
    draw_crossover(axes, group)
    coupled = linear_network.coupled_variance(results, replica, layer, BASIS)
    curvature = group.array("loss_curvature")
    axes.loglog(*octave_means(curvature, coupled), "-", color=style.RED, label="both layers, closed form")
    axes.set_title(rf"$\psi$ = {group.number('psi_without_first'):.2f}, closed form {exponent(group, coupled):.2f}", fontsize=7)


def exponent(group, variance):
    """psi of `variance` over the directions of the fit range."""
    direction, flatness = group.array("direction"), group.array("flatness")
    last = min(group.number("fit_last"), group.number("determined") - 1)
    fitted = (direction >= group.number("fit_first")) & (direction <= last) & np.isfinite(flatness) & (variance > 0)
    return -np.polyfit(np.log(flatness[fitted]), np.log(variance[fitted]), 1)[0]
