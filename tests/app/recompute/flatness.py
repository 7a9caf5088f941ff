"""Flatness by our own forward passes, and the exponents fitted to it."""
import numpy

from columns import column

from . import fits
from .checks import SINGLE, LayerChecks, assert_close, assert_each_close, assert_near, chosen_directions, for_each_layer
from .matrices import LayerMatrices


def crossing(line, side, step, furthest):
    """Nearest d on a side (-1 or 1) with ln L(d) = ln L(0) + 1, by small steps, then to 1e-5 of it by halving; NaN when further than `furthest`."""
    level, near, far = line.log_losses([0.0])[0] + 1.0, 0.0, step
    while line.log_losses([side * far])[0] < level:
        if far >= furthest:
            return numpy.nan
        near, far = far, min(1.3 * far, furthest)
    for _ in range(15):
        middle = 0.5 * (near + far)
        near, far = (near, middle) if line.log_losses([side * middle])[0] >= level else (middle, far)
    return side * 0.5 * (near + far)


def width(line, slope, curvature, furthest):
    """F of a line whose ln L has this slope and curvature at 0."""
    step = 0.3 / max(abs(slope) + numpy.sqrt(max(curvature, 0.0)), 1e-3)
    return crossing(line, 1.0, step, furthest) - crossing(line, -1.0, step, furthest)


def crossover(run):
    """lambda_x: where the variance that a sampling leaves along flat directions of a window meets alpha C/(2 lambda)/(1 - beta)."""
    if run.optimizer == "adam" or run.sampling == "reshuffle" and len(run.labels) % run.batch > 0:
        return numpy.nan
    within = run.iterations * run.epochs if run.sampling == "with-replacement" else run.iterations
    repeats = 2.0 if run.sampling == "shuffle-once" else 1.0
    return 3.0 * repeats * (1.0 - run.beta) / (run.rate * within)


class Flatness(LayerChecks):
    def lines(self, layer, group):
        directions = self.run_.replica[f"pca/{layer}/directions"]
        for i, number in enumerate(group["direction"][()]):
            yield i, self.run_.line(layer, directions[number])

    @for_each_layer("flatness")
    def test_directions_and_variances(self, layer, group):
        pca = self.run_.replica[f"pca/{layer}"]
        expected = chosen_directions(len(pca["directions"]), self.options("flatness"))
        numpy.testing.assert_array_equal(group["direction"][()], expected)
        numpy.testing.assert_array_equal(group["variance"][()], pca["variance"][()][expected])

    @for_each_layer("flatness")
    def test_loss_at_the_crossings(self, layer, group):
        """e times that of the solution, and nowhere before: the nearest ones. Single-precision losses at a distance, and the position's tolerance."""
        tolerance = self.options("flatness")["tolerance"]
        log_loss = numpy.log(group.attrs["loss"])
        for i, line in self.lines(layer, group):
            for side in ("left", "right"):
                at = group[side][i]
                if numpy.isnan(at):
                    continue
                self.assertEqual(at < 0.0, side == "left")
                inner, there, outer = line.log_losses([at * (1.0 - tolerance), at, at * (1.0 + tolerance)])
                assert_near(there, log_loss + 1.0, abs(outer - inner) + SINGLE, f"{group.name} ln L at {side} of row {i}")
                self.assertLess(line.log_losses(at * numpy.linspace(0.02, 0.98, 25)).max(), log_loss + 1.0)

    @for_each_layer("flatness")
    def test_unbounded_sides_never_reach_the_level(self, layer, group):
        furthest = self.options("flatness")["max_displacement"] * numpy.linalg.norm(self.run_.solution(layer))
        for i, line in self.lines(layer, group):
            for side, sign in (("left", -1.0), ("right", 1.0)):
                if numpy.isnan(group[side][i]):
                    reached = line.log_losses(sign * furthest * numpy.geomspace(1e-4, 1.0, 60)).max()
                    self.assertLess(reached, numpy.log(group.attrs["loss"]) + 1.0)

    @for_each_layer("flatness")
    def test_flatness_and_status(self, layer, group):
        words = {(False, False): "ok", (True, False): "left unbounded", (False, True): "right unbounded", (True, True): "unbounded"}
        left, right = group["left"][()], group["right"][()]
        assert_each_close(group["flatness"][()], right - left, 1e-15, "flatness")
        self.assertEqual(column(group["status"]).tolist(), [words[pair] for pair in zip(numpy.isnan(left), numpy.isnan(right))])

    @for_each_layer("flatness")
    def test_derivatives_at_the_solution(self, layer, group):
        matrices = LayerMatrices.of(self.run_, layer)
        p = self.run_.replica[f"pca/{layer}/directions"][()][group["direction"][()]]
        slope, curvature = p @ matrices.gradient / matrices.loss, matrices.along(matrices.hessian, p)
        of_log = curvature / matrices.loss - slope**2
        assert_close(group.attrs["loss"], matrices.loss, SINGLE, "loss")
        assert_close(group["slope"][()], slope, SINGLE * 10, "slope")
        assert_close(group["loss_curvature"][()], curvature, SINGLE * 3, "loss_curvature")
        assert_close(group["curvature"][()], of_log, SINGLE * 10, "curvature")
        with numpy.errstate(invalid="ignore", divide="ignore"):
            b, k = group["slope"][()], group["curvature"][()]
            predicted = numpy.where(k > 0.0, 2.0 / k * numpy.sqrt(b**2 + 2.0 * k), numpy.nan)
        assert_each_close(group["predicted_width"][()], predicted, 1e-12, "predicted_width")

    @for_each_layer("flatness")
    def test_profiles(self, layer, group):
        for i, line in self.lines(layer, group):
            theta, log_loss = group["profile_theta"][i], group["profile_log_loss"][i]
            there = numpy.isfinite(theta)
            self.assertTrue((numpy.diff(theta[there]) > 0.0).all() and 0.0 in theta[there])
            numpy.testing.assert_array_equal(there, ~numpy.isnan(log_loss))
            near = there & (log_loss < numpy.log(group.attrs["loss"]) + 3.0)
            # ln L, of losses summed in single precision.
            assert_near(log_loss[near], line.log_losses(theta[near]), 2e-5, f"profile of row {i}")

    @for_each_layer("flatness")
    def test_psi(self, layer, group):
        x, y, fitted = group["flatness"][()], group["variance"][()], self.fitted(layer, group)
        lambda_x, sharp = crossover(self.run_), group["loss_curvature"][()]
        numpy.testing.assert_allclose(group.attrs["crossover_curvature"], lambda_x, rtol=1e-12)
        sides = dict(psi=fitted, psi_below=fitted & (sharp < lambda_x), psi_above=fitted & (sharp >= lambda_x))
        for name, kept in sides.items():
            fits.assert_exponent(group, name, fits.falling(fits.power_law(x[kept], y[kept])))

    def fitted(self, layer, group):
        number = group["direction"][()]
        return self.in_range(group, number) & (number < self.moving(layer))

    @for_each_layer("flatness", "dynamics", "mlf", "curvature")
    def test_the_fit_range_is_that_of_the_configuration(self, layer, group):
        options = self.options("flatness")
        self.assertEqual((group.attrs["fit_first"], group.attrs["fit_last"]), (options["fit_first"] - 1, options["fit_last"] - 1))

    @for_each_layer("flatness")
    def test_error_of_the_assumed_psi(self, layer, group):
        kept = self.fitted(layer, group)
        log_f, log_variance = fits.usable(group["flatness"][()][kept], group["variance"][()][kept])
        excess = log_f + log_variance / float(self.run_.row["psi_assumed"])
        self.assertEqual(group.attrs["psi_assumed"], self.run_.row["psi_assumed"])
        assert_near(group.attrs["psi_assumed_log_error"], excess.std(), 1e-9, "psi_assumed_log_error")
