#!/usr/bin/python3
"""Draws every figure from a small made-up results file, and tries broken files."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import h5py
import matplotlib.text
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "python"))
from flatsweep import linear_network  # noqa: E402, of the tree
from flatsweep.plot import captions, figures, finish, hyperparameters, style  # noqa: E402
from flatsweep.plot.registry import FIGURES, drawn  # noqa: E402
from flatsweep.plot.subject import open_subject  # noqa: E402
from flatsweep.results import Results  # noqa: E402

MODES, STEPS, EPOCHS = 60, 200, 12
GRID = {  # two grid points, two seeds each; the last replica diverged
    "batch_size": np.array([10, 10, 50, 50], "i4"), "learning_rate": np.full(4, 0.1), "width": np.full(4, 8, "i4"),
    "hidden_layers": np.full(4, 2, "i4"), "psi_assumed": np.full(4, 4.0), "seed": np.array([1, 2, 1, 2]),
    "epochs_trained": np.full(4, EPOCHS, "i4"), "optimizer": np.array([b"sgd"] * 4),
    "sampling": np.array([b"reshuffle"] * 4), "status": np.array([b"done", b"done", b"done", b"diverged"]),
}
# Which layers are analysed in the two kinds of network; a file of MLPs is as older versions wrote it.
LAYERS = {"mlp": ("fc2", "fc3"), "lenet5": ("conv1", "conv2")}
OTHER_STUDIES = {"figS13", "figS14", "fig_forgetting", "figS15"}
OF_LARGER_GRIDS = {"figS16", "fig_sampling", "fig_phase", "fig_prediction"}
OF_OTHER_INPUTS = OF_LARGER_GRIDS | OTHER_STUDIES | {"fig_two_layers"}
LEFT_OUT = {"mlp": {"figS09d", "figS01b", "figS11"} | OF_OTHER_INPUTS, "lenet5": {"figS09", "figS01a", "figS10"} | OF_OTHER_INPUTS}
NO_OTHER_STUDY = [f"skipped {name}: the file has no /summary/continual" for name in ("figS13", "figS14", "fig_forgetting")] + [
    'skipped figS15: the file is not of the study "noise"']
ONE_SAMPLING = "skipped fig_sampling: the grid has fewer than two samplings with nulls"
NO_GRID = ["skipped fig_phase: fewer than two axes of the grid have several values",
           "skipped fig_prediction: the file has no /summary/prediction/fc2"]
NOT_LINEAR = "skipped fig_two_layers: the closed form is known for activation = identity alone, not for None"
SAVE = style.Figure.savefig
ONE_WIDTH = "skipped figS16: the file has fewer than two widths of one network"


def write_training(replica):
    group = replica.create_group("training")
    group["epoch"] = np.arange(1, EPOCHS + 1)
    for name in ("train_loss", "train_error", "test_loss", "test_error", "gradient_norm", "gradient_alignment"):
        group[name] = 1.0 / np.arange(1, EPOCHS + 1)


def write_weights(replica, network):
    shapes = {"mlp": {"fc1": (8, 20), "fc2": (6, 10)}, "lenet5": {"conv1": (6, 3, 5, 5), "conv1_bias": (6,)}}
    for name, shape in shapes[network].items():
        replica[f"weights/{name}"] = np.random.default_rng(2).standard_normal(shape, dtype="f4")


def write_pca(replica, variance, layer):
    group = replica.create_group(f"pca/{layer}")
    group["variance"] = variance
    size = replica[f"weights/{layer}"].size
    group["directions"] = np.linalg.qr(np.random.default_rng(1).standard_normal((size, MODES)))[0].T
    group["projection"] = np.random.default_rng(0).standard_normal((10, STEPS), dtype="f4")


def write_flatness(replica, variance, layer):
    """A quadratic ln L whose widths follow sigma^2 = F^-4; the last mode never reaches the level on its right."""
    group = replica.create_group(f"flatness/{layer}")
    width = variance**-0.25
    right = width / 2
    right[-1] = np.nan
    theta = np.linspace(-0.8, 0.8, 9) * width[:, np.newaxis]
    group["direction"], group["variance"] = np.arange(MODES, dtype="i4"), variance
    group["loss_curvature"] = np.exp(-5) * 8 / width**2
    group["left"], group["right"], group["flatness"] = -width / 2, right, right + width / 2
    group["profile_theta"], group["profile_log_loss"] = theta, -5 + 4 * (theta / width[:, np.newaxis]) ** 2
    group.attrs.update(loss=np.exp(-5), psi=4.0, psi_low=3.9, psi_high=4.1, fit_first=1, fit_last=40)


def write_curvature(replica, variance, layer):
    """A loss whose curvature is 8/F^2 along the principal directions, three of them slightly negative; C = 0.5 H."""
    group = replica.create_group(f"curvature/{layer}")
    kappa = 8 * variance**0.5
    group["direction"], group["flatness"], group["flatness_curvature"] = np.arange(MODES, dtype="i4"), variance**-0.25, kappa
    for name in ("hessian", "log_loss_hessian", "empirical_fisher", "minibatch_second_moment", "noise_covariance"):
        group[f"{name}_eigenvalues"] = np.where(np.arange(MODES) < MODES - 3, kappa, -1e-9)
        group.attrs[f"{name}_trace"] = kappa.sum()
    group["rayleigh"] = group["log_loss_rayleigh"] = group["hessian_eigenvalues"][()]
    group["noise_rayleigh"] = 0.5 * group["rayleigh"][()]
    group["subspace"] = np.array([1, 10, 50], "i4")
    for name in ("noise_hessian", "noise_pca", "hessian_pca", "null"):
        group[f"overlap_{name}"] = np.array([0.9, 0.5, 0.2])
    group.attrs.update(commutator=0.1, commutator_null=0.9)
    for end in ("", "_low", "_high"):
        group.attrs[f"noise_exponent_pca_basis{end}"] = 1.0
    group["squared_hessian_eigenvalues"] = kappa**2
    group.attrs.update(noise_exponent_hessian_basis=1.0, squared_noise_exponent=0.5, squared_curvature_exponent=2.0)


def write_network_curvature(replica):
    group = replica.create_group("network_curvature/hessian")
    group["leading_eigenvalues"], group["smallest_eigenvalues"] = np.array([5.0, 2.0, 1.0]), np.array([-0.1])
    group["leading_layer_share"], group["layer"] = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]), np.array([b"fc1", b"fc2"])
    group["density_eigenvalue"] = np.linspace(-0.2, 5.2, 50)
    group["density"] = np.exp(-group["density_eigenvalue"][()])
    group.attrs.update(trace=9.0, trace_error=0.1)


def write_at_epochs(replica, layer):
    """Three epochs: the sharpness comes up to 2/alpha, directions grow flatter."""
    group = replica.create_group("curvature_at_epochs")
    group["epoch"] = np.array([0, 2, 20], "i4")
    for name, values in dict(leading_eigenvalue=[2.0, 10.0, 19.0], batch_sharpness=[3.0, 15.0, 20.5], batch_sharpness_error=[0.1, 0.2, 0.2],
                             learning_rate=[0.1, 0.1, 0.05], trace=[20.0, 80.0, 60.0], trace_error=[0.0, 0.0, 0.0]).items():
        group[name] = np.array(values)
    group = replica.create_group(f"flatness_at_epochs/{layer}")
    group["epoch"], group["direction"] = np.array([0, 2, 20], "i4"), np.array([0, 3, 9], "i4")
    group["flatness"] = np.array([[1.0, 2.0, np.nan], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]])
    group["local_flatness"] = 0.5 * group["flatness"][()]


def write_dynamics(replica, variance, layer):
    """Modes that relax with tau = 30 F^-2 iterations and D = F^-2; the static pass finds 20 % less."""
    group = replica.create_group(f"dynamics/{layer}")
    width = variance**-0.25
    noise, tau = width**-2, 30 * width**-2
    lag = np.unique(np.geomspace(1, STEPS - 1, 40).astype("i8")) - 1
    decay = np.exp(-lag / (2 * tau[:, np.newaxis]))
    group["direction"], group["lag"] = np.arange(MODES, dtype="i4"), lag
    group["flatness"] = np.where(np.arange(MODES) < MODES - 1, width, np.nan)
    group["noise_strength"], group["noise_strength_static"] = noise, 0.8 * noise
    group["noise_strength_window"] = 0.98 * noise
    group["tau"], group["tau_window"] = tau, 2 * tau
    group["integrated_autocorrelation"] = decay
    group["mean_square_displacement"] = group["measured_displacement"] = 2 * tau[:, np.newaxis] * (1 - decay)
    group.attrs.update(fit_first=1, fit_last=40, window_iterations=STEPS, static_ratio_median=0.8, window_ratio_median=0.98)
    for name, value in (("psi_d", 2), ("psi_tau", 2), ("psi_tau_window", 1.9), ("psi_same_directions", 4)):
        group.attrs.update({name: value, name + "_low": value - 0.1, name + "_high": value + 0.1})


def write_first_mode(replica, layer):
    """Straight gaps of 40 samples of ten classes, and three parabolas of which the first stands beside its minimum."""
    group = replica.create_group(f"first_mode/{layer}")
    theta = np.linspace(-1, 3, 21)
    gap, slope = np.linspace(5, 30, 40), np.linspace(0.5, 2, 40)
    group["theta"], group["modes"] = theta, np.array([0, 3, 40], "i4")
    group["sample"], group["label"] = np.arange(40, dtype="i4"), np.arange(40, dtype="i4") % 10
    group["gap"] = gap[:, np.newaxis] + slope[:, np.newaxis] * theta
    group["gap_at_zero"], group["gap_slope"], group["gap_intercept"] = gap, slope, gap
    group["log_loss"] = -5 + np.array([[0.2], [8], [2]]) * (theta - np.array([[1], [0], [0]])) ** 2
    group["flatness"] = np.array([4.0, 0.7, np.nan])
    group["own_theta"] = theta * np.array([[1], [0.1], [np.nan]])
    group["own_log_loss"] = -5 + 8 * group["own_theta"][()] ** 2
    for name in ("full", "plain_cumulant"):
        group[f"predicted_{name}"] = group["log_loss"][0] + 0.1
    group.attrs.update(median_r2=1.0, alignment=0.9, gap_correlation=1.0, gap_proportionality=0.07)


def write_filters(replica, layer):
    group = replica.create_group(f"filters/{layer}")
    for name, values in (("projection", np.geomspace(1e-6, 1, MODES)), ("sparsity", np.linspace(0.1, 0.8, MODES))):
        group[name] = values
        group.attrs.update({f"{name}_null": 0.2, f"{name}_rank_correlation": 1.0,
                            f"{name}_moving_rank_correlation": 1.0, "moving": MODES - 9})


def write_mlf(replica, variance, layer, minima=True):
    """Independent normal minima and curvatures whose widths follow F = variance^(-1/4)."""
    group, random = replica.create_group(f"mlf/{layer}"), np.random.default_rng(1)
    width, count = variance**-0.25, 80
    theta = 0.5 * width[:, np.newaxis] * random.standard_normal((MODES, count))
    diagonal = 4 / width[:, np.newaxis] ** 2 * (1 + 0.2 * random.standard_normal((MODES, count)))
    group["direction"], group["flatness"] = np.arange(MODES, dtype="i4"), width
    group["theta"], group["theta_newton"] = theta if minima else np.full_like(theta, np.nan), theta
    group["theta_sigma_robust"] = 0.5 * width if minima else np.full_like(width, np.nan)
    group["theta_newton_sigma_robust"] = 0.5 * width
    group["m_diagonal"], group["m_diagonal_mean"] = diagonal, diagonal.mean(axis=1)
    group["gradient_variance"] = (diagonal * theta).var(axis=1)
    group["pairs"], group["m_off_diagonal"] = np.array([[2, 5], [28, 40]], "i4"), random.standard_normal((2, count))
    for name in ("theta_i_m_ii", "abs_theta_i_m_ii", "theta_i_theta_j"):
        group[f"correlations/{name}/spearman"] = random.uniform(-0.2, 0.2, MODES)
    for name in ("ensemble", "ensemble_robust", "gradient", "measured"):
        group[f"closure/{name}"] = 8 / width**2
        group["closure"].attrs[f"{name}_median_ratio"] = 1.0
    group.attrs.update(minibatches=count, fit_first=1, fit_last=40)
    for name, exponent in (("sigma_robust", 1), ("sigma_newton_robust", 1), ("m", -2), ("product_robust", -2),
                           ("gradient_variance", -2)):
        for end in ("", "_low", "_high"):
            group.attrs[f"{name}_exponent{end}"] = float(exponent)


def write_nulls(replica, variance, layer):
    """Every null, made up; the shortest window's psi is not known."""
    group = replica.create_group(f"nulls/{layer}")
    length = np.array([50, 100, STEPS])
    group["walk_spectrum"], group["white_noise_spectrum"] = 0.7 * variance, np.full(MODES, variance.mean())
    for name in ("direction", "walk_direction", "half_direction"):
        group[name] = np.arange(MODES, dtype="i4")
    for name in ("walk_variance", "fresh_walk_variance", "noise_variance", "predicted_variance", "flat_variance"):
        group[name] = variance**0.5
    group["walk_flatness"], group["walk_own_variance"] = variance**-0.25, 0.7 * variance
    group["half_flatness"], group["half_variance"] = variance**-0.25, variance
    group["held_out_variance"] = variance**0.5
    group["scan_length"], group["scan_total_variance"] = length, length / STEPS
    for suffix in ("", "_null", "_without_first", "_null_without_first"):
        group[f"scan_learning_dimension{suffix}"] = length // 5
    group["scan_leading_fraction"] = np.tile([0.6, 0.15, 0.07], (3, 1))
    group["scan_psi"], group["scan_psi_low"], group["scan_psi_high"] = [[np.nan, x, x] for x in (4.0, 3.9, 4.1)]
    group.attrs.update(walk_psi=4.3, half_psi=4.5, held_out_psi=2.1)


def write_bases(replica, variance, layer):
    """Two bases; the random one has hardly any spread, and no exponent."""
    for name, spread, psi in (("hessian", 1.0, 2.0), ("random", 0.05, np.nan)):
        group = replica.create_group(f"bases/{layer}/{name}")
        curvature = 8 * variance ** (0.5 * spread)
        group["direction"], group["variance"] = np.arange(MODES, dtype="i4"), variance**spread
        group["variance_without_first"] = 0.8 * variance**spread
        group["loss_curvature"], group["flatness"] = curvature, np.sqrt(8 / curvature)
        group["predicted_variance"], group["flat_variance"] = 0.5 / curvature, np.full(MODES, 0.1)
        group["stationary_variance"] = np.full(MODES, np.nan)  # as for Adam
        if name == "hessian":
            group["whole_predicted_variance"] = 0.6 / curvature
        group.attrs.update(determined=MODES - 3, rounding_variance=1e-12, crossover_curvature=1.0, psi_without_first=psi, psi_without_first_low=psi,
                           psi_without_first_high=psi)


def write_linear(path, size=3, rate=0.01, noise=0.1):
    """Both layers are diag(1, 1/2, 1/4): of a mode of curvature v^2 + w^2 each has alpha noise/2 w^2/(v^2 + w^2), but for the window."""
    squares = np.array([1.0, 0.25, 0.0625])
    grid = {"architecture": b"mlp", "activation": b"identity", "loss": b"square", "optimizer": b"sgd", "hidden_layers": 1, "width": size,
            "sampling": b"with-replacement", "batch_size": 10, "learning_rate": rate, "seed": 1, "status": b"done"}
    with h5py.File(path, "w") as file:
        file.attrs["config"] = "[window]\nlength_epochs = 1000\n[grid]\nseed = [1]\n"
        for name, value in grid.items():
            file[f"grid/{name}"] = np.array([value])
        for layer in ("fc1", "fc2"):
            file[f"replica/000000/weights/{layer}"] = np.diag(np.sqrt(squares)).astype("f4")
            group = file.create_group(f"replica/000000/bases/{layer}/hessian")
            group["direction"], group["vectors"] = np.arange(size * size, dtype="i4"), np.eye(size * size)
            own, other = (squares[:, np.newaxis], squares) if layer == "fc1" else (squares, squares[:, np.newaxis])
            curvature = np.broadcast_to(own, (size, size)).ravel()
            variance = rate * noise / 2 * (own / (own + other)).ravel()
            for name, values in dict(loss_curvature=curvature, noise_variance=noise * curvature, flatness=np.sqrt(8 / curvature), variance=variance,
                                     variance_without_first=variance, predicted_variance=np.full(size * size, rate * noise / 2)).items():
                group[name] = values
            group.attrs.update(determined=size * size, rounding_variance=1e-12, fit_first=0, fit_last=size * size - 1, window_iterations=100000,
                               psi_without_first=1.0, crossover_curvature=np.nan)


def write_summary(file, layer):
    group = file.create_group(f"summary/psi/{layer}")
    for name in ("architecture", "batch_size", "learning_rate", "width", "hidden_layers", "optimizer", "sampling"):
        if name in file["grid"]:
            group[name] = file[f"grid/{name}"][::2]
    group["psi"], group["psi_low"], group["psi_high"] = [4.0, 3.8], [3.9, np.nan], [4.1, np.nan]


def write_pool(file, layer):
    """Two seeds of the first grid point whose leading directions are orthogonal."""
    group = file.create_group(f"summary/pooled_pca/{layer}/000000")
    modes = np.array([1, 2, 5])
    group["variance"] = np.sort(np.repeat(np.arange(1, MODES + 1) ** -2.5 / 2, 2))[::-1]
    group["overlap_modes"], group["overlap"] = modes, np.tile(np.eye(2) * 0.9 + 0.05, (3, 1, 1))
    group["overlap_mean"], group["overlap_random"] = np.full(3, 0.05), modes / 600
    group["overlap_random_std"] = np.full(3, 1e-3)
    group["seed_share"] = np.tile([[1.0, 0.0], [0.2, 0.8]], (3, 1))
    group.attrs.update({key: values[0] if key != "optimizer" and key != "sampling" else values[0].decode()
                        for key, values in GRID.items() if key not in ("psi_assumed", "seed", "status", "epochs_trained")})
    if "architecture" in file["grid"]:
        group.attrs["architecture"] = file["grid/architecture"][0].decode()
    group.attrs.update(fraction=0.999, modes_for_fraction=40)


def write_results(path, points=2, network="mlp"):
    """The layout of docs/output.md, with `points` grid points."""
    layers = LAYERS[network]
    variance = np.arange(1, MODES + 1) ** -2.5
    with h5py.File(path, "w") as file:
        for name, values in GRID.items():
            file[f"grid/{name}"] = values[: 2 * points]
        file["grid/replica"] = np.arange(2 * points)  # a scale, not an axis
        if network != "mlp":
            file["grid/architecture"] = np.array([network.encode()] * 2 * points)
        for number in range(min(2 * points, 3)):
            replica = file.create_group(f"replica/{number:06d}")
            replica.attrs.update(window_first_epoch=EPOCHS - 2, epochs_trained=EPOCHS)
            write_training(replica)
            write_weights(replica, network)
            write_pca(replica, variance, layers[0])
            write_first_mode(replica, layers[0])
            write_filters(replica, layers[0])
            write_network_curvature(replica)
            write_at_epochs(replica, layers[0])
            write_bases(replica, variance, layers[0])
            for layer in layers:
                write_flatness(replica, variance, layer)
                write_curvature(replica, variance, layer)
                write_dynamics(replica, variance, layer)
                write_mlf(replica, variance, layer)
                write_nulls(replica, variance, layer)
        write_pool(file, layers[0])
        if points > 1:
            write_summary(file, layers[0])


def write_continual(path, methods=(("none", np.nan), ("ldc", 3.0), ("ldc", 4.0), ("ewc", np.nan))):
    """Two tasks, two N_c and three strengths; the average error is least at the middle strength."""
    rows = [(method, psi, count, strength) for method, psi in methods
            for count in ((0,) if method == "none" else (20, 200)) for strength in ((0.0,) if method == "none" else (1.0, 10.0, 100.0))]
    count = len(rows)
    error = np.array([[0.5, 0.01] if row[3] == 0 else [0.3 / row[3], 0.002 * row[3] + 0.1 / row[2]] for row in rows])
    columns = {"method": np.array([row[0].encode() for row in rows]), "psi": np.array([row[1] for row in rows]),
               "constraint_count": np.array([row[2] for row in rows]), "strength": np.array([row[3] for row in rows]),
               "trained": np.array([b"analysed"] * count), "biases": np.array([b"held"] * count),
               "held": np.array([b"none" if row[0] == "none" else b"analysed" for row in rows]),
               "leading_mode": np.array([b"in"] * count)}
    table = columns | {"lambda": 1e3 * columns["strength"], "normalised_lambda": 1e7 * columns["strength"], "test_error": error,
                       "test_error_se": 0.1 * error, "average_error": error.mean(axis=1), "average_error_se": 0.1 * error.mean(axis=1)}
    point = {"architecture": b"mlp", "batch_size": 50, "learning_rate": 0.1, "width": 8, "hidden_layers": 2, "sampling": b"reshuffle"}
    with h5py.File(path, "w") as file:
        for name, value in (point | {"seed": 1, "psi_assumed": 4.0, "optimizer": b"sgd", "status": b"done"}).items():
            file[f"grid/{name}"] = np.array([value])
        group = file.create_group("replica/000000/continual")
        group.attrs["tasks"] = "0 1; 2 3"
        group["epoch"] = np.arange(5)
        group["test_error"] = np.repeat(error[:, np.newaxis], 5, axis=1)
        for name, values in columns.items():
            group[name] = values
        paths = [row for row in range(count) if rows[row][3] in (0.0, 10.0)]
        for name, chosen in (("summary/continual", slice(None)), ("summary/continual/least", paths)):
            group = file.create_group(name)
            for key, values in table.items():
                group[key] = values[chosen]
            for key, value in point.items():
                group[key] = np.array([value] * len(group["method"]))
        file["summary/continual/least/enough_constraints"] = np.array([20] * len(paths))


def write_noise(path):
    runs = [(b"sgd", 0.0, 30), (b"gd", 0.0, 500), (b"flatness-detecting", 1.0, 500), (b"isotropic", 1.0, 500)]
    with h5py.File(path, "w") as file:
        file["grid/noise_method"] = np.array([run[0] for run in runs for _ in "12"])
        file["grid/noise_amplitude"] = np.array([run[1] for run in runs for _ in "12"])
        for name, value in {"learning_rate": 0.1, "batch_size": 50, "width": 35, "status": b"done", "sampling": b"reshuffle"}.items():
            file[f"grid/{name}"] = np.array([value] * 2 * len(runs))
        for number in range(2 * len(runs)):
            group = file.create_group(f"replica/{number:06d}/training")
            epoch = np.arange(1, runs[number // 2][2] + 1 - 5 * (number % 2))  # a loss that is reached ends a training
            group["train_loss"] = 2.0 / epoch
            group["test_error"] = 0.02 + (0.5 + 0.01 * number) / epoch


def virtual(group, name):
    layout = h5py.VirtualLayout(shape=(MODES,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(MODES,))
    group.create_virtual_dataset(name, layout)


# What may stand where an array of numbers should.
HOSTILE = {
    "nothing": lambda group, name: None,
    "a number": lambda group, name: group.__setitem__(name, 1.0),
    "no value": lambda group, name: group.__setitem__(name, h5py.Empty("f8")),
    "no elements": lambda group, name: group.__setitem__(name, np.zeros(0)),
    "a group": lambda group, name: group.create_group(name),
    "texts": lambda group, name: group.__setitem__(name, np.array([b"a", b"\xff"])),
    "records": lambda group, name: group.__setitem__(name, np.zeros(3, [("a", "f8")])),
    "more than the file holds": lambda group, name: group.create_dataset(name, shape=(1 << 50,), dtype="f8", chunks=(1024,)),
    "storage in another file": lambda group, name: group.create_dataset(name, shape=(10,), dtype="f8",
                                                                        external=[("/etc/passwd", 0, 80)]),
    "a view of another file": virtual,
    "a link that leads nowhere": lambda group, name: group.__setitem__(name, h5py.SoftLink("/nowhere")),
    "a link to itself": lambda group, name: group.__setitem__(name, h5py.SoftLink(f"{group.name}/{name}")),
    "a link to another file": lambda group, name: group.__setitem__(name, h5py.ExternalLink("other.h5", "x")),
}


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.results = self.folder / "results.h5"

    def start(self, main, *arguments):
        """Exit code, lines on stdout, lines on stderr."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*map(str, arguments)])
        return code, out.getvalue().splitlines(), err.getvalue().splitlines()


@contextlib.contextmanager
def checked_figures(test, network, layers):
    """Looks at every figure that is drawn within, after it is saved as PDF, the last of its kinds."""
    save = style.Figure.savefig

    def check(figure, path, **options):
        save(figure, path, **options)
        if path.suffix == ".pdf":
            with test.subTest(figure=path.stem):
                check_figure(test, figure, network, () if path.stem in ("figS01a", "figS01b", "figS02") else layers)

    with unittest.mock.patch.object(style.Figure, "savefig", check):
        yield


def check_figure(test, figure, network, layers):
    """Network and layer in a title, letters of panels, two labels on every axis, clouds with looks of their own."""
    texts = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    test.assertTrue(any(network in text for text in texts), texts)
    test.assertTrue(not layers or any(layer in text for layer in (*layers, "all layers") for text in texts), texts)
    panels = finish.panels_of(figure)
    if len(panels) > 1:
        test.assertLessEqual({"A", "B"}, set(texts))
    for axes in panels:
        for axis, shared in ((axes.xaxis, axes.get_shared_x_axes()), (axes.yaxis, axes.get_shared_y_axes())):
            low, high = sorted(axis.get_view_interval())
            labels = [tick for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
                      if tick.label1.get_visible() and tick.label1.get_text() and low <= tick.get_loc() <= high]
            if labels or len(shared.get_siblings(axes)) == 1:
                test.assertGreaterEqual(len(labels), 2, (axes.get_xlabel(), axes.get_ylabel(), axis, low, high))
        clouds = [(line.get_marker(), line.get_color(), line.get_fillstyle()) for line in axes.get_lines()
                  if line.get_linestyle() == "None" and not line.get_label().startswith("_")]
        test.assertEqual(len({mark for mark, *_ in clouds}), len(clouds), clouds)


def save_alone(kind):
    """In place of savefig: of PNG and PDF one alone. The other takes the layout and the drawing a second time."""
    def save(figure, path, **options):
        return SAVE(figure, path, **options) if path.suffix == kind else path.write_bytes(bytes(2000))

    return save


class FiguresTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.enterContext(unittest.mock.patch.object(figures, "DPI", 50))  # one test looks at the real one
        self.enterContext(unittest.mock.patch.object(style.Figure, "savefig", save_alone(".png")))

    def call(self, *arguments):
        return self.start(figures.main, self.results, *arguments)

    def refused(self, *arguments):
        """The one line of a refusal."""
        code, _, errors = self.call(*arguments)
        self.assertEqual((code, len(errors)), (2, 1), errors)
        return errors[0]

    def draws_all_but(self, network):
        """Draws everything and leaves out LEFT_OUT; returns the lines that say why."""
        write_results(self.results, network=network)
        with checked_figures(self, {"mlp": "20-8-6", "lenet5": "lenet5"}[network], LAYERS[network]):
            code, lines, errors = self.call()
        self.assertEqual((code, errors), (0, []))
        drawn = [name for name in FIGURES if name not in LEFT_OUT[network]]
        self.assertEqual(lines[:-1], [f"{self.folder}/figures/{name}.{{png,pdf}}" for name in drawn])
        self.assertTrue(lines[-1].startswith(f"without data for {len(LEFT_OUT[network])} other figures"), lines[-1])
        self.assertEqual(set(lines[-1].partition(": ")[2].split()), LEFT_OUT[network])
        written = {path.name for path in (self.folder / "figures").iterdir() if path.stat().st_size > 1000}
        self.assertEqual(written, {f"{name}.{kind}" for name in drawn for kind in ("png", "pdf")})
        code, skipped, errors = self.call("--only", *LEFT_OUT[network])
        self.assertEqual((code, len(errors)), (2, 1))
        return skipped

    @unittest.mock.patch.object(style.Figure, "savefig", save_alone(".pdf"))
    def test_draws_every_figure_of_fully_connected_layers(self):
        """As PDF; other tests save PNG."""
        self.assertCountEqual(self.draws_all_but("mlp"), [
            "skipped figS09d: flatness was measured for no convolution layer",
            "skipped figS01b: the network has no convolution layer; figS01a shows it",
            "skipped figS11: velocities were analysed for no convolution layer", ONE_WIDTH, ONE_SAMPLING, NOT_LINEAR, *NO_GRID,
            *NO_OTHER_STUDY])

    def test_draws_every_figure_of_convolution_layers(self):
        self.assertCountEqual(self.draws_all_but("lenet5"), [
            "skipped figS09: flatness was measured for fewer than two fully connected layers",
            "skipped figS01a: the network has convolution layers; figS01b shows it",
            "skipped figS10: velocities were analysed for fewer than two fully connected layers", ONE_WIDTH, ONE_SAMPLING, NOT_LINEAR, NO_GRID[0],
            "skipped fig_prediction: the file has no /summary/prediction/conv1", *NO_OTHER_STUDY])

    def test_draws_the_study_of_continual_learning(self):
        write_continual(self.results)
        code, lines, errors = self.call("--only", "figS13", "figS14", "fig_forgetting")
        self.assertEqual((code, len(lines), errors), (0, 3, []))

    def test_says_what_a_study_of_continual_learning_lacks(self):
        write_continual(self.results, (("none", np.nan), ("ldc", 4.0)))
        _, lines, _ = self.call("--only", "figS13", "figS14", "fig_forgetting")
        self.assertEqual(lines[:2], ["skipped figS13: the file has LDC with fewer than two psi",
                                     "skipped figS14: the file compares fewer than two ways to hold on to the first task"])

    def test_draws_the_study_of_noise(self):
        write_noise(self.results)
        code, lines, errors = self.call("--only", "figS15")
        self.assertEqual((code, len(lines), errors), (0, 1, []))

    def test_draws_samplings_side_by_side(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/batch_size"][...] = 50
            del file["grid/sampling"]
            file["grid/sampling"] = np.array([b"reshuffle"] * 2 + [b"with-replacement"] * 2)
        code, lines, errors = self.call("--only", "fig_sampling")
        self.assertEqual((code, len(lines), errors), (0, 1, []))

    def test_draws_what_the_two_layers_of_a_linear_network_share(self):
        write_linear(self.results)
        with Results(self.results) as results:
            title = drawn(FIGURES["fig_two_layers"], open_subject(results)).axes[0].get_title()
            for layer in ("fc1", "fc2"):
                closed = linear_network.coupled_variance(results, 0, layer, "hessian")
                np.testing.assert_allclose(closed, results.file[f"replica/000000/bases/{layer}/hessian/variance"], rtol=0.02)  # of the window
        self.assertAlmostEqual(float(title.split("closed form")[1]), 1.0, delta=0.02)

    def test_draws_what_all_of_both_matrices_predict_where_it_is_known(self):
        write_results(self.results)
        with Results(self.results) as results:
            hessian, random = drawn(FIGURES["fig_bases"], open_subject(results)).axes[:2]
        lines = {line.get_label(): line for line in hessian.get_lines()}
        whole = lines["predicted from all of $H$ and $C_B$"].get_ydata() / lines["predicted in the window"].get_ydata()
        np.testing.assert_allclose(whole, 0.6 / 0.5)
        self.assertNotIn("predicted from all of $H$ and $C_B$", [line.get_label() for line in random.get_lines()])

    def test_draws_flatness_against_curvature_where_there_is_no_window(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for group in (group for replica in file["replica"].values() for group in replica["bases/fc2"].values()):
                group["variance"][...] = np.nan
                group.attrs["loss"] = 1 / (np.e - 1)
        with Results(self.results) as results:
            hessian = drawn(FIGURES["fig_bases"], open_subject(results)).axes[0]
        measured, quadratic = hessian.get_lines()
        np.testing.assert_allclose(np.sort(measured.get_ydata()), np.sort(quadratic.get_ydata()))

    def test_draws_curvature_over_two_over_alpha(self):
        write_results(self.results)
        with Results(self.results) as results:
            axes = drawn(FIGURES["fig_edge"], open_subject(results)).axes[0]
            solid, dashed = axes.get_lines()[:2]
            np.testing.assert_allclose(solid.get_ydata(), [3.0 / 20, 15.0 / 20, 20.5 / 40])
            np.testing.assert_allclose(dashed.get_ydata(), [2.0 / 20, 10.0 / 20, 19.0 / 40])
            lines = drawn(FIGURES["fig_at_epochs"], open_subject(results)).axes[0].get_lines()
            edge = next(line for line in lines if line.get_label() == r"$2/\alpha$")
            np.testing.assert_allclose(edge.get_ydata(), [20, 20, 40])  # the learning rate is halved
            final, local = drawn(FIGURES["fig_at_epochs"], open_subject(results)).axes[2].get_lines()[:2]
            np.testing.assert_allclose(local.get_ydata(), 0.5 * final.get_ydata())
            self.assertEqual((final.get_linestyle(), local.get_linestyle(), final.get_color()), ("-", "--", local.get_color()))
        write_results(self.results, points=1)
        self.assertEqual(self.call("--only", "fig_edge")[1], ["skipped fig_edge: fewer than two batch sizes or learning rates have the group "
                                                              "curvature_at_epochs"])

    def test_draws_two_phases_over_the_grid(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["replica/000000/training/train_error"][4:] = 0
            file["grid/learning_rate"][...] = [0.1, 0.2, 0.1, 0.1]
        with Results(self.results) as results:
            panels = drawn(FIGURES["fig_two_phases"], open_subject(results)).axes
        self.assertEqual([axes.get_title() for axes in panels[:2]], [r"$\alpha$ = 0.1", r"$\alpha$ = 0.2"])
        curve, dot = panels[4].get_lines()[:2]
        np.testing.assert_allclose(curve.get_ydata(), 1.0 / np.arange(1, EPOCHS + 1))
        self.assertEqual((list(dot.get_xdata()), list(dot.get_ydata())), ([5], [0.2]))

    def test_draws_a_phase_diagram_with_what_is_unsolved(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/learning_rate"][...] = [0.1, 0.2, 0.1, 0.2]
            del file["grid/status"]
            file["grid/status"] = np.array([b"done", b"done", b"done", b"unsolved"])
            for number, replica in enumerate(file["replica"].values()):
                replica["pca/fc2"].attrs.update(learning_dimension=20 + number)
        with Results(self.results) as results:
            figure = drawn(FIGURES["fig_phase"], open_subject(results))
            words = [text.get_text() for text in figure.axes[0].texts]
            hatched = [patch.get_xy() for patch in figure.axes[0].patches if patch.get_hatch()]
            self.assertEqual((words[:3], words[3:], hatched), (["4", "4", "4"], ["A"], [(1, 1)]))
            self.assertIn("20", [text.get_text() for text in figure.axes[2].texts])
            self.assertIn("Hatched: replicas without a solution", captions.of(FIGURES["fig_phase"], figure))

    def test_draws_what_goes_with_the_test_error(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            table = file.create_group("summary/prediction/fc2")
            table["measure"] = np.array([b"flatness", b"psi"])
            for target in ("test_error", "loss_gap", "test_error_of_shape", "loss_gap_of_shape"):
                for name, values in {"tau": [-0.5 if target.endswith("shape") else -0.6, 0.1], "tau_low": [-0.8, np.nan], "tau_high": [-0.4, np.nan], "null_low": [-0.3, -0.3],
                                     "null_high": [0.3, 0.3], "replicas": [12, 12]}.items():
                    table[f"{target}_{name}"] = np.array(values)
        code, lines, errors = self.call("--only", "fig_prediction")
        self.assertEqual((code, len(lines), errors), (0, 1, []))
        with Results(self.results) as results:
            figure = drawn(FIGURES["fig_prediction"], open_subject(results))
            self.assertEqual([label.get_text() for label in figure.axes[0].get_yticklabels()], ["flatness", "psi"])
            self.assertIn("diamonds: only networks of one shape", captions.of(FIGURES["fig_prediction"], figure))

    def test_draws_the_learning_dimension_of_several_widths(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/batch_size"][...] = 50
            file["grid/width"][...] = [8, 8, 16, 16]
            for number, replica in enumerate(file["replica"].values()):
                variance = replica["pca/fc2/variance"]
                total = variance[()].sum()
                if number == 2:
                    variance[20:] = np.nan  # only the leading modes were computed
                variance.parent.attrs.update(total_variance=total, window_iterations=STEPS, learning_dimension=20 + number,
                                             learning_dimension_without_first=30 + number)
        code, lines, errors = self.call("--only", "figS16", "fig1a", "fig1b")
        self.assertEqual((code, len(lines), errors), (0, 3, []))

    def test_says_that_a_grid_point_has_no_pool(self):
        write_results(self.results)
        code, lines, _ = self.call("--replica", 2, "--only", "fig_pooled_pca", "figS02")
        self.assertEqual(lines[0], "skipped fig_pooled_pca: the grid point has no pooled PCA: it failed, or fewer than two seeds are done")

    def test_draws_spectra_without_nulls(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for replica in file["replica"].values():
                del replica["nulls"]
        code, lines, _ = self.call("--only", "fig1a", "fig1b", "fig_window_scan", "fig_held_out")
        self.assertEqual((code, len(lines)), (0, 4))
        self.assertTrue(lines[2].startswith("skipped fig_window_scan: the file has no /replica/000000/nulls/"))

    def test_names_of_guides_touch_no_curve(self):
        def touched(figure):
            axes, = figure.axes
            figure.draw_without_rendering()
            boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
            found = set()
            for line in axes.get_lines():
                x, y = np.log(line.get_data())
                dense = np.linspace(x[0], x[-1], 4000)
                points = line.get_transform().transform(np.exp(np.column_stack([dense, np.interp(dense, x, y)])))
                found |= {name for name, box in boxes.items() if ((points > box.min) & (points < box.max)).all(axis=1).any()}
            return found, len(boxes)
        write_results(self.results)
        rank = np.arange(1.0, 500)
        for steeper in (0.0, 1.0, 2.0, 3.0, 4.0):
            with h5py.File(self.results, "a") as file:
                for replica in file["replica"].values():
                    del replica["nulls/fc2"], replica["pca/fc2/variance"]
                    replica["pca/fc2/variance"] = rank**-2 / (1.0 + (rank / 20.0) ** steeper)
                    replica.create_group("nulls/fc2")
            with Results(self.results) as results:
                self.assertEqual(drawn(FIGURES["fig1a"], open_subject(results), touched), (set(), 2), steeper)

    def test_pictures_have_300_dots_an_inch(self):
        self.assertEqual(subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1])\nfrom flatsweep.plot import figures\nprint(figures.DPI)",
                                         FOLDER.parent / "python"], capture_output=True, text=True).stdout, "300\n")

    def test_captions_say_what_was_drawn(self):
        write_results(self.results)
        with Results(self.results) as results:
            def caption(name):
                return drawn(FIGURES[name], open_subject(results), lambda figure: captions.of(FIGURES[name], figure))
            with_nulls = caption("fig1a"), caption("fig_held_out")
        self.assertIn("all seeds of the grid point and their mean, guide slopes i^-2 and i^-3, the random", with_nulls[0])
        self.assertIn("total variance, the noise walk, white noise.", with_nulls[0])
        self.assertEqual(with_nulls[1], "Variance against flatness: SGD, the noise walk along its own directions, one half of the window along "
                         "directions of the other.")
        with h5py.File(self.results, "a") as file:
            for replica in file["replica"].values():
                del replica["nulls/fc2/walk_spectrum"], replica["nulls/fc2/walk_flatness"]
        with Results(self.results) as results:
            self.assertIn("total variance, white noise.", caption("fig1a"))
            self.assertEqual(caption("fig_held_out"), "Variance against flatness: SGD, one half of the window along directions of the other.")

    def test_label_names_the_network_by_its_units_unless_it_has_a_name(self):
        listed = b"conv 16 kernel 3 padding 1, pool 2, fc 10"
        write_results(self.results, network="lenet5")
        with h5py.File(self.results, "a") as file:
            del file["grid/architecture"]
            file["grid/architecture"] = np.array([b"mlp", b"cnn-s1b", listed, listed])
        with Results(self.results) as results:
            labels = [open_subject(results, replica).label() for replica in range(3)]
        self.assertEqual(labels[0], r"mlp, $B$ = 10, $\alpha$ = 0.1")
        self.assertEqual(labels[1], r"cnn-s1b, $B$ = 10, $\alpha$ = 0.1")
        self.assertEqual(labels[2], listed.decode() + "\n" + r"$B$ = 50, $\alpha$ = 0.1")

    def test_label_names_an_optimiser_and_a_sampling_that_are_not_the_usual(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            del file["grid/optimizer"], file["grid/sampling"]
            file["grid/optimizer"] = np.array([b"adam", b"sgd", b"sgd", b"sgd"])
            file["grid/sampling"] = np.array([b"reshuffle", b"with-replacement", b"reshuffle", b"reshuffle"])
        with Results(self.results) as results:
            labels = [open_subject(results, replica).label() for replica in range(3)]
        self.assertEqual([label.split("0.1")[1] for label in labels], [", adam", ", with-replacement", ""])

    def test_an_axis_that_is_not_known_makes_grid_points_and_is_named(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/batch_size"][...] = 10
            file["grid/initial_scale"] = [1.0, 1.0, 1.0, 3.0]
            file["grid/status"][...] = b"done"
        with Results(self.results) as results:
            self.assertEqual(list(results.points().values()), [[0, 1, 2], [3]])
            self.assertEqual(open_subject(results, 3).label(), r"mlp, $B$ = 10, $\alpha$ = 0.1, initial scale 3.0")
        with h5py.File(self.results, "a") as file:
            file.attrs["config"] = "[grid]\nseed = [1, 2]\n"  # then it is no axis of this run
        with Results(self.results) as results:
            self.assertEqual(list(results.points().values()), [[0, 1, 2, 3]])
            self.assertEqual(open_subject(results, 1).label("flatness"), r"20-8-6, fc2, $B$ = 10, $\alpha$ = 0.1")

    def test_grid_points_show_width_for_mlps_only(self):
        table = {"architecture": np.array(["mlp", "mlp", "lenet5"]), "batch_size": [50] * 3, "learning_rate": [0.1] * 3,
                 "width": [20, 50, 50], "psi": [4.0] * 3}
        table["initial_scale"] = [1.0, 2.0, 2.0]
        keys = ["architecture", "batch_size", "learning_rate", "width"]
        self.assertEqual(hyperparameters.labels(table, ["batch_size", "initial_scale"])[1], "$B$ = 50, initial scale 2.0")
        labels = [label.replace("\n", " ") for label in hyperparameters.labels(table, keys)]
        self.assertEqual(labels[1], r"mlp, $B$ = 50, $\alpha$ = 0.1, $H$ = 50")
        self.assertEqual(labels[2], r"lenet5, $B$ = 50, $\alpha$ = 0.1")

    def test_draws_a_run_whose_folder_is_named(self):
        write_results(self.results, points=1)
        self.assertEqual(self.start(figures.main, self.folder, "--only", "figS02"), (0, [f"{self.folder}/figures/figS02.{{png,pdf}}"], []))

    def test_says_what_it_skips(self):
        write_results(self.results, points=1)
        with h5py.File(self.results, "a") as file:
            del file["replica/000001/pca/fc2/projection"]
        only = ("fig1c", "fig2d_hyperparameters", "figS02")
        code, lines, _ = self.call("--replica", 1, "--output", self.folder / "elsewhere", "--only", *only)
        self.assertEqual(code, 0)
        self.assertEqual(lines[0], "skipped fig1c: /replica/000001/pca/fc2 has no projection")
        self.assertEqual(lines[1], "skipped fig2d_hyperparameters: the file has no /summary/psi/fc2")
        self.assertTrue((self.folder / "elsewhere/figS02.png").exists())

    def test_leaves_out_the_static_route_where_there_is_none(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for replica in file["replica"].values():
                replica["dynamics/fc2/noise_strength_static"][:] = np.nan
                replica["dynamics/fc2/noise_strength_window"][:] = np.nan
                replica["dynamics/fc2"].attrs["static_ratio_median"] = np.nan
        self.assertEqual(self.call("--only", "figS08")[0], 0)

    def test_directions_that_stand_still_are_not_shown(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for replica in file["replica"].values():
                if "flatness" in replica:
                    flatness = replica["flatness/fc2"]
                    flatness.attrs["rounding_variance"] = 1e-12
                    flatness["variance"][MODES // 2:] = 1e-27
                    for curve in ("integrated_autocorrelation", "mean_square_displacement", "measured_displacement"):
                        replica[f"dynamics/fc2/{curve}"][MODES // 2:] = np.nan
        with Results(self.results) as results:
            subject = open_subject(results)
            for name in ("fig2d_hyperparameters", "fig2_variance_flatness"):
                self.assertGreater(drawn(FIGURES[name], subject).axes[0].get_ylim()[0], 1e-13, name)
            lines = drawn(FIGURES["figS07"], subject).axes[0].get_legend().get_texts()
        self.assertEqual([line.get_text() for line in lines], ["$i$ = 2", "$i$ = 10", "$i$ = 30"])

    def test_skips_velocities_that_were_not_analysed(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            del file["replica/000000/dynamics"]
        code, lines, _ = self.call("--only", "figS07", "figS08", "figS10", "figS02")
        self.assertEqual(code, 0)
        self.assertEqual(sum(line.startswith("skipped figS") for line in lines), 3, lines)

    def test_first_mode_needs_no_flatness_and_filters_need_directions(self):
        write_results(self.results)
        with h5py.File(self.results, "a") as file:
            del file["replica/000000/flatness"]
            del file["replica/000001/pca/fc2/directions"]
        self.assertEqual(self.call("--only", "figS03", "figS12")[0], 0)
        _, lines, _ = self.call("--replica", 1, "--only", "figS12", "figS02")
        self.assertEqual(lines[0], "skipped figS12: /replica/000001/pca/fc2 has no directions")

    def test_shows_newton_minima_where_the_others_were_left_out(self):
        write_results(self.results, points=1)
        with h5py.File(self.results, "a") as file:
            del file["replica/000000/mlf/fc2"]
            write_mlf(file["replica/000000"], np.arange(1, MODES + 1) ** -2.5, "fc2", minima=False)
        code, lines, errors = self.call("--only", "figS05", "figS06")
        self.assertEqual((code, errors, len(lines)), (0, [], 2))

    def test_skips_minibatch_losses_that_were_not_measured(self):
        write_results(self.results, points=1)
        with h5py.File(self.results, "a") as file:
            for replica in file["replica"].values():
                del replica["mlf"]
        _, lines, _ = self.call("--only", "figS05", "figS06", "figS02")
        self.assertEqual(lines[0], "skipped figS05: the file has no /replica/000000/mlf/<layer>")
        self.assertIn("skipped figS06", "".join(lines))

    def test_refuses_missing_file(self):
        self.assertIn("does not exist", self.refused())

    def test_refuses_truncated_file(self):
        write_results(self.results)
        content = self.results.read_bytes()
        self.results.write_bytes(content[: len(content) // 2])
        self.assertIn("not a complete HDF5 file", self.refused())

    def test_refuses_foreign_file(self):
        h5py.File(self.results, "w").close()
        self.assertIn("not written by flatsweep", self.refused())

    def test_settings_of_the_user_change_nothing(self):
        write_results(self.results)
        for settings in ("text.usetex: True\nfont.family: serif\nbackend: TkAgg\npdf.fonttype: 3\n", "no such setting: 1\naxes.grid\n"):
            (self.folder / "matplotlibrc").write_text(settings)
            done = subprocess.run([sys.executable, FOLDER / "figures.py", self.results, "--only", "figS02"], capture_output=True, text=True,
                                  env=os.environ | {"MATPLOTLIBRC": str(self.folder / "matplotlibrc")})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            pdf = (self.folder / "figures/figS02.pdf").read_bytes()
            self.assertIn(b"/FontFile2", pdf, "TrueType, embedded")
            self.assertIn(b"DejaVuSans", pdf)
            self.assertNotIn(b"/Type3", pdf)

    def test_columns_without_a_number_leave_figures_out(self):
        for value in (np.nan, np.inf, 0.0):
            write_results(self.results, points=1)
            with h5py.File(self.results, "a") as file:
                file.visititems(lambda _, data: data.write_direct(np.full(data.shape, value, data.dtype))
                                if isinstance(data, h5py.Dataset) and data.dtype.kind == "f" else None)
            code, lines, errors = self.call("--only", "fig1a", "figS02", "fig_held_out")
            self.assertIn((code, len(errors)), ((0, 0), (2, 1)))
            self.assertTrue(all(len(line) < 400 for line in lines + errors), lines)

    def test_a_data_set_of_another_kind_leaves_its_figures_out(self):
        elsewhere = self.folder / "other.h5"
        h5py.File(elsewhere, "w").close()
        for name, change in HOSTILE.items():
            write_results(self.results, points=1)
            with h5py.File(self.results, "a") as file:
                group = file["replica/000000/pca/fc2"]
                del group["variance"]
                change(group, "variance")
            code, lines, errors = self.call("--only", "fig1a")
            self.assertEqual((code, len(errors)), (2, 1), name)
            self.assertEqual(len(lines), 1, lines)
            self.assertTrue(lines[0].startswith("skipped fig1a: "), lines)

    def test_names_that_are_no_utf8_are_shown(self):
        write_results(self.results, points=1)
        with h5py.File(self.results, "a") as file:
            del file["grid/optimizer"], file["grid/status"]
            file["grid/optimizer"], file["grid/status"] = np.array([b"sg\xff\xfe"] * 2), np.array([b"done", b"\xc3("])
            group = file["replica/000000"]
            group.create_group(b"dynamics/\xff")
            group.attrs["message"] = b"\xff"
        self.assertEqual(self.call("--only", "figS02")[0], 0)

    def test_refuses_a_grid_that_is_none(self):
        for name, status in {"empty": np.array([], "S4"), "a number": 1.0, "two axes": np.array([[b"done"]]),
                             "another length": np.array([b"done"] * 7)}.items():
            write_results(self.results, points=1)
            with h5py.File(self.results, "a") as file:
                del file["grid/status"]
                file["grid/status"] = status
                if name == "empty":
                    for column in list(file["grid"]):
                        del file[f"grid/{column}"]
                        file[f"grid/{column}"] = np.array([], "S4")
            self.refused()

    def test_refuses_what_is_no_file(self):
        os.mkfifo(self.results)
        self.assertIn("is not a file", self.refused())

    def test_refuses_a_damaged_file_in_one_line(self):
        write_results(self.results, points=1)
        content = bytearray(self.results.read_bytes())
        for place in range(0, 4096, 512):
            damaged = content.copy()
            damaged[place:place + 64] = bytes(64)
            self.results.write_bytes(damaged)
            code, _, errors = self.call("--only", "figS02")
            self.assertIn((code, len(errors)), ((0, 0), (2, 1)), errors)

    def test_refuses_replica_that_did_not_finish(self):
        write_results(self.results)
        self.assertIn("replica 3 is not among the finished ones", self.refused("--replica", 3))


if __name__ == "__main__":
    unittest.main()
