"""Everything along the directions of every basis, from the stored directions, the trajectory and our own matrices."""
import functools

import numpy

from . import fits
from .checks import SINGLE, LayerChecks, assert_close, assert_each_close, assert_near, chosen_directions
from .dynamics import Velocities, per_gradient
from .flatness import crossover
from .matrices import LayerMatrices
from .network import softmax
from .quadratic import QuadraticRun, noise_covariance
from .training import DRIFT


def for_each_basis(check):
    """A test of (layer, basis, group) runs once for every layer and basis."""
    @functools.wraps(check)
    def test(self):
        for layer in self.run_.analysed:
            for basis, group in self.run_.replica[f"bases/{layer}"].items():
                with self.subTest(layer=layer, basis=basis):
                    check(self, layer, basis, group)
    return test


class Bases(LayerChecks):
    def matrix(self, layer, basis):
        own = LayerMatrices.of(self.run_, layer)
        return dict(hessian=own.hessian, noise=own.noise).get(basis)

    def test_all_bases_are_there(self):
        for layer in self.run_.analysed:
            self.assertEqual(sorted(self.run_.replica[f"bases/{layer}"]), sorted(self.options("bases")["basis"]))

    @for_each_basis
    def test_vectors_are_orthonormal_and_along_the_drift(self, layer, basis, group):
        u, snapshots = group["vectors"][()], self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        numpy.testing.assert_allclose(u @ u.T, numpy.eye(len(u)), atol=1e-11)
        moved = u @ (snapshots[-1] - snapshots[0])
        still = group["variance"][()] <= group.attrs["rounding_variance"]
        self.assertTrue((still | (moved > -1e-9 * numpy.abs(moved).max())).all())

    @for_each_basis
    def test_vectors_are_eigenvectors(self, layer, basis, group):
        """The matrix is diagonal along them, with the leading eigenvalues that numpy finds in our own matrix."""
        if basis == "pca":
            pca = self.run_.replica[f"pca/{layer}"]
            numpy.testing.assert_array_equal(group["vectors"][()], pca["directions"][()][group["direction"][()]])
            numpy.testing.assert_array_equal(group["eigenvalue"][()], pca["variance"][()][group["direction"][()]])
            self.assertEqual(group.attrs["determined"], pca.attrs["moving"])
        elif basis == "random":
            self.assertTrue(numpy.isnan(group["eigenvalue"][()]).all())
            numpy.testing.assert_array_equal(group["direction"][()], numpy.arange(len(group["vectors"])))
        else:
            self.check_eigenvectors(group, self.matrix(layer, basis))

    def check_eigenvectors(self, group, matrix):
        u, numbers, options = group["vectors"][()], group["direction"][()], self.options("bases")
        values = numpy.linalg.eigvalsh(matrix)[::-1]
        whole = len(values) <= options["dense_limit"]
        available = len(values) if whole else min(options["modes"], len(values) - 1)
        # A residual of an eigenvector moves its eigenvalue by the square of that.
        rounding = 3 * SINGLE if whole else 3 * SINGLE + options["tolerance"]
        numpy.testing.assert_array_equal(numbers, chosen_directions(available, options))
        assert_close(group["eigenvalue"][()], values[numbers], 3 * SINGLE, "eigenvalue")
        assert_near(u @ matrix @ u.T, numpy.diag(values[numbers]), rounding * values[0], "matrix along the vectors")
        # 1e-7 of the largest, give or take the rounding of eigenvalues.
        self.assertGreaterEqual(group.attrs["determined"], min(available, (values > 3e-7 * values[0]).sum()))
        self.assertLessEqual(group.attrs["determined"], (values > 1e-8 * values[0]).sum())

    @for_each_basis
    def test_window(self, layer, basis, group):
        snapshots = self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        theta = (snapshots - snapshots.mean(axis=0)) @ group["vectors"][()].T
        variance = (theta**2).mean(axis=0)
        assert_near(group["variance"][()], variance, 3e-6 * variance + 1e-13 * variance.max(), f"{group.name} variance")
        self.assertEqual(group.attrs["window_iterations"], len(snapshots))
        with numpy.errstate(invalid="ignore"):
            rows = numpy.flatnonzero(group["noise_strength"][()] > 1e-20 * numpy.nanmax(group["noise_strength"][()]))
        self.assertGreater(rows.size, 5)
        found = [Velocities(theta[:, row]) for row in rows]
        strength, tau, window, drift = (numpy.array([getattr(one, name) for one in found]) for name in ("strength", "tau", "tau_window", "drift"))
        assert_each_close(group["noise_strength"][rows], strength, 3e-6, "noise_strength")
        assert_each_close(group["tau"][rows], group["variance"][rows] / group["noise_strength"][rows], 1e-14, "tau")
        assert_near(group["tau_window"][rows], window, 1e-6 * (tau + numpy.abs(window)), "tau_window")
        assert_near(group["drift"][rows], drift, 1e-6 * numpy.sqrt(strength), "drift")

    @for_each_basis
    def test_variance_without_the_first_direction(self, layer, basis, group):
        """Of snapshots that have no part along the leading eigenvector of numpy's covariance."""
        snapshots = self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        theta = snapshots - snapshots.mean(axis=0)
        first = numpy.linalg.svd(theta, full_matrices=False)[2][0]
        rest = ((theta - numpy.outer(theta @ first, first)) @ group["vectors"][()].T).var(axis=0)
        assert_near(group["variance_without_first"][()], rest, 1e-5 * rest + 1e-11 * group["variance"][()].max(), "variance_without_first")

    @for_each_basis
    def test_loss(self, layer, basis, group):
        own, u = LayerMatrices.of(self.run_, layer), group["vectors"][()]
        slope, curvature = u @ own.gradient / own.loss, own.along(own.hessian, u)
        assert_close(group.attrs["loss"], own.loss, SINGLE, "loss")
        # Of a basis whose steepest direction is soft the rounding is still that of the whole matrix.
        steepest = numpy.linalg.norm(own.hessian, 2)
        assert_near(group["loss_curvature"][()], curvature, SINGLE * 3 * steepest, "loss_curvature")
        assert_near(group["slope"][()], slope, SINGLE * 10 * numpy.linalg.norm(own.gradient) / own.loss, "slope")
        assert_near(group["curvature"][()], curvature / own.loss - slope**2, SINGLE * 10 * steepest / own.loss, "curvature")

    @for_each_basis
    def test_flatness(self, layer, basis, group):
        """At the crossings the loss is e times that of the solution, and nowhere before."""
        tolerance, level = self.options("flatness")["tolerance"], numpy.log(group.attrs["loss"]) + 1.0
        furthest = self.options("flatness")["max_displacement"] * numpy.linalg.norm(self.run_.solution(layer))
        assert_each_close(group["flatness"][()], group["right"][()] - group["left"][()], 1e-15, "flatness")
        for i, u in enumerate(group["vectors"][()]):
            line = self.run_.line(layer, u)
            for side, sign in (("left", -1.0), ("right", 1.0)):
                at = group[side][i]
                if numpy.isnan(at):
                    self.assertLess(line.log_losses(sign * furthest * numpy.geomspace(1e-4, 1.0, 60)).max(), level)
                    continue
                inner, there, outer = line.log_losses([at * (1.0 - tolerance), at, at * (1.0 + tolerance)])
                assert_near(there, level, abs(outer - inner) + SINGLE, f"{group.name} ln L at {side} of row {i}")
                self.assertLess(line.log_losses(at * numpy.linspace(0.02, 0.98, 25)).max(), level)

    @for_each_basis
    def test_noise(self, layer, basis, group):
        run, own = self.run_, LayerMatrices.of(self.run_, layer)
        projected = own.minibatches(run.order(run.first_epoch + run.epochs)) @ group["vectors"][()].T
        expected = projected.var(axis=0, ddof=1 if run.sampling == "with-replacement" else 0)
        if run.sampling == "reshuffle":
            expected = expected / (1.0 - noise_covariance(run.sampling, len(run.labels), run.batch, run.iterations).mean())
        noise = group["noise_variance"][()]
        known = ~numpy.isnan(noise)  # not where gradients are rounding alone, as along the weights of dead units
        self.assertTrue((expected[~known] <= 1e-9 * expected.max()).all())
        assert_near(noise[known], expected[known], 3 * SINGLE * expected.max(), "noise_variance")
        assert_each_close(group["noise_strength_static"][()], noise * per_gradient(run), 1e-9, "noise_strength_static")

    @for_each_basis
    def test_prediction(self, layer, basis, group):
        run, noise, curvature = self.run_, group["noise_variance"][()], group["loss_curvature"][()]
        if run.optimizer == "adam":
            for name in ("predicted_variance", "flat_variance", "stationary_variance"):
                self.assertTrue(numpy.isnan(group[name][()]).all())
            return
        assert_each_close(group["flat_variance"][()], QuadraticRun(0.0, run).window_variance() * noise, 1e-5, "flat_variance")
        steep = numpy.flatnonzero((curvature > 1e-6 * curvature.max()) & (noise > 0.0))[::3]
        expected = numpy.array([QuadraticRun(curvature[row], run).window_variance() for row in steep])
        assert_each_close(group["predicted_variance"][steep], expected * noise[steep], 1e-5, "predicted_variance")
        if run.optimizer != "nesterov":
            a, b, h = run.rate, run.beta, curvature[steep]
            stationary = a * noise[steep] * (1.0 + b) / ((1.0 - b) * h * (2.0 * (1.0 + b) - a * h))
            assert_each_close(group["stationary_variance"][steep], stationary, 1e-9, "stationary_variance")
        self.assertTrue(numpy.isinf(group["stationary_variance"][()][(curvature <= 0.0) & (noise > 0.0)]).all())

    @for_each_basis
    def test_prediction_of_whole_matrices(self, layer, basis, group):
        """All of the Hessian and of the noise covariance, in numpy's eigenvectors of the former. Eigenvalues that are rounding are no force."""
        run, size = self.run_, group["vectors"].shape[1]
        known = run.optimizer != "adam" and size <= self.options("bases")["dense_limit"]
        self.assertEqual("whole_predicted_variance" in group, known)
        if not known:
            return
        vectors, covariance = LayerMatrices.of(run, layer).window
        parts = group["vectors"][()] @ vectors
        expected = numpy.einsum("ui,ij,uj->u", parts, covariance, parts)
        found = group["whole_predicted_variance"][()]
        assert_near(found, expected, 1e-3 * expected + 1e-5 * numpy.trace(covariance) / size, "whole_predicted_variance")

    @for_each_basis
    def test_exponents(self, layer, basis, group):
        f, variance, curvature = (group[name][()] for name in ("flatness", "variance", "loss_curvature"))
        strength, noise, numbers = group["noise_strength"][()], group["noise_variance"][()], group["direction"][()]
        self.assertEqual((group.attrs["fit_first"], group.attrs["fit_last"]), tuple(self.options("flatness")[f"fit_{end}"] - 1 for end in ("first", "last")))
        in_range = self.in_range(group, numbers) & (numbers < group.attrs["determined"])
        fitted, lambda_x = in_range & (variance > group.attrs["rounding_variance"]), crossover(self.run_)
        numpy.testing.assert_allclose(group.attrs["crossover_curvature"], lambda_x, rtol=1e-12)
        for name, kept in dict(psi=fitted, psi_below=fitted & (curvature < lambda_x), psi_above=fitted & (curvature >= lambda_x)).items():
            fits.assert_exponent(group, name, fits.falling(fits.power_law(f[kept], variance[kept])))
        rest = group["variance_without_first"][()]
        left = in_range & (rest > group.attrs["rounding_variance"])
        fits.assert_exponent(group, "psi_without_first", fits.falling(fits.power_law(f[left], rest[left])))
        with numpy.errstate(invalid="ignore"):
            moving = fitted & (f > 0.0) & (strength > 0.0)
        for name, column in dict(psi_d="noise_strength", psi_tau="tau", psi_tau_window="tau_window").items():
            fits.assert_exponent(group, name, fits.falling(fits.power_law(f[moving], group[column][()][moving])))
        steep = curvature > 1e-7 * curvature.max()
        fits.assert_exponent(group, "variance_exponent", fits.power_law(curvature[fitted & steep], variance[fitted & steep]))
        fits.assert_exponent(group, "noise_exponent", fits.power_law(curvature[in_range & steep], noise[in_range & steep]))
        predicted = group["predicted_variance"][()]
        whole = group["whole_predicted_variance"][()] if "whole_predicted_variance" in group else None
        for name, measured, kept, foretold in (("predicted_ratio_median", variance, fitted, predicted), ("rest_ratio_median", rest, left, predicted),
                                               ("whole_ratio_median", rest, left, whole)):
            self.assertEqual(name in group.attrs, foretold is not None)
            if foretold is None:
                continue
            with numpy.errstate(invalid="ignore"):
                both = kept & (foretold > 0.0)
            expected = numpy.median(measured[both] / foretold[both]) if both.any() else numpy.nan
            assert_each_close(group.attrs[name], expected, 1e-12, name)

    def test_stationarity(self):
        """From our own gradients along our own training; and the growth of the norm is the same statement, telescoped."""
        run = self.run_
        for layer in run.analysed:
            found = run.replica[f"bases/{layer}"].attrs["stationarity"]
            if run.beta > 0.0 or run.optimizer == "adam":
                self.assertTrue(numpy.isnan(found))
                continue
            w = run.replica[f"trajectory/{layer}"][()].astype(float)
            steps = ((w[1:] - w[:-1])**2).sum()
            growth = (w[-1]**2).sum() - (w[0]**2).sum()
            assert_each_close((1.0 - 1.0 / found) * steps, growth, 1e-6, "stationarity from the norm")
            squares, products = self.gradients_of_the_window(layer)
            assert_each_close(found, 0.5 * run.rate * squares / products, 20 * DRIFT, "stationarity")

    def gradients_of_the_window(self, layer):
        """Sums of |g_B|^2 and w.g_B over the steps between the window's snapshots."""
        run, (squares, products) = self.run_, (0.0, 0.0)
        first = run.first_epoch * run.iterations
        for number, samples in list(enumerate(run.window_order()))[1:]:
            network = run.network.at(self.retrained[1][first + number])
            at, index = network(run.images[samples]), network.index(layer)
            g = numpy.tensordot(at.errors(index, (softmax(at.outputs) - numpy.eye(10)[run.labels[samples]]) / run.batch), at.inputs[index], ((0, 1), (0, 1))).ravel()
            squares, products = squares + g @ g, products + g @ network.layers[index].weights.ravel()
        return squares, products

    def test_principal_directions_have_the_numbers_of_the_analyses_before(self):
        for layer in self.run_.analysed:
            if "pca" not in self.run_.replica[f"bases/{layer}"]:
                continue
            group, flatness = self.run_.replica[f"bases/{layer}/pca"], self.run_.replica[f"flatness/{layer}"]
            rows = numpy.searchsorted(flatness["direction"][()], group["direction"][()])
            for name in ("direction", "flatness", "left", "right", "slope", "curvature", "loss_curvature", "variance"):
                numpy.testing.assert_array_equal(group[name][()], flatness[name][()][rows], name)
