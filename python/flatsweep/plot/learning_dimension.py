"""Figure S16: how many directions hold the variance, against the width of the network."""

import numpy as np

from . import style
from ..results import NotInFile

FRACTION = 0.999  # of the variance, held by D_l directions


def figS16(subject):
    """Variance outside of the first n directions, mean over seeds, a line for each width, all directions and without
    i = 1; D_l against N, mean and standard deviation over seeds, both forms; dashed: random walk, dash-dotted: white
    noise (in the spectra for the narrowest and the widest layer).
    """
    scan = WidthScan(subject)
    figure, (whole, rest, dimension) = style.axes(height=2.7, width=style.PAGE, ncols=3)
    for number, width in enumerate(scan.widths):
        colour = style.colour(number)
        for axes, first in ((whole, 0), (rest, 1)):
            left = scan.remainder(width, first)
            axes.loglog(np.arange(1, len(left) + 1), left, color=colour, label=f"$H$ = {width}")
    for axes, first in ((whole, 0), (rest, 1)):
        draw_spectrum_nulls(axes, scan, first)
        axes.axhline(1 - FRACTION, color=style.GREY, linewidth=0.7, linestyle=":")
        axes.set(xlabel="directions $n$", ylim=(2e-4, 1.2))
        axes.set_xlim(1, 4 * scan.most_needed())
    whole.set(ylabel="variance not in the first $n$", title="all directions")
    rest.set_title("without $i = 1$")
    rest.legend(*whole.get_legend_handles_labels(), loc="lower left", fontsize=6)
    draw_dimensions(dimension, scan)
    figure.suptitle(subject.common(subject.layer_of("pca")), fontsize=8)
    return figure


class WidthScan:
    """The finished replicas of the subject's grid point and of those that differ from it in width alone."""

    def __init__(self, subject):
        grid, self.subject = subject.results.grid, subject
        if "width" not in grid:
            raise NotInFile("the file has no widths: its networks were made elsewhere")
        same = subject.results.alike(subject.replica, but=("width", "seed"))
        self.replicas = {}
        for replica in sorted(same, key=lambda r: grid["width"][r]):
            self.replicas.setdefault(int(grid["width"][replica]), []).append(replica)
        self.widths = list(self.replicas)
        if len(self.widths) < 2:
            raise NotInFile("the file has fewer than two widths of one network")

    def groups(self, width):
        return [self.subject.analysis("pca", replica) for replica in self.replicas[width]]

    def numbers(self, width, attribute):
        return np.array([group.number(attribute) for group in self.groups(width)])

    def weights(self, width):
        return len(self.groups(width)[0].array("variance"))

    def iterations(self, width):
        return int(self.groups(width)[0].number("window_iterations"))

    def remainder(self, width, first):
        """Mean over seeds of the variance behind the leading directions, those before `first` left out."""
        curves = []
        for group in self.groups(width):
            variance = group.array("variance")
            variance = variance[np.isfinite(variance)]
            total = group.number("total_variance") - variance[:first].sum()
            curves.append(1 - np.cumsum(variance[first:]) / total)
        modes = min(map(len, curves))
        return np.mean([curve[:modes] for curve in curves], axis=0)

    def most_needed(self):
        return max(self.numbers(width, "learning_dimension_without_first").max() for width in self.widths)


def draw_spectrum_nulls(axes, scan, first):
    """A random walk as long as the window, and white noise in the narrowest and the widest layer."""
    steps = scan.iterations(scan.widths[-1])
    left = remainder_of(walk_spectrum(steps)[first:])
    axes.loglog(np.arange(1, len(left) + 1), left, color="black", linestyle="--", linewidth=0.9, label="random walk")
    for width in (scan.widths[0], scan.widths[-1]):
        left = remainder_of(white_noise_spectrum(scan.weights(width), scan.iterations(width))[first:])
        label = "white noise" if width == scan.widths[0] else None
        axes.loglog(np.arange(1, len(left) + 1), left, color=style.GREY, linestyle="-.", linewidth=0.8, label=label)


def draw_dimensions(axes, scan):
    """D_l against the number of weights, mean and standard deviation over seeds, both forms; nulls without markers."""
    weights = [scan.weights(width) for width in scan.widths]
    for first, suffix, colour, words in ((0, "", style.BLUE, "all directions"),
                                         (1, "_without_first", style.RED, "without $i = 1$")):
        values = [scan.numbers(width, "learning_dimension" + suffix) for width in scan.widths]
        spread = [value.std(ddof=1) if len(value) > 1 else 0 for value in values]
        axes.errorbar(weights, [value.mean() for value in values], yerr=spread, fmt="o-", color=colour, capsize=2,
                      markersize=3, label=words)
        walk = [needed(walk_spectrum(scan.iterations(width))[first:]) for width in scan.widths]
        axes.plot(weights, walk, color=colour, linestyle="--", linewidth=0.9)
        noise = [needed(white_noise_spectrum(scan.weights(width), scan.iterations(width))[first:]) for width in scan.widths]
        axes.plot(weights, noise, color=colour, linestyle="-.", linewidth=0.8, alpha=0.7)
    axes.plot([], [], color=style.GREY, linestyle="--", label="random walk")
    axes.plot([], [], color=style.GREY, linestyle="-.", label="white noise")
    seeds = [len(scan.replicas[width]) for width in scan.widths]
    counted = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    axes.set(xscale="log", yscale="log", xlabel="weights $N = H^2$", ylabel="learning dimension $D_l$",
             title=f"{counted} seeds")
    axes.legend(loc="upper left", fontsize=6)


def walk_spectrum(steps):
    """Of a centred random walk of so many steps in many dimensions, up to a factor."""
    return 1 / np.sin(np.pi * np.arange(1, steps) / (2 * steps)) ** 2


def white_noise_spectrum(size, steps):
    """Quantiles of the Marchenko-Pastur law for `steps` snapshots of `size` independent weights."""
    ratio, count = size / steps, min(size, steps - 1)
    angle = (np.arange(20000) + 0.5) * np.pi / 20000
    value = 1 + ratio + 2 * np.sqrt(ratio) * np.cos(angle)
    weight = np.sin(angle) ** 2 / value
    above = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.interp((np.arange(count) + 0.5) / count, above, value)


def remainder_of(spectrum):
    return np.maximum(1 - np.cumsum(spectrum) / spectrum.sum(), 1e-12)


def needed(spectrum):
    """Leading modes that hold the fraction."""
    return int(np.searchsorted(np.cumsum(spectrum), FRACTION * spectrum.sum() * (1 - 1e-12))) + 1
