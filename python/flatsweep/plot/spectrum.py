"""Figure 1: the variance spectrum of the weights in the PCA window."""

import numpy as np

from . import style
from ..results import NotInFile


def fig1a(subject):
    """sigma_i^2 against i[seeds|: all seeds of the grid point and their mean], guide slopes[i^{-2}| i^-2 and i^-3], the
    random walk's 6/(pi^2 i^2) of the total variance[noise walk|, the noise walk][white noise|, white noise].
    """
    spectra, total = computed_spectra(subject)
    mean = np.mean(spectra, axis=0)
    rank = np.arange(1, len(mean) + 1)
    figure, axes = style.axes(height=2.9)
    for number, spectrum in enumerate(spectra if len(spectra) > 1 else []):
        label = f"{len(spectra)} seeds" if number == 0 else None
        axes.loglog(rank, positive(spectrum), color=style.SKY, linewidth=0.6, alpha=0.6, label=label)
    axes.loglog(rank, positive(mean), color=style.BLUE, label="mean" if len(spectra) > 1 else "SGD")
    null = total * style.random_walk(len(mean))
    axes.loglog(rank, null, color=style.GREY, linestyle="--", label=r"random walk, $6/\pi^2 i^2$")
    for name, values in measured_nulls(subject):
        axes.loglog(rank, positive(values[: len(rank)]), color=NULLS[name][0], linestyle="-.", label=NULLS[name][1])
    guides = draw_guides(axes, mean)
    lowest = min([np.nanmin(positive(spectra)), *(min(line.get_ydata()) for line, _ in guides)])
    top = max(np.max(spectra), null[0])
    axes.set_ylim(max(lowest, 1e-13 * top) / 2, 3 * top)  # 1e-13 of the largest is rounding
    axes.set(xlabel=r"direction $i$", ylabel=r"variance $\sigma_i^2$", title=subject.label("pca"))
    if len(axes.get_lines()) > 6:  # with measured nulls there is no room inside
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.08), ncols=2, fontsize=6)
    else:
        axes.legend(loc="upper right")
    for line, name in guides:
        x, y = line.get_data()
        middle = np.sqrt(x[0] * x[1]), np.sqrt(y[0] * y[1])
        places = [(x[1] * 1.1, y[1], "left", "center"), (x[1], y[1] / 2, "center", "top"), (middle[0], middle[1] * 1.5, "left", "bottom"),
                  (middle[0], middle[1] / 1.5, "right", "top"), (x[0] / 1.1, y[0], "right", "center")]
        style.free_text(axes, name, places, color=line.get_color(), fontsize=7)
    return figure


def computed_spectra(subject):
    """Variances of all seeds as rows, as many modes as every seed has, and the mean total variance."""
    groups = [subject.analysis("pca", seed) for seed in subject.seeds()]
    spectra = [group.array("variance") for group in groups]
    modes = min(np.isfinite(spectrum).sum() for spectrum in spectra)  # NaN: not computed
    totals = [group.number("total_variance") for group in groups]
    totals = [t if np.isfinite(t) else np.nansum(spectrum) for t, spectrum in zip(totals, spectra)]
    return np.array([spectrum[:modes] for spectrum in spectra]), np.mean(totals)


# Data set of nulls/<layer>: colour and words.
NULLS = {"walk_spectrum": (style.GREEN, "noise walk at $w_0$"),
         "white_noise_spectrum": (style.PURPLE, "white noise")}


def measured_nulls(subject):
    """(name, spectrum) of the null spectra that the file has, means over the seeds."""
    for name in NULLS:
        try:
            yield name, np.mean([subject.analysis("nulls", seed).array(name) for seed in subject.seeds()], axis=0)
        except NotInFile:
            continue


def positive(values):
    """Zero variances (silent units) leave gaps on a logarithmic axis."""
    return np.where(values > 0, values, np.nan)


def draw_guides(axes, mean):
    """Lines of slope -2 and -3 over one decade from i = 20, below the spectrum; each with its name."""
    if len(mean) < 40 or not mean[19] > 0:
        return []
    rank = np.array([20, min(100, len(mean))])
    return [(axes.loglog(rank, 0.015 * mean[19] * (rank / 20.0) ** -power, color=colour, linewidth=0.9)[0], f"$i^{{-{power}}}$")
            for power, colour in ((2, style.ORANGE), (3, style.RED))]


def fig1b(subject):
    """Cumulative variance fraction, all directions and without i = 1, each beside its random walk[noise walk|, the
    noise walk][white noise|, white noise]; the 90 % line and the directions it takes.
    """
    spectra, total = computed_spectra(subject)
    spectrum = np.mean(spectra, axis=0)
    null = style.random_walk(len(spectrum))
    figure, axes = style.axes()
    for first, colour, name in ((0, style.BLUE, "all directions"), (1, style.RED, r"without $i = 1$")):
        fraction = np.cumsum(spectrum[first:]) / (total - spectrum[:first].sum())
        count = np.arange(1, len(fraction) + 1)
        needed = 1 + int(np.argmax(fraction >= 0.9))
        axes.semilogx(count, fraction, color=colour, label=f"{name}: 90 % in {needed}")
        # The walk's fractions sum to 1 over endlessly many modes; the part after `first` is rescaled likewise.
        walk = np.cumsum(null[first:]) / (1 - null[:first].sum())
        label = "random walk (both dashed)" if first == 0 else None
        axes.semilogx(count, walk, color=colour, linestyle="--", linewidth=0.8, alpha=0.8, label=label)
    for name, values in measured_nulls(subject):
        fraction = np.cumsum(values) / values.sum()
        axes.semilogx(np.arange(1, len(fraction) + 1), fraction, color=NULLS[name][0], linestyle="-.", linewidth=0.9,
                      label=NULLS[name][1])
    axes.axhline(0.9, color=style.GREY, linewidth=0.8, linestyle=":")
    axes.set(xlabel="number of directions", ylabel="fraction of the variance", ylim=(0, 1.02), title=subject.label("pca"))
    crowded = len(axes.get_legend_handles_labels()[0]) > 3  # then curves fill the corner
    axes.legend(fontsize=6, **({"loc": "lower left", "bbox_to_anchor": (0, 1.08), "ncols": 2} if crowded else {"loc": "lower right"}))
    return figure


def fig1c(subject):
    """theta_1, theta_2, theta_10 through the PCA window."""
    pca = subject.analysis("pca")
    projection = pca.array("projection")
    shown = [mode for mode in (1, 2, 10) if mode <= len(projection)]
    if projection.shape[1] < 2:
        raise NotInFile(f"{pca.group.name}/projection has fewer than two iterations")
    figure, rows = style.axes(height=3.2, nrows=len(shown), sharex=True, squeeze=False)
    for axes, mode, colour in zip(rows[:, 0], shown, (style.RED, style.BLUE, style.GREEN)):
        axes.plot(projection[mode - 1], color=colour, linewidth=0.6, rasterized=True)
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.set_ylabel(rf"$\theta_{{{mode}}}$")
    rows[-1, 0].set_xlabel("iteration in the PCA window")
    rows[0, 0].set_title(subject.label("pca"))
    figure.align_ylabels()
    return figure
