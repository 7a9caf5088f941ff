"""Figures S1 and S2: the two phases of learning."""

import numpy as np

from .. import names
from . import edge, style
from ..results import NotInFile

CURVES = (("train_loss", "train loss", style.BLUE, 1, "log"),
          ("train_error", "train error (%)", style.RED, 100, "linear"),
          ("gradient_norm", r"$\langle A_g \rangle$", style.GREEN, 1, "log"),
          ("gradient_alignment", r"$\langle C_g \rangle$", style.PURPLE, 1, "linear"))


def figS01a(subject):
    """Train loss, train error, <A_g>, <C_g> against epoch[PCA window|; the PCA window shaded]."""
    if subject.convolutional():
        raise NotInFile("the network has convolution layers; figS01b shows it")
    return two_phases(subject)


def figS01b(subject):
    """Train loss, train error, <A_g>, <C_g> against epoch[PCA window|; the PCA window shaded]."""
    if not subject.convolutional():
        raise NotInFile("the network has no convolution layer; figS01a shows it")
    return two_phases(subject)


def two_phases(subject):
    """Train loss, train error, <A_g> and <C_g> against epoch, the PCA window shaded."""
    training = subject.training()
    epoch = training.array("epoch")
    figure, panels = style.axes(height=4.6, nrows=4, sharex=True)
    for axes, (name, label, colour, factor, scale) in zip(panels, CURVES):
        shade_window(axes, subject, epoch)
        axes.plot(epoch, factor * training.array(name), color=colour)
        axes.set(ylabel=label, yscale=scale)
    panels[3].axhline(0, color=style.GREY, linewidth=0.5)
    panels[3].set_xlabel("epoch")
    panels[0].set_title(subject.label())
    panels[0].legend(loc="upper center")
    figure.align_ylabels()
    return figure


def shade_window(axes, subject, epoch):
    """Marks the epochs that the PCA used: from the window's first to the end, where w_0 is taken."""
    first = subject.whole().number("window_first_epoch")
    if np.isfinite(first) and len(epoch):
        axes.axvspan(first, epoch[-1], color="0.9", linewidth=0, label="PCA window", zorder=0)


def fig_two_phases(subject):
    """Train loss, <A_g> and <C_g> against epoch, a column for each learning rate, a colour for each batch size; dots: the first epoch
    without a training error.
    """
    points = edge.grid_points(subject, "training")
    rates, sizes = (sorted(set(values)) for values in zip(*points))
    rows = [curve for curve in CURVES if curve[0] != "train_error"]
    figure, panels = style.axes(height=4.2, width=1.4 + 2.2 * len(rates), nrows=len(rows), ncols=len(rates), sharex="col", sharey="row",
                                squeeze=False)
    for axes, (name, label, _, _, scale) in zip(panels, rows):
        axes[0].set(yscale=scale, ylabel=label)
        for (rate, size), replicas in points.items():
            draw_phases(axes[rates.index(rate)], subject.results, replicas, name, style.colour(sizes.index(size)))
    for axes, rate in zip(panels.T, rates):
        axes[0].set_title(rf"$\alpha$ = {rate:g}")
        axes[-1].axhline(0, color=style.GREY, linewidth=0.5)
        axes[-1].set(xscale="log", xlabel="epoch")
    for index, size in enumerate(sizes):
        panels[0, -1].plot([], [], color=style.colour(index), label=f"$B$ = {size}")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=6)
    figure.suptitle(subject.common("all layers trained"), fontsize=8)
    return figure


def draw_phases(axes, results, replicas, name, colour):
    for replica in replicas:
        training = results.group(f"{names.replica_path(replica)}/training")
        epoch, values = training.array("epoch"), training.array(name)
        axes.plot(epoch, values, color=colour, linewidth=0.9)
        solved = np.flatnonzero(training.array("train_error") == 0)[:1]
        axes.plot(epoch[solved], values[solved], "o", color=colour, label="_")


def figS02(subject):
    """Train and test loss against epoch; inset: test error."""
    training = subject.training()
    epoch = training.array("epoch")
    figure, axes = style.axes(height=2.8)
    axes.semilogy(epoch, training.array("train_loss"), color=style.BLUE, label="train")
    axes.semilogy(epoch, training.array("test_loss"), color=style.RED, linestyle="--", label="test")
    axes.set(xlabel="epoch", ylabel="cross-entropy loss", title=subject.label())
    axes.legend(loc="lower left")
    make_room(axes, epoch, training.array("test_loss"), share=0.5)
    inset = axes.inset_axes([0.58, 0.6, 0.42, 0.38])
    test_error = 100 * training.array("test_error")
    inset.plot(epoch, test_error, color=style.RED, linestyle="--", linewidth=0.9)
    inset.set_ylim(0, min(3 * np.nanmedian(test_error) + 0.1, 100))
    inset.set_ylabel("test error (%)", fontsize=6)
    inset.tick_params(labelsize=6)
    return figure


def make_room(axes, epoch, loss, share):
    """Raises the top of a logarithmic axis until the later part of `loss` stays below `share` of the height."""
    late = loss[epoch > 0.4 * epoch[-1]]
    bottom, top = np.log(axes.get_ylim())
    axes.set_ylim(top=np.exp(max(top, bottom + (np.log(np.nanmax(late)) - bottom) / share)))
