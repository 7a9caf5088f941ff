"""Sizes, colours and small helpers shared by the figures."""

import contextlib
import textwrap

import matplotlib
import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.style.core import STYLE_BLACKLIST
from matplotlib.ticker import FuncFormatter

COLUMN = 3.4  # inches: one column of a two-column page
PAGE = 7.0

# Okabe & Ito's palette, distinct for every common colour vision; the pale yellow is left out.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "#000000")
MARKERS = "os^Dv<>P"
LINES = ("-", "--", ":", "-.")
GREY = "0.45"

SETTINGS = {
    "pdf.fonttype": 42, "ps.fonttype": 42,  # TrueType: journals refuse Type 3, and the text stays text
    "font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "legend.fontsize": 7,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.frameon": False, "legend.handlelength": 1.6,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.1, "lines.markersize": 3,
    "figure.constrained_layout.use": True, "mathtext.fontset": "dejavusans",
}


DEFAULTS = {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in STYLE_BLACKLIST}


@contextlib.contextmanager
def applied():
    """Of all the settings a user may have made for matplotlib none changes or breaks what is drawn within; afterwards they
    stand again. The backend stays what it is: matplotlib's own rcdefaults would forget it."""
    matplotlib.get_backend()  # chosen now, if it has not been
    with matplotlib.rc_context():
        matplotlib.rcParams.update(DEFAULTS)
        matplotlib.rcParams.update(SETTINGS)
        try:
            yield
        finally:
            interactive = matplotlib.is_interactive()
    matplotlib.interactive(interactive)  # a backend that was loaded within may have set it


class Figure(matplotlib.figure.Figure):
    """A figure that is saved with the settings it was drawn with."""

    def savefig(self, *arguments, **options):
        with applied():
            super().savefig(*arguments, **options)


def colour(index):
    return COLOURS[index % len(COLOURS)]


def marker(index):
    """Changes along with the colour; there are eight marks and seven colours, so that no pair comes again before the 57th."""
    return MARKERS[index % len(MARKERS)]


def line(index):
    """The same for curves without marks: no pair comes again before the 29th."""
    return LINES[index % len(LINES)]


def axes(height=2.6, width=COLUMN, **layout):
    """A figure with its axes, as plt.subplots returns them."""
    return plt.subplots(figsize=(width, height), FigureClass=Figure, **layout)


def free_text(axes, words, places, **options):
    """The words at the first of the places (x, y, ha, va) where they touch no line and no other words of the axes; all else is drawn
    before. Where every place is taken, at the first."""
    axes.figure.draw_without_rendering()  # the layout, which extents depend on
    legend = axes.get_legend()
    boxes = [other.get_window_extent() for other in (*axes.texts, *([legend] if legend else []))]
    paths = [line.get_transform().transform_path(line.get_path()) for line in axes.get_lines()]
    for x, y, ha, va in places:
        text = axes.text(x, y, words, ha=ha, va=va, **options)
        box = text.get_window_extent().padded(1)
        if box.count_overlaps(boxes) == 0 and not any(path.intersects_bbox(box, filled=False) for path in paths):
            return text
        text.remove()
    x, y, ha, va = places[0]
    return axes.text(x, y, words, ha=ha, va=va, **options)


def sparse_minor_ticks(axis):
    """On a logarithmic axis of little more than a decade, label 2 and 5 only, as plain numbers: the rest would overlap."""
    def text(value, _):
        return f"{value:g}" if f"{value:e}"[0] in "25" else ""
    axis.set_minor_formatter(FuncFormatter(text))


def wrapped(text, width=44):
    """Lines of at most `width` letters, broken behind commas only; 44 fit into a column."""
    breakable = text.replace(" ", "\0").replace(",\0", ", ")
    return textwrap.fill(breakable, width).replace("\0", " ")


def random_walk(count):
    """Variance fractions 6 / (pi k)^2 of the modes k = 1 .. count of a free random walk."""
    return 6 / (np.pi * np.arange(1, count + 1)) ** 2


def psi_text(psi, low, high, points=np.nan):
    """psi = 4.1 [3.9, 4.3], n = 499, without the interval or the number when it is not known."""
    return exponent_text(r"\psi", psi, low, high, points)


def exponent_text(symbol, value, low, high, points=np.nan):
    """The same for any symbol of mathtext, with the number of points where it is known."""
    interval = f" [{low:.2f}, {high:.2f}]" if np.isfinite(low + high) else ""
    count = f", $n$ = {points:.0f}" if np.isfinite(points) else ""
    return rf"${symbol}$ = {value:.2f}{interval}{count}"
