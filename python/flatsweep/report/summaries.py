"""The numbers of /summary and of every replica as tables of texts, for each of the three studies."""

import dataclasses

import numpy as np

from .. import names
from ..results import one_line, read

# Columns that say which grid point a row is; shown where they differ between rows, the first two of a landscape always.
POINT = (("B", "batch_size"), ("alpha", "learning_rate"), ("network", "architecture"), ("H", "width"), ("L", "hidden_layers"),
         ("optimiser", "optimizer"), ("sampling", "sampling"))


@dataclasses.dataclass
class Table:
    title: str
    head: list
    rows: list
    note: str = ""


@dataclasses.dataclass
class Column:
    """How a data set is shown: `spread` names its standard error, or the two ends of its interval."""

    heading: str
    name: str
    form: str = "{}"
    factor: float = 1
    spread: tuple = ()

    def texts(self, data):
        return [self.text(data, row) for row in range(len(data[self.name]))]

    def text(self, data, row):
        value, *spread = (data[name][row] if name in data else np.nan for name in (self.name, *self.spread))
        if isinstance(value, (str, np.integer)):
            return self.form.format(value)
        if not np.isfinite(value):
            return "–"
        shown = [self.form.format(self.factor * number) for number in (value, *spread)]
        if not np.isfinite(np.sum(spread)):
            return shown[0]
        return {0: "{}", 1: "{} ± {}", 2: "{} ({} to {})"}[len(spread)].format(*shown) + self.remarks(data, row)

    def remarks(self, data, row):
        """A mark where an interval is not over seeds, and the points of a seed, in the mean."""
        mark = "*" if self.name + "_interval" in data and data[self.name + "_interval"][row] == "within seeds" else ""
        points, seeds = (data[self.name + end][row] if self.name + end in data else 0 for end in ("_points", "_seeds"))
        count = f", n = {points // seeds:.0f}" if points > 0 and seeds > 0 else ""
        return mark + count


def interval(heading, name, form="{:.2f}"):
    return Column(heading, name, form, spread=(name + "_low", name + "_high"))


def percent(heading, name, digits, *spread):
    return Column(heading, name, f"{{:.{digits}f}}", 100, spread)


REPLICAS = "Replicas"
LANDSCAPE = (Column("layer", "layer"), Column("seeds", "replicas"), Column("unsolved", "unsolved"), percent("train error %", "train_error", 4),
             percent("test error %", "test_error", 3, "test_error_std"),
             Column("|p_1 · w_0| / |w_0|", "solution_alignment", "{:.3f}"), Column("D_l", "learning_dimension", "{:.1f}"),
             Column("D_l without i = 1", "learning_dimension_without_first", "{:.1f}"), interval("psi", "psi"), Column("flags of psi", "psi_flags"),
             interval("psi below λ_x", "psi_below"), interval("psi above λ_x", "psi_above"), interval("psi_D", "psi_d"),
             interval("psi_tau", "psi_tau"), interval("psi of a noise walk", "walk_psi"),
             interval("psi, directions of the other half", "held_out_psi"))
CURVATURE = (Column("layer", "layer"), Column("seeds", "replicas"),
             *(interval(heading, name, "{:.3g}") for heading, name in (
                 ("tr H", "hessian_trace"), ("|H|", "hessian_frobenius_norm"), ("gradient noise scale", "gradient_noise_scale"),
                 ("tr(CH)/(2 L_0 |H|²)", "scaled_alignment"), ("tr(CH)/(|C| |H|)", "alignment"), ("|CH − HC|/(|C| |H|)", "commutator"),
                 ("E[h²] and C", "squared_noise_alignment"), ("E[h²] and H", "squared_hessian_alignment"))),
             interval("g, C ~ h^g", "noise_exponent_hessian_basis"), interval("x, E[h²] ~ h^x", "squared_curvature_exponent"),
             interval("g, C ~ E[h²]^g", "squared_noise_exponent"))
BASES = {"pca": "principal directions", "hessian": "eigenvectors of H", "noise": "eigenvectors of C", "random": "random directions",
         "filters": "random, norms of filters"}
ALONG = (Column("layer", "layer"), Column("seeds", "replicas"), Column("basis", "basis"), interval("F", "mean_flatness", "{:.3g}"), interval("psi", "psi"),
         interval("psi without p_1", "psi_without_first"), interval("psi_D", "psi_d"), interval("psi_tau", "psi_tau"),
         interval("x, σ² ~ h^x", "variance_exponent"), interval("g, C ~ h^g", "noise_exponent"),
         interval("variance without p_1 / predicted", "rest_ratio_median", "{:.3g}"),
         interval("/ predicted from all of H and C", "whole_ratio_median", "{:.3g}"), interval("r", "stationarity", "{:.3g}"))
EDGE = (Column("seeds", "replicas"), interval("batch sharpness / (2/α)", "late_batch_sharpness"),
        interval("λ_max / (2/α)", "late_leading_eigenvalue"), interval("batch sharpness / λ_max", "late_sharpness_ratio"),
        interval("highest batch sharpness / (2/α)", "highest_batch_sharpness"), interval("growth of λ_max", "late_growth"))
OF_NETWORK = (Column("seeds", "replicas"), interval("tr H", "hessian_trace", "{:.3g}"), interval("|H|", "hessian_frobenius_norm", "{:.3g}"),
              interval("r", "hessian_stationarity", "{:.3g}"), interval("psi", "hessian_window_psi"), interval("psi_D", "hessian_window_psi_d"),
              interval("psi_tau", "hessian_window_psi_tau"))
WIDTHS = (Column("layer", "layer"), Column("H", "width"), Column("weights N", "weights", "{:.0f}"),
          Column("D_l", "mean", "{:.1f}", spread=("std",)), Column("random walk", "random_walk", "{:.0f}"),
          Column("white noise", "white_noise", "{:.0f}"),
          Column("D_l without i = 1", "mean_without_first", "{:.1f}", spread=("std_without_first",)),
          Column("random walk without i = 1", "random_walk_without_first", "{:.0f}"),
          Column("white noise without i = 1", "white_noise_without_first", "{:.0f}"))
FAMILY = (Column("psi", "psi", "{:g}"), Column("mode 1", "leading_mode"), Column("trained", "trained"), Column("biases", "biases"),
          Column("held", "held"))
CONTINUAL = (Column("N_c", "constraint_count"), Column("lambda", "lambda", "{:.3g}"), Column("N_c*", "enough_constraints"),
             Column("seeds", "replicas"),
             percent("average test error %", "average_error", 2, "average_error_se"))
NOISE = (Column("method", "noise_method"), Column("sigma_n", "noise_amplitude", "{:g}"), Column("seeds", "replicas"),
         percent("test error %", "test_error", 2, "test_error_se"),
         Column("train loss", "train_loss", "{:.2e}", spread=("train_loss_se",)),
         percent("train error %", "train_error", 3, "train_error_se"))


def columns_of(group, count=None):
    """The group's one-dimensional data sets, all of them or those of length `count`."""
    return {name: read(data) for name, data in group.items()
            if getattr(data, "ndim", 0) == 1 and (count is None or len(data) == count)}


def known(values):
    return not (values.dtype.kind == "f" and np.isnan(values).all())


def point_names(file):
    """(heading, name) of the axes that make a grid point; those of newer files go by their names."""
    known = {name for _, name in POINT} | {column.name for column in NOISE} | {*names.OUTCOMES, *names.NOT_OF_A_POINT, *names.DERIVED}
    return (*POINT, *((name.replace("_", " "), name) for name in file.get("grid", ()) if name not in known))


def point_columns(file, data, always=0):
    columns = [Column(heading, name, "{:g}" if data[name].dtype.kind == "f" else "{}") for heading, name in point_names(file)
               if name in data]
    return [*columns[:always], *varying(data, columns[always:])]


def is_idle(column, data):
    """Of a column that is shown only where something is unsolved."""
    return column.name == "unsolved" and not np.any(data[column.name])


def varying(data, columns):
    return [column for column in columns if column.name in data and names.varies(column.name, data[column.name])]


def tabulate(title, data, columns, note=""):
    """The columns that the data have, without those that are NaN throughout."""
    columns = [column for column in columns if column.name in data and known(data[column.name]) and not is_idle(column, data)]
    texts = [column.texts(data) for column in columns]
    return Table(title, [column.heading for column in columns], [list(row) for row in zip(*texts)], note)


def stacked(parts):
    """Rows of several dictionaries of columns one below the other; what one of them lacks is NaN there."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    lengths = [len(next(iter(part.values()))) for part in parts]
    return {name: np.concatenate([part.get(name, np.full(length, np.nan)) for part, length in zip(parts, lengths)])
            for name in names}


def by_layer(file, tables):
    """The columns of /summary/<table>/<layer> of every layer, side by side for the tables, layers one below the other."""
    first = f"summary/{tables[0]}"
    parts = []
    for layer in file.get(first, ()):
        count = len(file[f"{first}/{layer}/{next(name for name in ('replicas', 'psi', 'mean') if name in file[f'{first}/{layer}'])}"])
        groups = [file[f"summary/{table}/{layer}"] for table in tables if f"summary/{table}/{layer}" in file]
        columns = {name: values for group in reversed(groups) for name, values in columns_of(group, count).items()}
        parts.append(columns | {"layer": np.full(count, layer)})
    return stacked(parts) if parts else None


def by_basis(data):
    """A row of grid points becomes one for every basis, whose columns lose its name."""
    if data is None:
        return None
    parts = []
    for basis, words in BASES.items():
        own = {name.removeprefix(basis + "_"): values for name, values in data.items() if name.startswith(basis + "_")}
        if basis == "filters" and not any(np.isfinite(values).any() for values in own.values() if values.dtype.kind == "f"):
            continue  # not among those that are there by default
        shared = {name: values for name, values in data.items() if not name.startswith(tuple(other + "_" for other in BASES))}
        parts.append(shared | own | {"basis": np.full(len(data["layer"]), words)})
    return stacked(parts)


def landscape(file):
    data = by_layer(file, ("psi", "dynamics", "nulls"))
    if data is not None:
        yield tabulate("Grid points", data, [*point_columns(file, data, always=2), *LANDSCAPE],
                       "Means over the seeds done; ± standard deviation over seeds; in brackets 95 % intervals, over seeds; "
                       "* scatter within a seed where there are fewer than three. n: directions fitted, of one seed. psi: sigma_i^2 ~ "
                       "F_i^-psi. psi_D, psi_tau: its parts in noise strength and correlation time. A noise walk feels no "
                       "landscape. Flags: what keeps psi from being quoted by itself. D_l: directions that hold 99.9 % of the variance.")
    curvature = by_layer(file, ("curvature",))
    if curvature is not None:
        yield tabulate("Curvature and noise", curvature, [*point_columns(file, curvature, always=2), *CURVATURE],
                       "Means over the seeds done; in brackets 95 % intervals over three seeds or more, of exponents * the scatter within a seed. H, C: "
                       "Hessian of the loss and covariance of a minibatch's gradient of one layer; h: curvatures; E[h²]: mean of squared "
                       "Hessians of single samples. tr(AB)/(|A| |B|) is 1 where two matrices are alike.")
    along = by_basis(by_layer(file, ("bases",)))
    if along is not None:
        yield tabulate("Other bases", along, [*point_columns(file, along, always=2), *ALONG],
                       "The same window along the directions of other bases. Means over the seeds done; in brackets 95 % intervals. F: geometric mean "
                       "of the flatness over the fit range, which takes no window. psi without "
                       "p_1: of the variance that the window's first principal direction leaves. r: Yaida's ratio of the layer, 1 where the norm "
                       "of the weights stands still.")
    for table, title, columns, note in (
            ("network_curvature", "The whole network", OF_NETWORK,
             "Means over the seeds done; in brackets 95 % intervals. H: Hessian of the loss over all weights and biases; psi, psi_D, psi_tau: of "
             "the window along its leading eigenvectors. r: Yaida's ratio of all weights."),
            ("curvature_at_epochs", "Where training comes to stand", EDGE,
             "Means over the seeds done; in brackets 95 % intervals. Of the states from a third of the last one's epochs on; the highest of all "
             "states. Growth: of the last over the first of them. λ_max: largest eigenvalue of the whole network's Hessian.")):
        if f"summary/{table}" in file:
            data = columns_of(file[f"summary/{table}"])
            yield tabulate(title, data, [*point_columns(file, data, always=2), *columns], note)
    widths = by_layer(file, ("learning_dimension",))
    if widths is not None:
        yield tabulate("Learning dimension", widths, WIDTHS, "Mean ± standard deviation over seeds, beside two nulls.")


def continual(file):
    if "summary/continual/least" not in file:
        return
    group = file["summary/continual/least"]
    data = columns_of(group, len(group["average_error"]))
    columns = [*point_columns(file, data), Column("method", "method"), *varying(data, FAMILY), *CONTINUAL, *task_columns(data, group)]
    best = best_rows(file, data)
    note = ("± standard error over seeds. Each method at the strength lambda with the least average error; N_c*: the fewest "
            "constraints whose error is within one standard error of the least.")
    yield tabulate("Each method at its best", {name: values[best] for name, values in data.items()}, columns, note)
    if len(best) < len(data["method"]):
        yield tabulate("Every number of constraints", data, columns)


def task_columns(data, group):
    """A column for the test error of every task; their numbers are added to `data`."""
    for task in range(group["test_error"].shape[1]):
        for name in ("test_error", "test_error_se"):
            data[f"{name}_{task}"] = group[name][:, task]
        yield percent(f"task {task + 1} %", f"test_error_{task}", 2, f"test_error_se_{task}")


def best_rows(file, data):
    """The row of least average error for every grid point and method, in the order of the file."""
    family = (*(name for _, name in point_names(file)), "method", *(column.name for column in FAMILY))
    same = [name for name in family if name in data]
    best = {}
    for row in range(len(data["method"])):
        key = tuple(str(data[name][row]) for name in same)
        if key not in best or data["average_error"][row] < data["average_error"][best[key]]:
            best[key] = row
    return list(best.values())


def noise(file):
    if "summary/noise" not in file:
        return
    group = file["summary/noise"]
    data = columns_of(group, len(group["noise_method"]))
    yield tabulate("Methods", data, [*point_columns(file, data), *NOISE, *level_columns(data, group)],
                   "Means over the last tenth of the epochs, ± standard error over seeds; at L: at the first epoch whose "
                   "training loss is at most L.")


def level_columns(data, group):
    if "loss_level" not in group:
        return
    for place, level in enumerate(read(group["loss_level"])):
        for name in {"test_error_at_loss", "test_error_at_loss_se"} & set(group):
            data[f"{name}_{place}"] = group[name][:, place]
        yield percent(f"test error % at L = {level:g}", f"test_error_at_loss_{place}", 2, f"test_error_at_loss_se_{place}")


def replicas(results):
    """Every replica with its status and where its training ended."""
    grid = {name: values for name, values in results.grid.items() if name != "replica"}
    count = len(grid["status"])
    ends = ("train_loss", "train_error", "test_error")
    data = grid | {"id": np.arange(count)} | {name: np.full(count, np.nan) for name in ends}
    if "provenance/replica_seconds" in results.file:
        data["seconds"] = read(results.file["provenance/replica_seconds"])
    for replica in range(count):
        training = results.file.get(f"replica/{replica:06d}/training", {})
        for name in ends:
            if name in training and len(training[name]):
                data[name][replica] = training[name][-1]
    columns = [Column("replica", "id"), *point_columns(results.file, data), *varying(data, [Column("psi assumed", "psi_assumed", "{:g}")]),
               Column("seed", "seed"), Column("method", "noise_method"),
               *varying(data, [Column("sigma_n", "noise_amplitude", "{:g}")]), Column("status", "status"),
               *failed_column(data), Column("epochs", "epochs_trained"), Column("seconds", "seconds", "{:.1f}"),
               Column("train loss", "train_loss", "{:.3g}"), percent("train error %", "train_error", 4),
               percent("test error %", "test_error", 3)]
    return tabulate(REPLICAS, data, columns, "Loss and errors after the last epoch.")


def failed_column(data):
    """Where any analysis failed."""
    return [Column("analyses failed", "failed_analyses")] if np.any(data.get("failed_analyses", 0)) else []


def tables(results):
    """Every table that the file allows, that of the replicas last."""
    found = []
    for title, make in (("Grid points", lambda: landscape(results.file)), ("Methods", lambda: continual(results.file)),
                        ("Methods", lambda: noise(results.file)), (REPLICAS, lambda: [replicas(results)])):
        try:
            found += make()
        except Exception as error:  # of a file that is damaged, or not of flatsweep
            found.append(Table(title, [], [], f"The file holds no such table that can be read: {one_line(error)}"))
    return found
