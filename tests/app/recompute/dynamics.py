"""Velocity correlations by direct sums over the trajectory, and noise strengths by minibatch gradients."""
import numpy

from . import fits
from .checks import SINGLE, LayerChecks, assert_close, assert_each_close, assert_near, chosen_directions, for_each_layer
from .matrices import LayerMatrices
from .network import softmax
from .quadratic import noise_covariance
from .training import DRIFT


class Velocities:
    """theta(t) of one direction that moved: what eqs S14 to S19 say of it, sum by sum."""

    def __init__(self, theta):
        self.theta, self.steps = theta - theta.mean(), len(theta)
        v = numpy.diff(self.theta)
        self.drift = v.mean()
        self.c = numpy.array([v[:len(v) - h] @ v[h:] / (len(v) - h) for h in range(len(v))])
        self.g = self.c[0] + 2.0 * numpy.concatenate([[0.0], numpy.cumsum(self.c[1:])])
        self.s = numpy.concatenate([[0.0], numpy.cumsum(self.g)]) / self.c[0]
        self.variance, self.strength = (self.theta**2).mean(), self.c[0]
        self.tau, self.tau_window = self.variance / self.strength, self.s.sum() / self.steps
        self.window_identity = (self.steps - numpy.arange(self.steps)) @ self.s / self.steps**2 / self.tau

    def displacement(self, lag):
        return ((self.theta[lag:] - self.theta[:self.steps - lag])**2).mean() / self.strength


def per_gradient(run):
    """<v^2> of a velocity that noise of unit variance drives."""
    if run.optimizer == "adam":
        return numpy.nan
    # How much of a gradient is in its own step, and in those after it.
    gradients = [1.0] + [0.0] * 2000
    velocities = [run.beta**k for k in range(len(gradients))]
    return run.rate**2 * sum(run.along(g, v)**2 for g, v in zip(gradients, velocities))


class Dynamics(LayerChecks):
    def velocities(self, layer, group):
        """Of the directions that moved by more than the rounding of projections in double precision; the rows of these."""
        snapshots = self.run_.replica[f"trajectory/{layer}"][()].astype(float)
        rows = numpy.flatnonzero(group["noise_strength"][()] > 1e-20 * numpy.nanmax(group["noise_strength"][()]))
        self.assertGreater(rows.size, 5)
        directions = self.run_.replica[f"pca/{layer}/directions"][()][group["direction"][rows]]
        return rows, [Velocities(theta) for theta in ((snapshots - snapshots.mean(axis=0)) @ directions.T).T]

    @for_each_layer("dynamics")
    def test_directions(self, layer, group):
        available = len(self.run_.replica[f"pca/{layer}/directions"])
        numpy.testing.assert_array_equal(group["direction"][()], chosen_directions(available, self.options("dynamics")))

    @for_each_layer("dynamics")
    def test_numbers(self, layer, group):
        rows, found = self.velocities(layer, group)
        variance, strength = (numpy.array([getattr(one, name) for one in found]) for name in ("variance", "strength"))
        assert_each_close(group["noise_strength"][rows], strength, 3e-6, f"{group.name} noise_strength")
        # Variances of the PCA, which a covariance in double precision rounds.
        numpy.testing.assert_array_equal(group["variance"][()], self.run_.replica[f"pca/{layer}/variance"][()][group["direction"][()]])
        assert_near(group["variance"][rows], variance, 3e-6 * variance + 1e-13 * variance.max(), f"{group.name} variance")
        assert_each_close(group["tau"][rows], group["variance"][rows] / group["noise_strength"][rows], 1e-14, f"{group.name} tau")
        tau, window = (numpy.array([getattr(one, name) for one in found]) for name in ("tau", "tau_window"))
        assert_near(group["tau_window"][rows], window, 1e-6 * (tau + numpy.abs(window)), "tau_window")
        assert_near(group["window_identity"][rows], [one.window_identity for one in found], 1e-5, "window_identity")
        size = numpy.sqrt([one.strength for one in found])
        assert_near(group["drift"][rows], [one.drift for one in found], 1e-6 * size, "drift")

    @for_each_layer("dynamics")
    def test_curves(self, layer, group):
        lags = group["lag"][()]
        self.assertEqual((lags[0], lags[-1]), (0, group.attrs["window_iterations"] - 2))
        for row, one in zip(*self.velocities(layer, group)):
            assert_near(group["velocity_autocorrelation"][row], one.c[lags] / one.c[0], 1e-6, f"velocity_autocorrelation of row {row}")
            assert_near(group["integrated_autocorrelation"][row], one.g[lags] / one.c[0], 1e-5, f"integrated_autocorrelation of row {row}")
            assert_close(group["mean_square_displacement"][row], one.s[lags], 1e-5, f"mean_square_displacement of row {row}")
            assert_close(group["measured_displacement"][row], [one.displacement(h) for h in lags], 1e-5, f"measured_displacement of row {row}")

    @for_each_layer("dynamics")
    def test_noise_at_the_solution(self, layer, group):
        run = self.run_
        matrices = LayerMatrices.of(run, layer)
        p = run.replica[f"pca/{layer}/directions"][()][group["direction"][()]]
        projected = matrices.minibatches(run.order(run.first_epoch + run.epochs)) @ p.T
        expected = per_gradient(run) * projected.var(axis=0, ddof=1 if run.sampling == "with-replacement" else 0)
        if run.sampling == "reshuffle":  # the mean of an epoch that leaves samples over has a variance of its own
            covariance = noise_covariance(run.sampling, len(run.labels), run.batch, run.iterations)
            expected = expected / (1.0 - covariance.mean())
        self.assertEqual(group["noise_strength_static"].shape, expected.shape)
        assert_close(group["noise_strength_static"][()], expected, 3 * SINGLE, "noise_strength_static")

    @for_each_layer("dynamics")
    def test_noise_along_the_window(self, layer, group):
        run, count = self.run_, self.options("dynamics")["frozen_points"]
        p = run.replica[f"pca/{layer}/directions"][()][group["direction"][()]]
        looks = numpy.unique((2 * numpy.arange(count) + 1) * run.epochs * run.iterations // (2 * count))
        expected = per_gradient(run) * numpy.mean([self.gradient_square(layer, p, number) for number in looks], axis=0)
        assert_close(group["noise_strength_window"][()], expected, DRIFT, "noise_strength_window")

    def gradient_square(self, layer, p, number):
        """<(g . p)^2> at the weights before iteration `number` of the window, over the minibatches that its epoch has still to draw."""
        run = self.run_
        epoch, position = divmod(int(number), run.iterations)
        network = run.network.at(self.retrained[1][run.first_epoch * run.iterations + int(number)])
        order = run.order(run.first_epoch + epoch)[position:]
        index, squares = network.index(layer), []
        for samples in order:
            at = network(run.images[samples])
            seed = (softmax(at.outputs) - numpy.eye(10)[run.labels[samples]]) / run.batch
            g = numpy.tensordot(at.errors(index, seed), at.inputs[index], ((0, 1), (0, 1)))
            squares.append((p @ g.ravel())**2)
        return numpy.mean(squares, axis=0)

    @for_each_layer("dynamics")
    def test_columns_of_other_analyses(self, layer, group):
        self.assertEqual(group.attrs["window_iterations"], self.run_.epochs * self.run_.iterations)
        flatness = self.run_.replica[f"flatness/{layer}"]
        known = dict(zip(flatness["direction"][()], flatness["flatness"][()]))
        expected = [known.get(i, numpy.nan) for i in group["direction"][()]]
        numpy.testing.assert_array_equal(group["flatness"][()], expected)

    @for_each_layer("dynamics")
    def test_exponents(self, layer, group):
        kept = self.fitted(layer, group)
        x = group["flatness"][()][kept]
        for name, column in dict(psi_same_directions="variance", psi_d="noise_strength", psi_tau="tau", psi_tau_window="tau_window").items():
            fits.assert_exponent(group, name, fits.falling(fits.power_law(x, group[column][()][kept])))
        psi, of_noise, of_time = (group.attrs[name] for name in ("psi_same_directions", "psi_d", "psi_tau"))
        if numpy.isfinite([psi, of_noise, of_time]).all():  # each may be refused for its own scatter, as checked above
            assert_near(psi, of_noise + of_time, 1e-8, "psi = psi_D + psi_tau")

    def fitted(self, layer, group):
        with numpy.errstate(invalid="ignore"):
            usable = (group["flatness"][()] > 0.0) & (group["variance"][()] > 0.0) & (group["noise_strength"][()] > 0.0)
        return usable & self.in_range(group, group["direction"][()]) & (group["direction"][()] < self.moving(layer))

    @for_each_layer("dynamics")
    def test_medians_of_the_noise_routes(self, layer, group):
        kept = self.in_range(group, group["direction"][()]) & (group["direction"][()] < self.moving(layer))
        for name in ("static", "window"):
            a, b = group[f"noise_strength_{name}"][()][kept], group["noise_strength"][()][kept]
            with numpy.errstate(invalid="ignore"):
                both = (a > 0.0) & (b > 0.0)
            expected = numpy.median(a[both] / b[both]) if both.any() else numpy.nan
            assert_each_close(group.attrs[f"{name}_ratio_median"], expected, 1e-12, f"{name}_ratio_median")
