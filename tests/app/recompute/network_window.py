"""The window along eigenvectors of the whole network's Hessian: our own eigenvectors, our own training, whole forward passes."""
import numpy

from . import fits
from .checks import SINGLE, assert_each_close, assert_near
from .dynamics import Velocities
from .network import losses, mean_gradient
from .network_curvature import NetworkMatrices
from .quadratic import QuadraticRun
from .training import DRIFT

# A training in single precision and ours in double part by DRIFT of the weights' change; a variance and a time by some times that.
PARTED = 20 * DRIFT


class NetworkWindow:
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run = cls.run_
        cls.group = run.replica["network_curvature/hessian"]
        cls.own = NetworkMatrices(run)
        count = run.config["network_curvature"]["leading"]
        cls.curvature, _, _, vectors, _ = cls.own.spectrum("hessian", count, run.config["network_curvature"]["smallest"])
        cls.rows = numpy.array(cls.retrained[1][-run.epochs * run.iterations:])
        cls.vectors = vectors * numpy.where((cls.rows[-1] - cls.rows[0]) @ vectors < 0.0, -1.0, 1.0)

    def stored(self, name):
        return self.group[f"window_{name}"][()]

    def test_dynamics(self):
        self.assertEqual(self.group.attrs["window_iterations"], len(self.rows))
        found = [Velocities(theta) for theta in (self.rows @ self.vectors).T]
        own = {name: numpy.array([getattr(one, name) for one in found]) for name in ("variance", "strength", "tau", "tau_window", "drift")}
        self.assertGreater(own["variance"].min(), self.group.attrs["window_rounding_variance"])
        assert_each_close(self.stored("variance"), own["variance"], PARTED, "window_variance")
        assert_each_close(self.stored("noise_strength"), own["strength"], PARTED, "window_noise_strength")
        assert_each_close(self.stored("tau"), self.stored("variance") / self.stored("noise_strength"), 1e-14, "window_tau")
        assert_near(self.stored("tau_window"), own["tau_window"], PARTED * (own["tau"] + numpy.abs(own["tau_window"])), "window_tau_window")
        assert_near(self.stored("drift"), own["drift"], PARTED * numpy.sqrt(own["strength"]), "window_drift")
        self.assertGreaterEqual(self.stored("drift").min(), 0.0)

    def log_losses(self, mode, steps):
        run, w = self.run_, self.run_.network.flat()
        return numpy.array([numpy.log(losses(run.network.at(w + step * mode)(run.images).outputs, run.labels).mean()) for step in steps])

    def test_flatness(self):
        """At the crossings the loss is e times that of the solution, and nowhere before."""
        run, gradient = self.run_, mean_gradient(self.run_.network, self.run_.images, self.run_.labels)
        assert_near(self.stored("slope"), gradient[0] @ self.vectors / gradient[1], 3 * SINGLE * numpy.linalg.norm(gradient[0]) / gradient[1], "window_slope")
        assert_each_close(self.stored("flatness"), self.stored("right") - self.stored("left"), 1e-15, "window_flatness")
        level, tolerance = numpy.log(gradient[1]) + 1.0, 10 * run.config["flatness"]["tolerance"]
        for i, mode in enumerate(self.vectors.T):
            for side in ("left", "right"):
                at = self.stored(side)[i]
                inner, there, outer = self.log_losses(mode, at * numpy.array([1.0 - tolerance, 1.0, 1.0 + tolerance]))
                assert_near(there, level, abs(outer - inner) + SINGLE, f"ln L at window_{side} of mode {i}")
                self.assertLess(self.log_losses(mode, at * numpy.linspace(0.1, 0.98, 10)).max(), level)

    def test_noise_and_prediction(self):
        noise = ((self.own.rows("noise_covariance") @ self.vectors)**2).sum(axis=0)
        assert_each_close(self.stored("noise_variance"), noise, 1e-4, "window_noise_variance")
        of_unit_noise = numpy.array([QuadraticRun(h, self.run_).window_variance() for h in self.curvature])
        assert_each_close(self.stored("predicted_variance"), of_unit_noise * noise, 2e-4, "window_predicted_variance")

    def test_exponents(self):
        f, variance, strength, tau = (self.stored(name) for name in ("flatness", "variance", "noise_strength", "tau"))
        for name, y in dict(psi=variance, psi_d=strength, psi_tau=tau).items():
            fits.assert_exponent(self.group, f"window_{name}", fits.falling(fits.power_law(f, y)))

    def test_stationarity(self):
        run, found = self.run_, self.group.attrs["stationarity"]
        if run.beta > 0.0:
            self.assertTrue(numpy.isnan(found))
            return
        squares = products = 0.0
        for w, samples in zip(self.rows[:-1], run.window_order()[1:]):
            g = mean_gradient(run.network.at(w), run.images[samples], run.labels[samples])[0]
            squares, products = squares + g @ g, products + g @ w
        assert_each_close(found, 0.5 * run.rate * squares / products, PARTED, "stationarity")
