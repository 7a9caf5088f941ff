"""What the symbols of the report mean; every sentence of result links the symbols it uses to their definitions."""

import re

from . import page
from .page import element

# Key of a marker «key»: symbol, and its definition.
SYMBOLS = {
    "psi": ("psi", "Exponent of sigma_i^2 ~ F_i^-psi, fitted to the principal directions of the fit range that move. One seed's interval "
            "is the scatter of directions about the line; that of a grid point is over seeds where there are three or more."),
    "sigma": ("sigma_i^2", "Variance of the weights along principal direction i over the window. The directions are those of the PCA of the "
              "weights after every iteration of the window, and count from 1."),
    "F": ("F_i", "Flatness along direction i: the distance between the nearest two points on either side of the solution w_0 where the "
          "training loss is e times L_0. A direction whose loss does not get there is unbounded and enters no fit."),
    "L0": ("L_0", "Training loss at the solution w_0, the weights at the end of the window."),
    "noise_walk": ("noise walk", "Control without a landscape: the steps that the run's own minibatches would make at weights held fixed at w_0, "
                   "added up, analysed like the window."),
    "held_out": ("directions of the other half", "Directions from the PCA of the window's last half; variance along them from its first half. "
                 "PCA cannot have chosen them by that variance."),
    "random_walk": ("random walk", "Free diffusion, the same in all directions: its mode i has the fraction 6/(pi i)^2 of the variance."),
    "psi_d": ("psi_D", "Exponent of D_i ~ F_i^-psi_D, D_i the mean square step along direction i. With psi_tau it adds up to psi by definition."),
    "psi_tau": ("psi_tau", "Exponent of tau_i ~ F_i^-psi_tau, tau_i = sigma_i^2/D_i the correlation time in iterations."),
    "D_l": ("D_l", "Learning dimension: the leading directions that hold 99.9 % of the variance."),
    "lambda_x": ("λ_x", "Crossover curvature: for a smaller p_i^T H p_i the window or the epoch is too short for the landscape to act back, and "
                 "variance does not say how noise and restoring force balance."),
    "alignment": ("|p_1 · w_0| / |w_0|", "How much the first principal direction p_1 points along the weights w_0 themselves, from 0 to 1."),
    "c_1": ("c_1", "Cosine content of direction 1: 1 for a movement like half a cosine over the window, as a steady drift or a free walk makes."),
}
MARKER = re.compile("«([A-Za-z0-9_]+)»")


def linked(text):
    """Pieces of a sentence, its markers as links to definitions."""
    pieces, end = [], 0
    for match in MARKER.finditer(text):
        if match[1] in SYMBOLS:
            pieces += [text[end:match.start()], link(match[1])]
            end = match.end()
    return [*pieces, text[end:]]


def link(key):
    return element("a", page.mathematics(SYMBOLS[key][0]), href=f"#symbol-{key}", class_="symbol")


def plain(text):
    """The sentence as text alone."""
    return MARKER.sub(lambda match: SYMBOLS[match[1]][0] if match[1] in SYMBOLS else match[0], text)


def used(sentences):
    """The symbols that the sentences link to, in the order of the table."""
    found = {key for text in sentences for key in MARKER.findall(text)}
    return [key for key in SYMBOLS if key in found]


def definitions(keys):
    """The list that the links lead to."""
    return element("dl", [[element("dt", page.mathematics(SYMBOLS[key][0]), id=f"symbol-{key}", tabindex="-1"),
                           element("dd", page.mathematics(SYMBOLS[key][1]))] for key in keys], class_="facts symbols")
