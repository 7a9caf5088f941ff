"""Figure S12: a layer's solution and its principal directions as matrices of filters and taps."""

import dataclasses

import numpy as np

from . import style

SHOWN = (2, 50, 130, 144)  # directions as the paper counts them, from 1
# 95 % of the squares of a standard normal number lie between these, and the squared projections of a vector on random
# directions, divided by their mean, are that in many dimensions.
NULL_LOW, NULL_HIGH = 0.000982, 5.024


def figS12(subject):
    """Projections p_i and sparsity against i with their nulls, and the matrices of four directions."""
    subject = dataclasses.replace(subject, layer=subject.layer_of("filters"))
    filters = subject.analysis("filters")
    directions = subject.analysis("pca").array("directions")
    outputs = len(subject.results.group(f"replica/{subject.replica:06d}/weights").array(subject.layer))
    shown = shown_rows(len(directions))
    figure, panels = style.axes(height=4.8, width=style.PAGE, nrows=2, squeeze=False, gridspec_kw={"height_ratios": (1, 1)})
    for axes in panels[:, 0]:
        axes.remove()
    upper = panels[0, 0].get_subplotspec().subgridspec(1, 2)
    draw_projection(figure.add_subplot(upper[0]), filters)
    draw_sparsity(figure.add_subplot(upper[1]), filters)
    lower = panels[1, 0].get_subplotspec().subgridspec(1, len(shown))
    pictures = [figure.add_subplot(place) for place in lower]
    for axes, row in zip(pictures, shown):
        image = draw_matrix(axes, directions[row].reshape(outputs, -1), row)
    pictures[0].set_ylabel("filter $k$" if subject.convolutional() else "unit $k$")
    figure.colorbar(image, ax=pictures, shrink=0.8, pad=0.01, label="$w_i$ / largest", aspect=30)
    figure.suptitle(f"{subject.label()}, {subject.layer}", fontsize=8)
    return figure


def shown_rows(count):
    """Rows of the directions that there are nearest to the paper's, each once."""
    return list(dict.fromkeys(min(number, count) - 1 for number in SHOWN))


def draw_projection(axes, filters):
    projection = filters.array("projection")
    null = filters.number("projection_null")
    axes.semilogy(np.arange(1, len(projection) + 1), np.where(projection > 0, projection, np.nan), ".", color=style.BLUE,
                  rasterized=True)
    axes.axhline(null, color=style.GREY, linestyle="--", linewidth=0.9, label=r"random basis, $|w^*|^2/N$ and 95 %")
    axes.axhspan(NULL_LOW * null, NULL_HIGH * null, color="0.93", linewidth=0, zorder=0)
    axes.set(xlabel="direction $i$", ylabel="$p_i$", title=trend(filters, "projection"))
    axes.legend(loc="lower left")


def draw_sparsity(axes, filters):
    sparsity = filters.array("sparsity")
    axes.plot(np.arange(1, len(sparsity) + 1), sparsity, ".", color=style.BLUE, rasterized=True)
    axes.axhline(filters.number("sparsity_null"), color=style.GREY, linestyle="--", linewidth=0.9, label="random direction")
    axes.set(xlabel="direction $i$", ylabel="Hoyer sparsity", ylim=(0, max(1, np.nanmax(sparsity))),
             title=trend(filters, "sparsity"))
    axes.legend(loc="upper left")


def trend(filters, name):
    return f"rank correlation with $i$: {filters.number(name + '_rank_correlation'):.2f}"


def draw_matrix(axes, matrix, row):
    """One direction, scaled to its largest entry, red positive and blue negative."""
    image = axes.imshow(matrix / np.abs(matrix).max(), cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto",
                        interpolation="nearest", extent=(0.5, matrix.shape[1] + 0.5, matrix.shape[0] + 0.5, 0.5))
    axes.set(title=f"$i$ = {row + 1}", xlabel="tap $l$")
    axes.spines[["top", "right"]].set_visible(True)
    return image
