"""The numbers of one replica that the page draws, thinned: cloud, profiles, spectra, nulls, training curves."""

import base64
import json
import zlib

import numpy as np

from .. import names
from ..profiles import whole_profiles
from ..results import NotInFile, absence, failure, read

CURVES = ("train_loss", "test_loss", "train_error", "test_error", "gradient_norm", "gradient_alignment")
SPECTRA = {"pca": ("variance",), "nulls": ("walk_spectrum", "white_noise_spectrum"),
           "curvature": ("hessian_eigenvalues", "empirical_fisher_eigenvalues", "noise_covariance_eigenvalues")}
BESIDE = {"walk": ("walk_flatness", "walk_own_variance"), "half": ("half_flatness", "half_variance"),
          "held_out": ("half_flatness", "held_out_variance")}
MODES, EPOCHS = 150, 150  # drawn of a spectrum, evenly in ln i; and of a curve
VIEW = 2.6      # ln L above ln L_0 up to which a profile is drawn
STEPS = 1000    # a profile's points are whole numbers: thousandths of its reach, and of ln L


class Detail:
    """How much of a replica is kept: directions in the cloud, those of them with a profile, and points of a profile."""

    def __init__(self, directions, profiles, points):
        self.directions, self.profiles, self.points = directions, profiles, points

    def letters(self, count):
        """About how much room a layer with `count` directions takes on the page."""
        shown = min(count, self.directions)
        return 36 * shown + 6 * self.points * min(shown, self.profiles) + 5500


DETAILS = [Detail(3000, 3000, 13), Detail(600, 600, 13), Detail(250, 250, 11), Detail(150, 150, 9), Detail(100, 40, 9), Detail(60, 0, 0),
           Detail(20, 0, 0)]
ROOM = 5_200_000  # letters of the page for all replicas


def detail_for(counts):
    """The most that fits; `counts`: directions of every layer of every replica."""
    return next((detail for detail in DETAILS if sum(map(detail.letters, counts)) <= ROOM), DETAILS[-1])


def directions_of(group):
    """The number of directions of every layer of a replica with a flatness."""
    return [len(layer["direction"]) for layer in group.get("flatness", {}).values() if "direction" in layer]


def packed(value):
    """Compressed JSON as base64: the page unpacks a replica when it is opened."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode())).decode()


def numbers(values, digits=4):
    """Rounded to so many digits; None stands for what is no number."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, "f8").tolist()]


def spaced(count, wanted):
    """At most `wanted` places of 0 .. count - 1, evenly in the logarithm of their number from 1."""
    if count <= wanted:
        return np.arange(count)
    return np.unique(np.geomspace(1, count, wanted).round().astype(int)) - 1


def replica(group, detail):
    """What the file has of a replica, layer by layer."""
    layers = {name: None for analysis in ("flatness", "pca", "curvature") for name in group.get(analysis, {})}
    return {"training": training(group), "window": numbers([group.attrs.get("window_first_epoch", np.nan)])[0],
            "layers": {name: layer(group, name, detail) for name in layers}}


def training(group):
    found = group.get(names.CURVES, {})
    curves = {name: read(found[name]) for name in CURVES if name in found}
    if not curves:
        return None
    count = min(map(len, curves.values()))
    rows = np.unique(np.linspace(0, count - 1, min(count, EPOCHS)).round().astype(int))
    epoch = read(found["epoch"])[:count] if "epoch" in found else np.arange(1, count + 1)
    return {"epoch": numbers(epoch[rows], 9)} | {name: numbers(curve[rows]) for name, curve in curves.items()}


def layer(group, name, detail):
    parts = {analysis: part(group, analysis, name) for analysis in ("flatness", "nulls", "pca", "curvature")}
    return {"cloud": cloud(parts["flatness"], detail) if parts["flatness"] else None,
            "beside": beside(parts["nulls"], detail) if parts["nulls"] else {},
            "along": along(parts["nulls"], detail) if parts["nulls"] else {}, "spectra": spectra(parts),
            "total": number(parts["pca"], "total_variance")}


def part(group, analysis, name):
    """The analysis of the layer; None where it is not there, failed, or could not be made."""
    found = group.get(f"{analysis}/{name}")
    return None if found is None or failure(found) or absence(found) else found


def number(group, name):
    return numbers([group.attrs.get(name, np.nan)], 6)[0] if group is not None else None


def array(group, name):
    if name not in group:
        raise NotInFile(f"{group.name} has no {name}")
    return read(group[name])


def cloud(group, detail):
    """Every direction with F, sigma^2, status and crossings; profiles of as many as there is room for, of the others slope and curvature."""
    direction = array(group, "direction")
    rows = spaced(len(direction), detail.directions)
    columns = {name: numbers(array(group, name)[rows]) for name in ("flatness", "variance", "left", "right") if name in group}
    status = array(group, "status")[rows].tolist() if "status" in group else []
    words = sorted(set(status))
    exponent = {name: number(group, name) for name in ("psi", "psi_low", "psi_high", "psi_points", "fit_first", "fit_last", "loss",
                                                       "crossover_curvature")}
    with_profile = chosen_profiles(group, rows, detail.profiles)
    drawn = profiles(group, rows, with_profile, detail.points)
    without = [row if there is None else -1 for row, there in zip(rows, drawn)]
    begin = {name: numbers([values[row] if row >= 0 else np.nan for row in without], 3)
             for name, values in ((name, array(group, name)) for name in ("slope", "curvature") if name in group)}
    return columns | begin | {"direction": direction[rows].tolist(), "words": words, "status": [words.index(word) for word in status],
                              "of": len(direction), "fit": exponent, "profiles": drawn}


def chosen_profiles(group, rows, count):
    """So many of the rows, of those whose profile has the points of a curve."""
    if "profile_theta" not in group or not count:
        return set()
    whole = rows[np.isin(rows, whole_profiles(array(group, "profile_theta")))]
    return set(whole[spaced(len(whole), count)].tolist())


def profiles(group, rows, chosen, points):
    """[reach, displacements, ln L - ln L_0] of each direction, the latter two in STEPS; None without a profile."""
    if "profile_theta" not in group or not points:
        return [None] * len(rows)
    theta, log_loss = array(group, "profile_theta"), array(group, "profile_log_loss")
    base = np.log(number(group, "loss") or np.nan)
    return [profile(theta[row], log_loss[row] - base, points) if row in chosen else None for row in rows]


def profile(theta, above, points):
    inside = np.isfinite(theta) & np.isfinite(above) & (above <= VIEW)
    if inside.sum() < 2:
        return None
    theta, above = theta[inside], above[inside]
    kept = np.unique(np.linspace(0, len(theta) - 1, points).round().astype(int))
    theta, above = theta[kept], above[kept]
    reach = float(f"{np.abs(theta).max():.4g}") or 1.0
    return [reach, (STEPS * theta / reach).round().astype(int).tolist(), (STEPS * above).round().astype(int).tolist()]


def beside(nulls, detail):
    """(F, sigma^2) of the controls: other directions than the replica's own."""
    found = {}
    for name, (width, variance) in BESIDE.items():
        if width in nulls and variance in nulls:
            rows = spaced(len(nulls[width]), min(detail.directions, 300))
            found[name] = {"flatness": numbers(array(nulls, width)[rows], 3), "variance": numbers(array(nulls, variance)[rows], 3)}
    return found


def along(nulls, detail):
    """Variances along the replica's own directions: of the noise walk, and as a quadratic loss predicts them."""
    found = {name: array(nulls, name) for name in ("walk_variance", "predicted_variance") if name in nulls}
    if "direction" not in nulls or not found:
        return {}
    rows = spaced(len(nulls["direction"]), min(detail.directions, 300))
    return {"direction": array(nulls, "direction")[rows].tolist()} | {name: numbers(values[rows], 3) for name, values in found.items()}


def spectra(parts):
    """Each as its numbers i, counted from 1, and values; those that are not positive are not drawn."""
    found = {}
    for analysis, kinds in SPECTRA.items():
        for name in kinds if parts[analysis] else ():
            if name in parts[analysis]:
                values = array(parts[analysis], name)
                rows = spaced(len(values), MODES)
                found[name] = [(rows + 1).tolist(), numbers(values[rows], 3)]
    return found
