"""The seeds of one grid point together: pooled PCA and subspace overlaps."""

import numpy as np

from . import style
from ..results import NotInFile, failure


def fig_pooled_pca(subject):
    """The pool's spectrum between what it would be if all seeds moved in the same directions and if they moved in
    orthogonal ones; overlaps of every pair of seeds against the number of directions, with random subspaces (band:
    two standard deviations of a pair); which seed brings how much of each mode of the pool.
    """
    pool = pool_of(subject)
    figure, (spectrum, overlap, share) = style.axes(height=2.7, width=style.PAGE, ncols=3)
    draw_spectra(spectrum, subject, pool)
    draw_overlaps(overlap, pool)
    draw_shares(share, pool)
    figure.suptitle(subject.label("pca"), fontsize=8)
    return figure


def pool_of(subject):
    """The group of the subject's grid point in /summary/pooled_pca/<layer>."""
    layer = subject.layer_of("pca")
    grid = subject.results.grid
    for number, found in subject.results.group(f"summary/pooled_pca/{layer}").group.items():
        if failure(found):
            continue
        pool = subject.results.group(f"summary/pooled_pca/{layer}/{number}")
        if all(pool.group.attrs[name] == grid[name][subject.replica] for name in subject.results.point_columns(pool.group.attrs)):
            return pool
    raise NotInFile("the grid point has no pooled PCA: it failed, or fewer than two seeds are done")


def draw_spectra(axes, subject, pool):
    """If all seeds moved in the same directions, the pool would have their mean spectrum; if in orthogonal ones, every
    seed's variances over the number of seeds, sorted together."""
    seeds = [subject.analysis("pca", seed).array("variance") for seed in subject.seeds()]
    modes = min(np.isfinite(variance).sum() for variance in seeds)
    seeds = np.array([variance[:modes] for variance in seeds])
    for values, colour, line, words in ((pool.array("variance"), style.BLUE, "-", "pool"),
                                        (seeds.mean(axis=0), style.GREEN, "--", "if directions were shared"),
                                        (np.sort(seeds.ravel() / len(seeds))[::-1], style.RED, "--", "if orthogonal")):
        values = values[values > 1e-13 * values[0]]
        axes.loglog(np.arange(1, len(values) + 1), values, color=colour, linestyle=line, label=words)
    axes.set(xlabel="mode $i$", ylabel=r"variance", title=f"{len(seeds)} seeds, {pool_dimension(pool)}")
    axes.legend(loc="lower left", fontsize=6)


def pool_dimension(pool):
    return f"{100 * pool.number('fraction'):g} % in {pool.number('modes_for_fraction'):.0f} modes"


def draw_overlaps(axes, pool):
    """Every pair of seeds, their mean, and random subspaces with two standard deviations of a pair."""
    modes, overlap = pool.array("overlap_modes"), pool.array("overlap")
    first, second = np.triu_indices(overlap.shape[1], 1)
    axes.loglog(modes, overlap[:, first, second], color=style.SKY, linewidth=0.5, alpha=0.6)
    axes.loglog(modes, pool.array("overlap_mean"), "o-", color=style.BLUE, label="seeds")
    random, std = pool.array("overlap_random"), pool.array("overlap_random_std")
    axes.loglog(modes, random, color=style.GREY, linestyle="--", label="random, $k/N$")
    axes.fill_between(modes, np.maximum(random - 2 * std, 1e-3 * random), random + 2 * std, color=style.GREY, alpha=0.2)
    axes.set(xlabel="leading directions $k$", ylabel="$|U_a^T U_b|^2 / k$", ylim=(0.3 * random.min(), 1.3))
    axes.legend(loc="lower right", fontsize=6)


def draw_shares(axes, pool):
    """Stacked: how much of each pooled mode's variance comes from which seed."""
    share, bottom = pool.array("seed_share"), 0
    rank = np.arange(1, len(share) + 1)
    for number, part in enumerate(share.T):
        axes.bar(rank, part, bottom=bottom, color=style.colour(number), width=0.9)
        bottom = bottom + part
    axes.set(xlabel="mode of the pool", ylabel="share of each seed", ylim=(0, 1))
