"""Figure S12: a layer's solution and its principal directions as matrices of filters and taps."""

import dataclasses

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import style

SHOWN = (2, 50, 130, 144)  # directions as the paper counts them, from 1
# 95 % of the squares of a standard normal number lie between these, and the squared projections of a vector on random
# directions, divided by their mean, are that in many dimensions.
NULL_LOW, NULL_HIGH = 0.000982, 5.024


def figS12(subject):
    """p_i and Hoyer sparsity against i beside those of random directions (grey band: 95 % of a random basis); the
    matrices of directions 2, 50, 130, 144 or the nearest there are, each scaled to its largest entry[still| ("still":
    weights that did not move)].
    """
    subject = dataclasses.replace(subject, layer=subject.layer_of("filters"))
    filters = subject.analysis("filters")
    directions = subject.analysis("pca").array("directions")
    outputs = len(subject.results.group(f"replica/{subject.replica:06d}/weights").array(subject.layer))
    shown = shown_rows(len(directions))
    figure, panels = style.axes(height=4.8, width=style.PAGE, nrows=2)
    for axes in panels:
        axes.remove()
    upper, lower = (axes.get_subplotspec() for axes in panels)
    upper, lower = upper.subgridspec(1, 2), lower.subgridspec(1, len(shown))
    draw_projection(figure.add_subplot(upper[0]), filters)
    draw_sparsity(figure.add_subplot(upper[1]), filters)
    pictures = [figure.add_subplot(place) for place in lower]
    for axes, row in zip(pictures, shown):
        image = draw_matrix(axes, directions[row].reshape(outputs, -1))
        axes.set_title(f"$i$ = {row + 1}" + (", still" if row >= filters.number("moving") else ""))
    pictures[0].set_ylabel("filter $k$" if subject.convolutional() else "unit $k$")
    figure.colorbar(image, ax=pictures, shrink=0.8, pad=0.01, label="$w_i$ / largest", aspect=30)
    figure.suptitle(subject.label("filters"), fontsize=8)
    return figure


def shown_rows(count):
    """Rows of the directions that there are nearest to the paper's, each once."""
    return list(dict.fromkeys(min(number, count) - 1 for number in SHOWN))


def draw_projection(axes, filters):
    projection = filters.array("projection")
    null = filters.number("projection_null")
    number = np.arange(1, len(projection) + 1)
    positive = np.where(projection > 0, projection, np.nan)
    axes.semilogy(number, positive, ".", color=style.BLUE, rasterized=True)
    label = r"random basis, $|w^*|^2/N$ and 95 %"
    axes.axhline(null, color=style.GREY, linestyle="--", linewidth=0.9, label=label)
    axes.axhspan(NULL_LOW * null, NULL_HIGH * null, color="0.93", linewidth=0, zorder=0)
    mark_still(axes, filters, len(projection))
    axes.set(xlabel="direction $i$", ylabel="$p_i$", title=trend(filters, "projection"))
    axes.legend(loc="lower left")


def draw_sparsity(axes, filters):
    sparsity = filters.array("sparsity")
    axes.plot(np.arange(1, len(sparsity) + 1), sparsity, ".", color=style.BLUE, rasterized=True)
    null = filters.number("sparsity_null")
    axes.axhline(null, color=style.GREY, linestyle="--", linewidth=0.9, label="random direction")
    mark_still(axes, filters, len(sparsity))
    axes.set(xlabel="direction $i$", ylabel="Hoyer sparsity", ylim=(0, max(1, np.nanmax(sparsity))),
             title=trend(filters, "sparsity"))
    axes.legend(loc="upper left")


def mark_still(axes, filters, count):
    """Where the directions begin that weights without motion span."""
    moving = filters.number("moving")
    if moving < count:
        axes.axvline(moving + 0.5, color=style.RED, linestyle=":", linewidth=0.9, label="beyond: no motion")


def trend(filters, name):
    everywhere, moving = (filters.number(name + end) for end in ("_rank_correlation", "_moving_rank_correlation"))
    return f"rank correlation: {everywhere:.2f}; moving: {moving:.2f}"


def draw_matrix(axes, matrix):
    """One direction, scaled to its largest entry, red positive and blue negative."""
    image = axes.imshow(matrix / np.abs(matrix).max(), cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto",
                        interpolation="nearest", extent=(0.5, matrix.shape[1] + 0.5, matrix.shape[0] + 0.5, 0.5))
    axes.set(xlabel="tap $l$")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines[["top", "right"]].set_visible(True)
    return image
