"""Every table of /summary, put together again from the replicas of the same file with numpy."""
import itertools
import re
import unittest

import h5py
import numpy
import scipy.stats

from columns import column
from flatsweep_runs import PCA_ALONE, RunTest

NAN = float("nan")


class Study(RunTest):
    """One run for all tests of a class."""
    KEYS = {}

    @classmethod
    def setUpClass(cls):
        if cls is Study:
            raise unittest.SkipTest("what the classes below share")
        run = cls.of_class()
        done = run.run_to_end(1, "out", **cls.KEYS)
        run.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        cls.printed = done.stdout.splitlines()
        cls.file = h5py.File(run.results("out"))
        cls.addClassCleanup(cls.file.close)

    def replica(self, number):
        return self.file[f"replica/{number:06d}"]

    def grid_points(self):
        """Rows of /grid that differ in seed and psi alone, in the order of their first."""
        columns = [name for name in self.file["grid"] if name not in ("replica", "seed", "psi_assumed", "status", "epochs_trained", "failed_analyses")]
        points = {}
        for row in range(len(self.file["grid/seed"])):
            points.setdefault(tuple(column(self.file["grid"][name])[row] for name in columns), []).append(row)
        return list(points.values())

    def done(self, rows):
        """Of these rows the finished ones, one for each training."""
        once = {self.file["grid/seed"][row]: row for row in reversed(rows) if column(self.file["grid/status"])[row] == "done"}
        return sorted(once.values())

    def check_column(self, table, name, expected, rtol=1e-12):
        """Means and spreads of a few numbers in double precision: rounding alone."""
        numpy.testing.assert_allclose(table[name][()], expected, rtol=rtol, atol=1e-15, err_msg=f"{table.name}/{name}")

    def check_grid_columns(self, table, points, names):
        for name in names:
            self.assertEqual(column(table[name]).tolist(), [column(self.file["grid"][name])[rows[0]] for rows in points], name)

    def table_lines(self, head):
        """The words of the lines below the line that begins with these words."""
        first = next(i for i, line in enumerate(self.printed) if line.split()[:len(head)] == head)
        lines = [line.split() for line in self.printed[first + 1:]]
        return lines[:next(i for i, words in enumerate(lines) if words[:2] == ["results", "in"])]


def mean(values):
    return numpy.mean(values) if len(values) else NAN


def deviation(values):
    """Over seeds, n - 1."""
    return numpy.std(values, ddof=1) if len(values) > 1 else NAN


def over_seeds(values):
    """Mean and standard error of those that there are."""
    known = [value for value in values if numpy.isfinite(value)]
    return mean(known), deviation(known) / len(known) ** 0.5 if known else NAN


def dimension(variance, fraction=0.999):
    """Leading directions that hold this fraction; the sum may round."""
    return 1 + numpy.flatnonzero(numpy.cumsum(variance) >= fraction * variance.sum() * (1 - 1e-12))[0]


def random_walk(steps):
    """Variances of a free walk's modes, up to a factor: 1/(4 sin^2(pi k/2T))."""
    return 1 / (4 * numpy.sin(numpy.pi * numpy.arange(1, steps) / (2 * steps)) ** 2)


def white_noise(size, steps):
    """Quantiles of the law of Marchenko and Pastur, whose density sqrt((b - x)(x - a))/x is summed up over a fine grid in sqrt(x)."""
    ratio, count = size / steps, min(size, steps - 1)
    root = numpy.linspace(abs(1 - ratio ** 0.5), 1 + ratio ** 0.5, 400001)
    middle = 0.5 * (root[1:] + root[:-1])
    density = numpy.sqrt(numpy.clip((root[-1] ** 2 - middle ** 2) * (middle ** 2 - root[0] ** 2), 0, None)) / middle   # dx = 2 sqrt(x) d sqrt(x)
    above = 1 - numpy.cumsum(density) / density.sum()
    return numpy.array([numpy.interp((i + 0.5) / count, above[::-1], middle[::-1] ** 2) for i in range(count)])


class Landscape(Study):
    """Two batch sizes and rates, three seeds, two assumed psi; at the largest rate no seed comes to an end."""
    KEYS = dict(data__train_limit=300, data__test_limit=100, network__width=6, window__opens_at_epoch=3, window__length_epochs=2, pca__layers=["fc2", "fc3"],
                flatness__directions=18, nulls__directions=16, dynamics__directions=20, pooled_pca__enabled=True,
                grid__batch_size=[10, 20], grid__learning_rate=[0.05, 0.1, 1e18], grid__psi_assumed=[3.0, 5.0], grid__seed=[1, 2, 3],
                curvature__enabled=True, curvature__squared_hessian=True, bases__enabled=True, bases__directions=12,
                network_curvature__kinds=["hessian"], network_curvature__leading=9, network_curvature__smallest=0, network_curvature__window=True,
                at_epochs__epochs=[0, 1, 2, 3, 5], curvature_at_epochs__enabled=True,
                first_mode__enabled=False, mlf__enabled=False, filters__enabled=False)
    GRID = ("batch_size", "learning_rate", "width", "hidden_layers", "architecture", "optimizer", "sampling")

    def seeds(self):
        return [[self.replica(row) for row in self.done(rows)] for rows in self.grid_points()]

    def test_a_row_of_the_grid_is_its_replica(self):
        for row in range(len(self.file["grid/seed"])):
            attributes = self.replica(row).attrs
            curves = self.replica(row)["training"]
            self.assertEqual(self.file["grid/epochs_trained"][row], attributes["epochs_trained"])
            self.assertEqual(column(self.file["grid/status"])[row], attributes["status"])
            finite = numpy.isfinite(curves["train_loss"][()]).all()
            self.assertEqual(attributes["status"] == "diverged", not finite)
            self.assertEqual(attributes["epochs_trained"], len(curves["epoch"]))

    def test_rows_that_differ_in_psi_alone_share_their_training(self):
        names = [name for name in self.file["grid"] if name not in ("replica", "psi_assumed")]
        alike = {}
        for row in range(len(self.file["grid/seed"])):
            alike.setdefault(tuple(column(self.file["grid"][name])[row] for name in names), []).append(row)
        self.assertEqual({len(rows) for rows in alike.values()}, {2})
        weights = {self.replica(rows[0])["weights/fc1"][()].tobytes() for rows in alike.values()}
        self.assertEqual(len(weights), len(alike), "trainings that should differ are alike")
        for first, second in alike.values():
            numpy.testing.assert_array_equal(self.replica(first)["weights/fc1"], self.replica(second)["weights/fc1"])

    def test_columns_that_name_a_point(self):
        for layer in self.KEYS["pca__layers"]:
            for table in ("psi", "dynamics", "nulls", "curvature", "bases"):
                self.check_grid_columns(self.file[f"summary/{table}/{layer}"], self.grid_points(), self.GRID)
                done = [len(self.done(rows)) for rows in self.grid_points()]
                self.assertEqual(self.file[f"summary/{table}/{layer}/replicas"][()].tolist(), done)
                self.assertTrue(max(done[2], done[5]) < 3 and min(done[2], done[5]) == 0, done)

    def test_points_without_a_finished_seed_have_no_pool(self):
        for layer in self.KEYS["pca__layers"]:
            pooled = [f"{i:06d}" for i, rows in enumerate(self.grid_points()) if len(self.done(rows)) > 1]
            self.assertEqual(list(self.file[f"summary/pooled_pca/{layer}"]), pooled)

    def test_means_over_seeds(self):
        for layer in self.KEYS["pca__layers"]:
            table = self.file[f"summary/psi/{layer}"]
            for name in ("train_loss", "train_error", "test_error"):
                self.check_column(table, name, [mean([seed[f"training/{name}"][-1] for seed in seeds]) for seeds in self.seeds()])
            self.check_column(table, "test_error_std",
                              [deviation([seed["training/test_error"][-1] for seed in seeds]) for seeds in self.seeds()])
            for name in ("solution_alignment", "learning_dimension", "learning_dimension_without_first"):
                # Of a seed whose weights stood still it is NaN, or 0.
                known = [[seed[f"pca/{layer}"].attrs.get(name, NAN) for seed in seeds] for seeds in self.seeds()]
                self.check_column(table, name, [mean([value for value in of if value > 0]) for of in known])

    def test_what_the_terminal_shows(self):
        table = self.file["summary/psi/fc2"]
        lines = [words for words in self.table_lines(["B", "alpha", "H"]) if len(words) > 12 and words[0].isdigit() and words[6] == "fc2"]
        shown = lambda value, form: format(value, form) if numpy.isfinite(value) else "-"
        for i, words in enumerate(lines):
            point = {name: column(table[name])[i] for name in (*self.GRID, "replicas")}
            self.assertEqual(words[:12], [
                str(point["batch_size"]), f"{point['learning_rate']:g}", str(point["width"]), str(point["hidden_layers"]),
                point["optimizer"], point["sampling"], "fc2", str(point["replicas"]),
                shown(100 * table["train_error"][i], ".4f"), shown(100 * table["test_error"][i], ".3f"),
                shown(table["solution_alignment"][i], ".3f"), shown(table["learning_dimension"][i], ".1f")])
            if numpy.isfinite(table["psi"][i]):
                numbers = re.findall(r"-?\d+\.\d\d", " ".join(words[12:]).replace("-", " ") if table["psi_low"][i] > 0 else " ".join(words[12:]))
                self.assertEqual(numbers[:3], [f"{table[name][i]:.2f}" for name in ("psi", "psi_low", "psi_high")])
        self.assertEqual(len(lines), len(table["psi"]))

    def test_flatness_predicted_from_the_assumed_exponent(self):
        """Rows that differ in psi alone: root mean square of ln F - ln(c sigma^(-2/psi)) for the best c."""
        for row in range(len(self.file["grid/seed"])):
            for layer in self.KEYS["pca__layers"] if column(self.file["grid/status"])[row] == "done" else ():
                group, psi = self.replica(row)[f"flatness/{layer}"], self.file["grid/psi_assumed"][row]
                flatness, variance, number = (group[name][()] for name in ("flatness", "variance", "direction"))
                kept = numpy.isfinite(flatness) & (number >= group.attrs["fit_first"]) & (number <= group.attrs["fit_last"])
                kept &= (number < self.replica(row)[f"pca/{layer}"].attrs["moving"]) & (variance > group.attrs["rounding_variance"])
                excess = numpy.log(flatness[kept]) + numpy.log(variance[kept]) / psi
                self.assertEqual(group.attrs["psi_assumed"], psi)
                expected = numpy.std(excess) if kept.sum() > 1 else NAN
                numpy.testing.assert_allclose(group.attrs["psi_assumed_log_error"], expected, atol=1e-9)

    EXPONENTS = (("psi", ("psi", "psi_below", "psi_above"), "flatness"),
                 ("dynamics", ("psi_d", "psi_tau", "psi_tau_window", "psi_same_directions"), "dynamics"),
                 ("nulls", ("walk_psi", "fresh_walk_psi", "half_psi", "held_out_psi"), "nulls"))
    STUDENT = {3: 4.302653}   # t(n - 1) at 97.5 %, of a table

    def test_exponents_over_seeds(self):
        """Means of the seeds' exponents; a t-interval for three, the seeds' own scatter for fewer."""
        kinds = set()
        for layer in self.KEYS["pca__layers"]:
            for table, names, analysis in self.EXPONENTS:
                for name in names:
                    for point, seeds in enumerate(self.seeds()):
                        each = [seed[f"{analysis}/{layer}"].attrs for seed in seeds]
                        kinds.add(self.check_exponent(self.file[f"summary/{table}/{layer}"], name, point, each))
        self.assertIn(3, kinds)

    BASES = ("pca", "hessian", "noise", "random")
    NUMBERS = ("hessian_trace", "noise_covariance_trace", "hessian_frobenius_norm", "gradient_noise_scale", "scaled_alignment", "commutator", "commutator_null",
               "alignment", "squared_noise_commutator", "squared_noise_commutator_null", "squared_noise_alignment", "squared_hessian_commutator", "squared_hessian_alignment")
    LAWS = ("noise_exponent_hessian_basis", "noise_exponent_pca_basis", "squared_curvature_exponent", "squared_noise_exponent")
    RATIOS = ("rest_ratio_median", "whole_ratio_median", "mean_flatness")
    BASIS_LAWS = ("psi", "psi_d", "psi_tau", "psi_without_first", "variance_exponent", "noise_exponent")
    LATE = ("late_batch_sharpness", "late_leading_eigenvalue", "late_sharpness_ratio", "late_growth", "highest_batch_sharpness")
    OF_NETWORK = ("trace", "frobenius_norm", "stationarity")
    NETWORK_LAWS = ("window_psi", "window_psi_d", "window_psi_tau")

    def test_exponents_of_curvature_and_bases(self):
        kinds = set()
        for layer in self.KEYS["pca__layers"]:
            places = [("curvature", name, "", name) for name in self.LAWS]
            places += [("bases", f"{basis}_{name}", f"/{basis}", name) for basis in self.BASES for name in self.BASIS_LAWS]
            for table, column_name, below, name in places:
                kinds |= self.check_exponents(f"{table}/{layer}", column_name, below, name)
        self.assertIn(3, kinds)

    def check_exponents(self, group, column_name, below, name):
        """A column of /summary/<group> against the attribute of the replicas' <group><below>. Returns how many seeds the points have."""
        kinds = set()
        for point, seeds in enumerate(self.seeds()):
            each = [{"here" + end: seed[group + below].attrs[name + end] for end in ("", "_low", "_high", "_points", "_status")} for seed in seeds]
            columns = {"here" + end: self.file[f"summary/{group}/{column_name}{end}"]
                       for end in ("", "_low", "_high", "_points", "_seeds", "_interval", "_status")}
            kinds.add(self.check_exponent(columns, "here", point, each))
        return kinds

    def test_numbers_over_seeds(self):
        """Means of the seeds' numbers; a t-interval from three seeds on."""
        counts = set()
        for layer in self.KEYS["pca__layers"]:
            places = [("curvature", name, "", name) for name in self.NUMBERS] + [("bases", "stationarity", "", "stationarity")]
            places += [("bases", f"{basis}_{name}", f"/{basis}", name) for basis in self.BASES for name in self.RATIOS]
            for table, column_name, below, name in places:
                counts |= self.check_numbers(f"{table}/{layer}", column_name, below, name)
        for name in (*self.NUMBERS, "stationarity", *self.RATIOS):
            self.assertIn((name, 3), counts)

    def check_numbers(self, group, column_name, below, name):
        """As check_exponents. Returns the name with each number of seeds."""
        of_points = [[seed[group + below].attrs[name] for seed in seeds] for seeds in self.seeds()]
        known = [numpy.array([value for value in values if numpy.isfinite(value)]) for values in of_points]
        table = self.file[f"summary/{group}"]
        self.check_column(table, column_name, [mean(values) for values in known])
        half = [self.STUDENT[3] * deviation(values) / 3 ** 0.5 if len(values) == 3 else NAN for values in known]
        for end, sign in (("_low", -1), ("_high", 1)):
            reach = sign * (table[column_name + end][()] - table[column_name][()])
            numpy.testing.assert_allclose(reach, half, rtol=1e-6, err_msg=column_name + end)  # t is given to seven digits
        self.assertEqual(table[f"{column_name}_seeds"][()].tolist(), [len(values) for values in known])
        return {(name, len(values)) for values in known}

    def test_the_whole_network_over_seeds(self):
        counts = set.union(*(self.check_numbers("curvature_at_epochs", name, "", name) for name in self.LATE),
                           *(self.check_numbers("network_curvature", f"hessian_{name}", "/hessian", name) for name in self.OF_NETWORK))
        for name in (*self.LATE, *self.OF_NETWORK):
            self.assertIn((name, 3), counts)
        kinds = [self.check_exponents("network_curvature", f"hessian_{name}", "/hessian", name) for name in self.NETWORK_LAWS]
        self.assertIn(3, set.union(*kinds))
        for table in ("curvature_at_epochs", "network_curvature"):
            self.check_grid_columns(self.file[f"summary/{table}"], self.grid_points(), self.GRID)

    def test_where_training_comes_to_stand(self):
        """Late are the states after 2, 3 and 5 epochs of five."""
        for seed in (seed for seeds in self.seeds() for seed in seeds):
            group, edge = seed["curvature_at_epochs"], 2.0 / seed.attrs["learning_rate"]
            sharpness, leading = (group[name][()] for name in ("batch_sharpness", "leading_eigenvalue"))
            expected = dict(late_batch_sharpness=sharpness[2:].mean() / edge, late_leading_eigenvalue=leading[2:].mean() / edge,
                            late_sharpness_ratio=sharpness[2:].mean() / leading[2:].mean(), late_growth=leading[4] / leading[2],
                            highest_batch_sharpness=sharpness.max() / edge)
            for name, value in expected.items():
                numpy.testing.assert_allclose(group.attrs[name], value, rtol=1e-12, err_msg=name)

    def check_exponent(self, table, name, point, each):
        """Returns how many seeds have one."""
        each = [attributes for attributes in each if attributes.get(f"{name}_status") == "ok"]
        value, low, high, seeds, interval = (column(table[name + end])[point] for end in ("", "_low", "_high", "_seeds", "_interval"))
        self.assertEqual(seeds, len(each))
        if not each:
            self.assertTrue(numpy.isnan([value, low, high]).all())
            self.assertEqual(interval, "none")
            self.assertNotEqual(column(table[f"{name}_status"])[point], "ok")
            return 0
        values = [attributes[name] for attributes in each]
        halves = [(attributes[f"{name}_high"] - attributes[f"{name}_low"]) / 2 for attributes in each]
        half = self.STUDENT[3] * deviation(values) / 3 ** 0.5 if len(each) == 3 else numpy.sqrt(mean(numpy.square(halves)))
        self.assertEqual(interval, "over seeds" if len(each) == 3 else "within seeds")
        self.assertEqual(table[f"{name}_points"][point], sum(attributes[f"{name}_points"] for attributes in each))
        # t is given to seven digits.
        numpy.testing.assert_allclose([value, low, high], [mean(values), mean(values) - half, mean(values) + half], rtol=0, atol=1e-6 * (1 + half))
        self.assertLessEqual(low, value)
        self.assertLessEqual(value, high)
        return len(each)

    def test_exponents_are_least_squares_over_what_moves(self):
        """psi of every replica with numpy, from the variances that the file itself has for PCA."""
        for seed in [seed for seeds in self.seeds() for seed in seeds]:
            for layer in self.KEYS["pca__layers"]:
                pca, flatness = seed[f"pca/{layer}"], seed[f"flatness/{layer}"]
                moving, attributes = pca.attrs["moving"], flatness.attrs
                self.assertEqual(moving, numpy.sum(pca["variance"][()] > pca.attrs["rounding_variance"]))
                direction, width = flatness["direction"][()], flatness["flatness"][()]
                fitted = (direction >= attributes["fit_first"]) & (direction <= attributes["fit_last"]) & (direction < moving)
                fitted &= numpy.isfinite(width)
                self.assertEqual(attributes["psi_points"], fitted.sum())
                if attributes["psi_status"] != "ok":
                    continue
                slope = numpy.polyfit(numpy.log(width[fitted]), numpy.log(pca["variance"][()][direction[fitted]]), 1)[0]
                self.assertAlmostEqual(attributes["psi"], -slope, delta=1e-9)

    def test_columns_differ(self):
        table = self.file["summary/psi/fc2"]
        names = ("train_loss", "train_error", "test_error", "test_error_std", "solution_alignment", "learning_dimension",
                 "learning_dimension_without_first")
        self.assertEqual(len({tuple(table[name][:2]) for name in names}), len(names))
        self.assertEqual(len(set(table["train_loss"][[0, 1, 3, 4]])), 4)


class Prediction(Study):
    """Six grid points and three seeds: Kendall's tau between test errors and what was measured, by scipy."""
    KEYS = dict(PCA_ALONE, data__train_limit=300, data__test_limit=200, window__opens_at_epoch=3, window__length_epochs=2,
                pca__layers=["fc2"], flatness__enabled=True, flatness__directions=18, curvature__enabled=True, relative_flatness__enabled=True,
                grid__width=[6, 9], grid__batch_size=[10], grid__learning_rate=[0.02, 0.05, 0.2], grid__seed=[1, 2, 3])

    def numbers(self, of):
        """(seeds, points)"""
        return numpy.array([[of(self.replica(row)) for row in rows] for rows in self.grid_points()]).T

    def measures(self):
        def attribute(group, name):
            return lambda replica: replica[f"{group}/fc2"].attrs[name]

        def flatness(replica):
            group = replica["flatness/fc2"]
            width, number = group["flatness"][()], group["direction"][()]
            kept = numpy.isfinite(width) & (number >= group.attrs["fit_first"]) & (number <= group.attrs["fit_last"])
            kept &= group["variance"][()] > group.attrs["rounding_variance"]
            return scipy.stats.gmean(width[kept])
        return {"learning_dimension": attribute("pca", "learning_dimension"), "flatness": flatness, "psi": attribute("flatness", "psi"),
                "hessian_trace": attribute("curvature", "hessian_trace"),
                "largest_eigenvalue": lambda replica: replica["curvature/fc2/hessian_eigenvalues"][0],
                "noise_trace": attribute("curvature", "noise_covariance_trace"),
                "relative_flatness": attribute("relative_flatness", "relative_flatness"),
                "weight_norm": lambda replica: numpy.linalg.norm(replica["weights/fc2"][()].astype(float))}

    def test_taus_are_scipys(self):
        table = self.file["summary/prediction/fc2"]
        measures = self.measures()
        self.assertEqual(column(table["measure"]).tolist(), list(measures))
        error = self.numbers(lambda replica: replica["training/test_error"][-1])
        gap = self.numbers(lambda replica: replica["training/test_loss"][-1] - replica["training/train_loss"][-1])
        for row, of in enumerate(measures.values()):
            values = self.numbers(of)
            for target, numbers in (("test_error", error), ("loss_gap", gap)):
                taus = [scipy.stats.kendalltau(x, y, nan_policy="omit").statistic for x, y in zip(values, numbers)]
                taus = numpy.array([tau for tau in taus if numpy.isfinite(tau)])
                found = {end: table[f"{target}_{end}"][row] for end in ("tau", "tau_low", "tau_high", "null_low", "null_high", "p_value", "seeds")}
                self.assertEqual(found["seeds"], len(taus))
                numpy.testing.assert_allclose(found["tau"], mean(taus), atol=1e-12)
                if len(taus) == 3:
                    half = scipy.stats.t.ppf(0.975, 2) * deviation(taus) / 3 ** 0.5
                    numpy.testing.assert_allclose([found["tau_low"], found["tau_high"]], mean(taus) + numpy.array([-half, half]), atol=1e-9)
                self.assertTrue(-1 <= found["null_low"] < 0 < found["null_high"] <= 1, found)
                # 720 permutations of six points, 1000 of which were drawn.
                if numpy.isfinite(values).all() and len(taus) == 3:
                    self.assertAlmostEqual(found["p_value"], self.share(values, numbers, found["tau"]), delta=0.06)

    def test_taus_between_networks_of_one_shape(self):
        """By the definition: the same counts of pairs, of one width only."""
        table = self.file["summary/prediction/fc2"]
        width = numpy.array([self.file["grid/width"][rows[0]] for rows in self.grid_points()])
        alike = numpy.equal.outer(width, width)
        self.assertEqual(alike.sum(), 2 * 3 ** 2)
        error = self.numbers(lambda replica: replica["training/test_error"][-1])
        for row, of in enumerate(self.measures().values()):
            taus = []
            for x, y in zip(self.numbers(of), error):
                known = numpy.isfinite(x) & numpy.isfinite(y)
                x, y = (numpy.sign(numpy.subtract.outer(a[known], a[known]))[alike[numpy.ix_(known, known)]] for a in (x, y))
                if x.any() and y.any():
                    taus.append(x @ y / (numpy.linalg.norm(x) * numpy.linalg.norm(y)))
            numpy.testing.assert_allclose(table["test_error_of_shape_tau"][row], mean(taus) if taus else numpy.nan, atol=1e-12)
            self.assertEqual(table["test_error_of_shape_seeds"][row], len(taus))

    def share(self, values, numbers, tau):
        """Of all permutations of the points those with a |tau| no smaller."""
        signs = numpy.array([[numpy.sign(numpy.subtract.outer(x, x)).ravel() for x in rows] for rows in (values, numbers)])
        beyond = []
        for order in itertools.permutations(range(values.shape[1])):
            taus = [x @ y.reshape(len(order), -1)[numpy.ix_(order, order)].ravel() / (numpy.linalg.norm(x) * numpy.linalg.norm(y))
                    for x, y in zip(*signs)]
            beyond.append(abs(mean(taus)) >= abs(tau) - 1e-12)
        return mean(beyond)

    def test_a_psi_before_the_solution_is_flagged(self):
        for layer in self.KEYS["pca__layers"]:
            flags = column(self.file[f"summary/psi/{layer}/psi_flags"])
            for point, (rows, text) in enumerate(zip(self.grid_points(), flags)):
                window = [self.replica(row)["training/train_error"][self.replica(row).attrs["window_first_epoch"]:] for row in rows]
                self.assertEqual("no solution" in text, numpy.max(window) > 0)
                self.assertEqual("few seeds" in text, self.file[f"summary/psi/{layer}/psi_seeds"][point] < 3)

    def test_two_directions_that_drift_flag_psi(self):
        flags = column(self.file["summary/psi/fc2/psi_flags"])
        counts = [[numpy.sum(self.replica(row)["pca/fc2/cosine_content"][1:10] > 0.5) for row in rows] for rows in self.grid_points()]
        self.assertTrue({0, 1} & set(numpy.ravel(counts)) and max(numpy.ravel(counts)) > 1, counts)
        for seeds, rows, text in zip(counts, self.grid_points(), flags):
            self.assertEqual("drift" in text, max(seeds) >= 2)
            for count, row in zip(seeds, rows):
                self.assertEqual("drift" in str(self.replica(row)["flatness/fc2"].attrs["psi_flags"]), count >= 2)


class SomeSeedsFail(Study):
    """Four seeds from large weights: of the second point one has a layer that stands still, and the others are as if it were not there."""
    KEYS = dict(PCA_ALONE, data__train_limit=300, data__test_limit=100, network__width=6, pca__layers=["fc2"],
                grid__initial_scale=[4.0, 8.0], grid__seed=[1, 2, 3, 4])

    def test_the_grid_says_which(self):
        done, failed = "done", "failed"
        self.assertEqual(column(self.file["grid/status"]).tolist(), [done] * 4 + [done, failed, done, done])
        self.assertIn("did not move", self.replica(5).attrs["message"])
        self.assertIn("1 of 8 replicas failed: see /grid/status", " ".join(self.printed))

    def test_the_summary_is_of_the_others(self):
        table = self.file["summary/psi/fc2"]
        seeds = [[self.replica(row) for row in self.done(rows)] for rows in self.grid_points()]
        self.assertEqual(table["replicas"][()].tolist(), [4, 3])
        for name in ("train_loss", "train_error", "test_error"):
            self.check_column(table, name, [mean([seed[f"training/{name}"][-1] for seed in of]) for of in seeds])
        self.check_column(table, "test_error_std", [deviation([seed["training/test_error"][-1] for seed in of]) for of in seeds])
        of_all = mean([self.replica(row)["training/train_loss"][-1] for row in self.grid_points()[1]])
        self.assertNotAlmostEqual(table["train_loss"][1], of_all, delta=1e-3)


class WidthScan(Study):
    """Widths, seeds and their pool, from the windows themselves."""
    KEYS = dict(data__train_limit=300, grid__width=[6, 9], grid__seed=[1, 2, 3], train__batch_size=5, pca__layers=["fc2", "fc3"],
                window__opens_at_epoch=2, window__length_epochs=2, pooled_pca__enabled=True, pooled_pca__directions=5, output__trajectory=True,
                **PCA_ALONE)

    def windows(self, layer, width):
        """Of every seed."""
        return [self.replica(3 * width + seed)[f"trajectory/{layer}"][()].astype(float) for seed in range(3)]

    def each(self):
        for layer in self.KEYS["pca__layers"]:
            for width in range(2):
                yield layer, width, self.windows(layer, width)

    def test_learning_dimensions(self):
        for layer, width, windows in self.each():
            table = self.file[f"summary/learning_dimension/{layer}"]
            variances = [numpy.linalg.svd(w - w.mean(axis=0), compute_uv=False) ** 2 for w in windows]
            for suffix, first in (("", 0), ("_without_first", 1)):
                expected = [dimension(variance[first:]) for variance in variances]
                self.assertEqual(table[f"learning_dimension{suffix}"][width].tolist(), expected)
                self.assertAlmostEqual(table[f"mean{suffix}"][width], numpy.mean(expected), delta=1e-12)
                self.assertAlmostEqual(table[f"std{suffix}"][width], deviation(expected), delta=1e-12)
        self.assertEqual(self.file["summary/learning_dimension/fc2/width"][()].tolist(), [6, 9])
        self.assertEqual(self.file["summary/learning_dimension/fc2/seed"][()].tolist(), [1, 2, 3])

    def test_nulls_of_the_learning_dimension(self):
        for layer, width, windows in self.each():
            table = self.file[f"summary/learning_dimension/{layer}"]
            steps, size = windows[0].shape
            self.assertEqual(table["weights"][width], size)
            for name, spectrum in (("random_walk", random_walk(steps)), ("white_noise", white_noise(size, steps))):
                self.assertEqual(table[name][width], dimension(spectrum), f"{layer} {name}")
                self.assertEqual(table[f"{name}_without_first"][width], dimension(spectrum[1:]), f"{layer} {name}")

    def test_the_pool_of_windows(self):
        for layer, width, windows in self.each():
            pool = self.file[f"summary/pooled_pca/{layer}/{width:06d}"]
            centred = numpy.vstack([w - w.mean(axis=0) for w in windows])
            variance = numpy.linalg.svd(centred, compute_uv=False) ** 2 / len(centred)
            count = len(pool["variance"])
            # A covariance in double precision rounds to 1e-16 of its largest eigenvalue, times some dozens of terms.
            numpy.testing.assert_allclose(pool["variance"][()], variance[:count], rtol=0, atol=1e-12 * variance[0])
            self.assertAlmostEqual(pool.attrs["total_variance"] / variance.sum(), 1.0, delta=1e-12)
            self.assertEqual(pool.attrs["modes_for_fraction"], dimension(variance, pool.attrs["fraction"]))
            self.assertEqual(pool.attrs["iterations"], len(centred))
            self.assertEqual(pool["seed"][()].tolist(), [1, 2, 3])
            means = numpy.array([w.mean(axis=0) for w in windows])
            between = numpy.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2 / 3
            numpy.testing.assert_allclose(pool["between_variance"][()], between, rtol=0, atol=1e-12 * between[0])
            self.check_directions(pool, windows, centred, variance)

    def check_directions(self, pool, windows, centred, variance):
        u = pool["directions"][()]
        along = (centred @ u.T).var(axis=0)
        # The Rayleigh quotient errs by the square of the residual, about 1e-8 of the largest eigenvalue at most.
        numpy.testing.assert_allclose(along, variance[:5], rtol=0, atol=1e-12 * variance[0])
        numpy.testing.assert_allclose(u @ u.T, numpy.eye(5), atol=1e-12)
        self.assertTrue((u[numpy.arange(5), numpy.abs(u).argmax(axis=1)] > 0).all())
        share = [(w @ u.T).var(axis=0) * len(w) / len(centred) / along for w in windows]
        numpy.testing.assert_allclose(pool["seed_share"][()], numpy.transpose(share), atol=1e-9)

    def test_overlaps_of_the_seeds(self):
        for layer, width, windows in self.each():
            pool = self.file[f"summary/pooled_pca/{layer}/{width:06d}"]
            size = windows[0].shape[1]
            own = [numpy.linalg.svd(w - w.mean(axis=0), full_matrices=False)[2] for w in windows]
            counts = pool["overlap_modes"][()]
            for row, k in enumerate(counts):
                if k > 20:
                    continue   # directions of vanishing variance are an arbitrary basis
                both = [[numpy.sum((a[:k] @ b[:k].T) ** 2) / k for b in own] for a in own]
                numpy.testing.assert_allclose(pool["overlap"][row], both, atol=1e-6, err_msg=f"{layer} {k}")
                self.assertAlmostEqual(pool["overlap_mean"][row], (both[0][1] + both[0][2] + both[1][2]) / 3, delta=1e-6)
            numpy.testing.assert_allclose(pool["overlap_random"][()], counts / size, rtol=1e-14)
            # The variance of tr(P Q) for random projectors of rank k: 2 k^2 (N-k)^2/(N^2 (N-1)(N+2)).
            variance = 2 * counts**2.0 * (size - counts)**2.0 / (size**2.0 * (size - 1) * (size + 2))
            numpy.testing.assert_allclose(pool["overlap_random_std"][()], numpy.sqrt(variance) / counts, rtol=1e-12)


class Continual(Study):
    """Two seeds or three of two grid points; a learning rate of the second task at which some points diverge."""
    KEYS = dict(study="continual", data__train_limit=600, network__width=6, window__opens_at_epoch=4, window__length_epochs=2, pca__layers=["fc2", "fc3"],
                grid__batch_size=[5, 10], grid__seed=[1, 2, 3], continual__epochs=2, continual__strength=[0.1, 3.0, 100.0],
                continual__psi=[3.0, 5.0], continual__constraint_counts=[3, 12], continual__leading_mode=["in", "out"],
                continual__trained=["analysed", "all"], continual__held=["analysed", "fc3"],
                continual__methods=["none", "l2", "ldc", "ldc-flatness", "ewc", "ewc-empirical", "ewc-batched", "laplace"])
    CHOICE = ("method", "trained", "biases", "held", "leading_mode", "psi", "constraint_count", "strength")
    GRID = ("batch_size", "learning_rate", "width", "hidden_layers", "architecture", "sampling")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rows = cls.rebuild()
        cls.least = cls.least_of(cls.rows)

    @classmethod
    def rebuild(cls):
        """One dict for every grid point and point of its replicas."""
        rows = []
        for number, point in enumerate(cls.grid_points(cls)):
            seeds = [cls.replica(cls, row)["continual"] for row in cls.done(cls, point)]
            for i in range(len(seeds[0]["method"])):
                row = {name: column(cls.file["grid"][name])[point[0]] for name in cls.GRID}
                row |= {name: column(seeds[0][name])[i] for name in cls.CHOICE}
                end = [seed["test_error"][i, -1] for seed in seeds]
                finite = [s for s, error in enumerate(end) if numpy.isfinite(error).all()]
                row["replicas"] = len(finite)
                row["lambda"] = numpy.prod([seeds[s]["lambda"][i] for s in finite]) ** (1.0 / len(finite)) if finite else NAN
                tasks = range(len(end[0]))
                row["errors"] = [over_seeds([end[s][t] for s in finite]) for t in tasks]
                row["average"] = over_seeds([end[s].mean() for s in finite])
                row["family"] = (number, *(row[name] for name in ("trained", "biases", "held", "method", "leading_mode")), str(row["psi"]))
                rows.append(row)
        return rows

    @staticmethod
    def least_of(rows):
        paths = {}
        for row in rows:
            paths.setdefault((row["family"], row["constraint_count"]), []).append(row)
        return [min(path, key=lambda row: numpy.nan_to_num(row["average"][0], nan=numpy.inf)) for path in paths.values()]

    def check_table(self, table, rows):
        for name in (*self.GRID, *self.CHOICE, "replicas"):
            numpy.testing.assert_array_equal(column(table[name]), [row[name] for row in rows], name)
        self.check_column(table, "lambda", [row["lambda"] for row in rows])
        normalised = [10.0 ** row["psi"] * row["lambda"] for row in rows]   # psi is NaN for all but ldc
        self.check_column(table, "normalised_lambda", normalised)
        self.assertTrue(all(row["method"] == "ldc" for row, value in zip(rows, normalised) if not numpy.isnan(value)))
        for part, name in ((0, "test_error"), (1, "test_error_se")):
            self.check_column(table, name, [[error[part] for error in row["errors"]] for row in rows])
        for part, name in ((0, "average_error"), (1, "average_error_se")):
            self.check_column(table, name, [row["average"][part] for row in rows])

    def test_every_point_over_its_seeds(self):
        self.check_table(self.file["summary/continual"], self.rows)

    def test_the_strength_of_least_average_error(self):
        self.check_table(self.file["summary/continual/least"], self.least)

    def enough(self, row):
        family = [other for other in self.least if other["family"] == row["family"]]
        best = min(family, key=lambda other: other["average"][0])
        good = [other["constraint_count"] for other in family if other["average"][0] <= best["average"][0] + best["average"][1]]
        return min(good)

    def test_the_fewest_constraints_that_are_enough(self):
        enough = [self.enough(row) for row in self.least]
        numpy.testing.assert_array_equal(self.file["summary/continual/least/enough_constraints"][()], enough)
        counted = [row["constraint_count"] for row in self.least if row["constraint_count"] > 0]
        self.assertEqual(len(set(counted)), 2)

    def test_the_columns_differ_so_that_one_cannot_stand_for_another(self):
        points = self.replica(0)["continual"]
        ends = points["test_error"][:, -1]
        self.assertTrue((ends[:, 0] != ends[:, 1]).any() and (points["test_error"][:, 0] != ends).any())
        self.assertTrue((points["train_error"][()] != ends).any())

    def test_what_the_terminal_shows(self):
        """One line for the best N_c of every family, percentages with two digits."""
        best = {}
        for row in self.least:
            if row["family"] not in best or row["average"][0] < best[row["family"]]["average"][0]:
                best[row["family"]] = row
        lines = self.table_lines(["method", "psi", "first"])
        self.assertGreaterEqual(len(lines), len(best))
        percent = lambda error: [f"{100 * error[0]:.2f}", "+-", f"{100 * error[1]:.2f}"]
        for row in best.values():
            words = [row["method"], f"{row['psi']:g}" if numpy.isfinite(row["psi"]) else "-", row["leading_mode"],
                     row["trained"], row["biases"], row["held"], str(row["constraint_count"]), f"{row['lambda']:.3g}",
                     str(self.enough(row)), str(row["replicas"]), *percent(row["average"])]
            tasks = [word.rstrip(",") for error in row["errors"] for word in percent(error)]
            self.assertIn(words + tasks, [[word.rstrip(",") for word in line] for line in lines])


class ContinualThatDiverges(Continual):
    """Held points stay where they are; the others' losses overflow, of some seeds or of all."""
    KEYS = Continual.KEYS | dict(grid__batch_size=[5], continual__learning_rate=1e16, continual__strength=[1e-9, 1e30],
                                 continual__methods=["none", "l2", "ewc"], continual__trained=["analysed"])

    def test_the_columns_differ_so_that_one_cannot_stand_for_another(self):
        done = {row["replicas"] for row in self.rows}
        self.assertGreater(len(done), 1)
        self.assertIn(3, done)


class Noise(Study):
    KEYS = dict(study="noise", data__train_limit=500, network__width=6, train__batch_size=25, train__learning_rate=0.3, noise__epochs=30,
                noise__sgd_epochs=20, noise__modes=20, noise__renew_epochs=10, noise__loss_levels=[2.2, 1.5, 0.01],
                grid__noise_method=["sgd", "gd", "flatness-detecting", "isotropic", "diagonal"], grid__noise_amplitude=[0.5, 3.0],
                grid__seed=[1, 2, 3])
    GRID = ("batch_size", "learning_rate", "width", "hidden_layers", "architecture", "sampling", "noise_method", "noise_amplitude")

    def points(self):
        """Of every grid point with a finished seed its rows of /grid and its finished seeds' curves."""
        points = [(rows, [self.replica(row)["training"] for row in self.done(rows)]) for rows in self.grid_points()]
        return [point for point in points if point[1]]

    def late(self, name):
        """The last tenth of the epochs."""
        tenth = lambda curve: numpy.mean(curve[-max(1, len(curve) // 10):])
        return [over_seeds([tenth(seed[name][()]) for seed in seeds]) for _, seeds in self.points()]

    def at_levels(self, number):
        """`number` of a seed and the first row where its training loss is at the level, over the seeds that get there."""
        levels = self.file["summary/noise/loss_level"][()]
        def of(seed, level):
            there = numpy.flatnonzero(seed["train_loss"][()] <= level)
            return number(seed, there[0]) if len(there) else NAN
        return numpy.array([[over_seeds([of(seed, level) for seed in seeds]) for level in levels] for _, seeds in self.points()])

    def test_the_rows_are_the_grid_points_with_a_finished_seed(self):
        table = self.file["summary/noise"]
        self.check_grid_columns(table, [rows for rows, _ in self.points()], self.GRID)
        self.assertEqual(table["replicas"][()].tolist(), [len(seeds) for _, seeds in self.points()])

    def test_means_over_the_last_tenth(self):
        for name in ("train_loss", "train_error", "test_loss", "test_error"):
            expected = numpy.array(self.late(name))
            self.check_column(self.file["summary/noise"], name, expected[:, 0])
            self.check_column(self.file["summary/noise"], f"{name}_se", expected[:, 1])

    def test_numbers_at_equal_training_loss(self):
        table = self.file["summary/noise"]
        for name, number in (("test_error_at_loss", lambda seed, row: seed["test_error"][row]),
                             ("epoch_at_loss", lambda seed, row: seed["epoch"][row])):
            expected = self.at_levels(number)
            self.check_column(table, name, expected[..., 0])
            self.check_column(table, f"{name}_se", expected[..., 1])
        reached = [[sum((seed["train_loss"][()] <= level).any() for seed in seeds) for level in table["loss_level"]]
                   for _, seeds in self.points()]
        numpy.testing.assert_array_equal(table["replicas_at_loss"][()], reached)

    def test_what_the_terminal_shows(self):
        def shown(mean, factor, form):
            if not numpy.isfinite(mean[0]):
                return ["-"]
            error = ["+-", format(factor * mean[1], form)] if numpy.isfinite(mean[1]) else []
            return [format(factor * mean[0], form), *error]
        lines = self.table_lines(["method", "sigma_n", "alpha"])
        at_levels = self.at_levels(lambda seed, row: seed["test_error"][row])
        for i, (rows, seeds) in enumerate(self.points()):
            grid = {name: column(self.file["grid"][name])[rows[0]] for name in self.GRID}
            words = [grid["noise_method"], f"{grid['noise_amplitude']:g}", f"{grid['learning_rate']:g}", str(len(seeds)),
                     *shown(self.late("test_error")[i], 100.0, ".2f"), *shown(self.late("train_loss")[i], 1.0, ".2e")]
            for mean_at in at_levels[i]:
                words += shown(mean_at, 100.0, ".2f")
            self.assertEqual(lines[i], words)


class NoiseThatDiverges(Noise):
    """SGD at a rate where some seeds' losses overflow and others' units all die, noise at which every seed's does."""
    KEYS = Noise.KEYS | dict(noise__sgd_learning_rate=1e12, grid__noise_method=["sgd", "isotropic"], grid__noise_amplitude=[0.5, 1e30],
                             grid__seed=[1, 2, 3, 4, 5, 6])

    def test_a_loss_that_is_not_finite_makes_a_replica_diverged(self):
        for row, status in enumerate(column(self.file["grid/status"])):
            curves = self.replica(row)["training"]
            finite = all(numpy.isfinite(curves[name][()]).all() for name in ("train_loss", "test_loss"))
            self.assertEqual(status, "done" if finite else "diverged", row)

    def test_some_seeds_of_one_point_diverge(self):
        counts = [len(self.done(rows)) for rows in self.grid_points()]
        self.assertEqual(sorted(counts)[::2], [0, 6])
        self.assertTrue(0 < sorted(counts)[1] < 6, counts)


if __name__ == "__main__":
    unittest.main()
