"""What a window is compared with: walks of the run's own noise, halves of the window, shorter windows, white noise."""
import numpy

from . import fits
from .checks import LayerChecks, assert_close, assert_each_close, assert_near, for_each_layer
from .flatness import width
from .matrices import LayerMatrices
from .pca import cosine_content, dimension, spectrum, walk_spectrum
from .quadratic import QuadraticRun


def assert_spectrum(found, expected, relative, what):
    """Singular values move by no more than the matrix's norm does (Weyl); `relative` to the largest."""
    found, expected = numpy.sqrt(numpy.maximum(found, 0.0)), numpy.sqrt(expected)
    assert_near(found, expected, relative * expected[0], what)


def modes(snapshots):
    """Variances and directions (rows), and which directions the rounding of snapshots leaves alone."""
    _, values, rows = numpy.linalg.svd(snapshots - snapshots.mean(axis=0), full_matrices=False)
    gaps = numpy.minimum(-numpy.diff(values, append=0.0), -numpy.diff(values, prepend=numpy.inf))
    return values**2 / len(snapshots), rows, gaps / values[0]


def marchenko_pastur(total, size, steps):
    """Quantiles (i + 1/2)/n of the law's continuous part, descending, scaled to the total."""
    ratio, count = size / steps, min(size, steps - 1)
    low, high = (1.0 - numpy.sqrt(ratio))**2, (1.0 + numpy.sqrt(ratio))**2
    x = low + (high - low) * numpy.sin(numpy.linspace(0.0, numpy.pi / 2, 400001))**2
    middle = 0.5 * (x[1:] + x[:-1])
    weight = numpy.cumsum(numpy.sqrt((high - middle) * (middle - low)) / middle * numpy.diff(x))
    values = numpy.interp(1.0 - (numpy.arange(count) + 0.5) / count, weight / weight[-1], x[1:])
    result = numpy.zeros(size)
    result[:count] = values * total / values.sum()
    return result


class Walk:
    """The run's minibatches of the window with the weights held at w_0, their mean taken out."""

    def __init__(self, run, own, seed):
        order = run.window_order(seed)
        fixed = run.sampling in ("shuffle-once", "fixed-partition")
        mean = own.samples[order[:run.iterations].ravel()].mean(axis=0) if fixed else own.gradient
        self.noise = own.minibatches(order) - mean
        velocity, position, positions = numpy.zeros(mean.size), numpy.zeros(mean.size), []
        for xi in self.noise:
            velocity = run.beta * velocity + xi
            position = position - run.rate * run.along(xi, velocity)
            positions.append(position)
        self.positions = numpy.array(positions)

    def along(self, p):
        return (self.positions @ p.T).var(axis=0)


class Nulls(LayerChecks):
    def has_walk(self, group):
        """Adam's steps are not linear in its gradients."""
        self.assertEqual("walk_spectrum" in group, self.run_.optimizer != "adam")
        return "walk_spectrum" in group

    @for_each_layer("nulls")
    def test_white_noise(self, layer, group):
        pca = self.run_.replica[f"pca/{layer}"]
        total, size, steps = pca.attrs["total_variance"], len(pca["variance"]), pca.attrs["window_iterations"]
        edges = total / size * (1.0 + numpy.array([-1.0, 1.0]) * numpy.sqrt(size / steps))**2
        assert_each_close([group.attrs["white_noise_low"], group.attrs["white_noise_high"]], edges, 1e-9, "white noise band")
        assert_close(group["white_noise_spectrum"][()], marchenko_pastur(total, size, steps), 1e-3, "white_noise_spectrum")

    @for_each_layer("nulls")
    def test_walk_along_measured_directions(self, layer, group):
        if not self.has_walk(group):
            return
        own = LayerMatrices.of(self.run_, layer)
        p = self.run_.replica[f"pca/{layer}/directions"][()][group["direction"][()]]
        walk, fresh = Walk(self.run_, own, self.run_.seed), Walk(self.run_, own, -1 - self.run_.seed)
        noise = walk.noise @ p.T
        assert_close(group["walk_variance"][()], walk.along(p), 1e-5, "walk_variance")
        assert_close(group["fresh_walk_variance"][()], fresh.along(p), 1e-5, "fresh_walk_variance")
        assert_close(group["noise_variance"][()], (noise**2).mean(axis=0), 1e-5, "noise_variance")
        assert_close(group.attrs["noise_trace"], (walk.noise**2).sum(axis=1).mean(), 1e-5, "noise_trace")

    @for_each_layer("nulls")
    def test_pca_of_the_walk(self, layer, group):
        if not self.has_walk(group):
            return
        own = LayerMatrices.of(self.run_, layer)
        positions = Walk(self.run_, own, self.run_.seed).positions
        variances = spectrum(positions)
        assert_spectrum(group["walk_spectrum"][()], variances, 3e-6, "walk_spectrum")
        assert_close(group.attrs["walk_total_variance"], variances.sum(), 1e-5, "walk_total_variance")
        self.assertEqual(group.attrs["walk_learning_dimension"], dimension(variances, variances.sum()))
        self.assertEqual(group.attrs["walk_learning_dimension_without_first"], dimension(variances[1:], variances[1:].sum()))
        _, rows, gaps = modes(positions)
        content = [cosine_content((positions - positions.mean(axis=0)) @ rows[k], k + 1) for k in range(10)]
        known = gaps[:10] > 1e-3
        assert_near(group["walk_cosine_content"][()][known], numpy.array(content)[known], 1e-3, "walk_cosine_content")

    @for_each_layer("nulls")
    def test_prediction(self, layer, group):
        run = self.run_
        if not self.has_walk(group):
            return
        flatness = run.replica[f"flatness/{layer}"]
        known = dict(zip(flatness["direction"][()], flatness["loss_curvature"][()]))
        curvature = numpy.array([max(known[i], 0.0) for i in group["direction"][()]])
        def factor(value):
            return QuadraticRun(value, run).window_variance()
        noise = group["noise_variance"][()]
        assert_each_close(group["flat_variance"][()], factor(0.0) * noise, 1e-5, "flat_variance")
        steep = curvature > 1e-6 * curvature.max()
        expected = [factor(value) for value in curvature[steep]]
        assert_each_close(group["predicted_variance"][()][steep], expected * noise[steep], 1e-5, "predicted_variance")

    @for_each_layer("nulls")
    def test_flatness_along_the_walks_own_directions(self, layer, group):
        if not self.has_walk(group):
            return
        own = LayerMatrices.of(self.run_, layer)
        positions = Walk(self.run_, own, self.run_.seed).positions
        numbers = group["walk_direction"][()]
        numpy.testing.assert_array_equal(group["walk_own_variance"][()], group["walk_spectrum"][()][numbers])
        # Positions in single precision turn a direction by their rounding over its distance from the others.
        self.check_widths(layer, group, "walk", modes(positions), numbers, 3e-6)

    def check_widths(self, layer, group, name, found, numbers, rounding):
        own = LayerMatrices.of(self.run_, layer)
        _, rows, gaps = found
        furthest = self.options("flatness")["max_displacement"] * numpy.linalg.norm(self.run_.solution(layer))
        known = [row for row, number in enumerate(numbers) if number < len(gaps) and gaps[number] > 1e3 * rounding]
        self.assertGreater(len(known), 2)
        curvature = own.along(own.hessian, rows[numbers[known]])
        steepest = numpy.abs(own.along(own.hessian, rows)).max()
        assert_near(group[f"{name}_loss_curvature"][()][known], curvature, 3e-3 * steepest, f"{name}_loss_curvature")
        for row in known:
            p = rows[numbers[row]]
            line, slope = self.run_.line(layer, p), p @ own.gradient / own.loss
            expected = width(line, slope, p @ own.hessian @ p / own.loss, furthest)
            assert_each_close(group[f"{name}_flatness"][row], expected, 5e-3, f"{name}_flatness[{row}]")

    @for_each_layer("nulls")
    def test_halves(self, layer, group):
        snapshots = self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        half = len(snapshots) // 2
        found, numbers = modes(snapshots[-half:]), group["half_direction"][()]
        variances, rows, gaps = found
        kept = numbers < len(variances)
        assert_spectrum(group["half_variance"][()][kept], variances[numbers[kept]], 1e-9, "half_variance")
        known = kept & (gaps[numpy.minimum(numbers, len(gaps) - 1)] > 1e-9)
        first = snapshots[:half] - snapshots[:half].mean(axis=0)
        expected = ((first @ rows[numbers[known]].T)**2).mean(axis=0)
        assert_close(group["held_out_variance"][()][known], expected, 1e-5, "held_out_variance")
        self.check_widths(layer, group, "half", found, numbers, 1e-9)

    @for_each_layer("nulls")
    def test_scan(self, layer, group):
        pca, snapshots = self.run_.replica[f"pca/{layer}"], self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        steps, p = len(snapshots), pca["directions"][()][group["direction"][()]]
        lengths = [steps >> k for k in range(self.options("nulls")["window_halvings"], -1, -1) if steps >> k >= 4]
        self.assertEqual(group["scan_length"][()].tolist(), lengths)
        for row, length in enumerate(lengths):
            part = snapshots[steps - length:] - snapshots[steps - length:].mean(axis=0)
            variances, walk = spectrum(part), walk_spectrum(length)
            total = variances.sum()
            assert_close(group["scan_total_variance"][row], total, 1e-9, "scan_total_variance")
            assert_near(group["scan_leading_fraction"][row], variances[:3] / total, 1e-9, "scan_leading_fraction")
            assert_close(group["scan_variance"][row], ((part @ p.T)**2).mean(axis=0), 1e-9, "scan_variance")
            found = [group["scan_learning_dimension" + name][row] for name in ("", "_without_first", "_null", "_null_without_first")]
            self.assertEqual(found, [dimension(variances, total), dimension(variances[1:], total - variances[0]),
                                     dimension(walk, walk.sum()), dimension(walk[1:], walk[1:].sum())], f"scan of {length}")

    @for_each_layer("nulls")
    def test_exponents(self, layer, group):
        for name, number, x, y in (("walk_psi", "walk_direction", "walk_flatness", "walk_own_variance"),
                                   ("fresh_walk_psi", "direction", None, "fresh_walk_variance"),
                                   ("half_psi", "half_direction", "half_flatness", "half_variance"),
                                   ("held_out_psi", "half_direction", "half_flatness", "held_out_variance")):
            if name in group.attrs:
                numbers = group[number][()]
                kept = self.fit_range(numbers) & (numbers < self.moving_of(layer, group, number)) & self.above_rounding(group, y)
                f = group[x][()] if x else self.flatness(layer, numbers)
                fits.assert_exponent(group, name, fits.falling(fits.power_law(f[kept], group[y][()][kept])))

    @for_each_layer("nulls")
    def test_exponents_of_the_scan(self, layer, group):
        numbers = group["direction"][()]
        kept, f = self.fit_range(numbers) & (numbers < self.moving(layer)), self.flatness(layer, numbers)
        found = numpy.stack([group["scan_psi" + end][()] for end in ("", "_low", "_high", "_points")], axis=1)
        expected = []
        for row, rounding in zip(group["scan_variance"][()], group["scan_rounding_variance"][()]):
            fitted = kept & (row > rounding)
            expected.append(fits.falling(fits.power_law(f[fitted], row[fitted]))[:4])
        assert_near(found, expected, 1e-6, "scan_psi")

    def moving_of(self, layer, group, number):
        return {"walk_direction": group.attrs.get("walk_moving"), "half_direction": group.attrs.get("half_moving"),
                "direction": self.moving(layer)}[number]

    def above_rounding(self, group, name):
        of = "walk" if "walk" in name else "half"
        return group[name][()] > group.attrs[f"{of}_rounding_variance"]

    def fit_range(self, numbers):
        options = self.options("flatness")
        return (numbers + 1 >= options["fit_first"]) & (numbers + 1 <= options["fit_last"])

    def flatness(self, layer, numbers):
        flatness = self.run_.replica[f"flatness/{layer}"]
        known = dict(zip(flatness["direction"][()], flatness["flatness"][()]))
        return numpy.array([known.get(i, numpy.nan) for i in numbers])
