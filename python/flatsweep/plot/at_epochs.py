"""The landscape while the network is trained, at the epochs whose states were kept."""

import numpy as np

from . import style
from ..results import NotInFile


def fig_at_epochs(subject):
    """Largest eigenvalue of the Hessian and batch sharpness beside 2/alpha, trace, and flatness along some principal directions of the
    window (solid) and of windows that begin at the epochs (dashed), against the epoch; where they are positive.
    """
    curvature = group_or_none(subject, lambda: subject.results.group(f"replica/{subject.replica:06d}/curvature_at_epochs"))
    flatness = group_or_none(subject, lambda: subject.analysis("flatness_at_epochs"))
    if curvature is None and flatness is None:
        raise NotInFile("nothing was measured at the epochs of at_epochs.epochs")
    drawings = [(draw_sharpness, curvature), (draw_trace, curvature), (draw_flatness, flatness)]
    drawings = [(draw, found) for draw, found in drawings if found is not None]
    figure, panels = style.axes(height=1.7 * len(drawings), nrows=len(drawings), sharex=True, squeeze=False)
    for axes, (draw, found) in zip(panels[:, 0], drawings):
        draw(axes, found)
    axes.set(xlabel="epoch")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    panels[0, 0].set_title(subject.label() + ", all layers" if flatness is None else subject.label("flatness_at_epochs"))
    figure.align_ylabels()
    return figure


def group_or_none(subject, find):
    try:
        return find()
    except NotInFile:
        return None


def draw_sharpness(axes, found):
    epoch = found.array("epoch")
    axes.plot(epoch, found.array("leading_eigenvalue"), "o-", markersize=3, color=style.BLUE, label=r"$\lambda_{max}$")
    axes.errorbar(epoch, found.array("batch_sharpness"), found.array("batch_sharpness_error"), fmt="s-", markersize=3,
                  color=style.RED, label="batch sharpness")
    axes.plot(epoch, 2 / found.array("learning_rate"), color=style.GREY, linewidth=0.8, linestyle="--", drawstyle="steps-post",
              label=r"$2/\alpha$")
    axes.set_yscale("log")
    axes.set_ylabel("curvature")
    axes.legend()


def draw_trace(axes, found):
    axes.errorbar(found.array("epoch"), found.array("trace"), found.array("trace_error"), fmt="o-", markersize=3,
                  color=style.GREEN)
    axes.set_yscale("log")
    axes.set_ylabel("trace of the Hessian")


def draw_flatness(axes, found, most=6):
    """Some directions, evenly spaced among those that were measured."""
    epoch, direction = found.array("epoch"), found.array("direction")
    kinds = [(name, stroke) for name, stroke in (("flatness", "o-"), ("local_flatness", "s--")) if name in found]
    for number, place in enumerate(np.unique(np.linspace(0, len(direction) - 1, most).astype(int))):
        for name, stroke in kinds:
            axes.plot(epoch, found.array(name)[:, place], stroke, markersize=2, color=f"C{number}",
                      label=f"$i$ = {direction[place] + 1}" if name == kinds[0][0] else None)
    axes.set_yscale("log")
    axes.set_ylabel("$F_i$ (dashed: local)" if len(kinds) > 1 else "$F_i$")
    axes.legend(ncol=2)
