"""Minibatch loss functions: derivatives in closed form, minima by slopes of our own, statistics of the stored samples."""
import functools
import math

import numpy

from . import fits
from .checks import SINGLE, LayerChecks, assert_close, assert_each_close, assert_near
from .matrices import LayerMatrices

QUARTILES = 1.3489795003921634   # distance of the normal distribution's quartiles, in standard deviations


def normal_distance(values):
    """Largest difference between the distribution of the values and the normal one of their mean and variance."""
    ordered = numpy.sort(values)
    normal = numpy.array([0.5 * math.erfc(-(v - ordered.mean()) / ordered.std() / math.sqrt(2.0)) for v in ordered])
    steps = numpy.arange(len(ordered) + 1) / len(ordered)
    return max((normal - steps[:-1]).max(), (steps[1:] - normal).max())


def moments(values):
    """The numbers that the file has of one row of samples."""
    values = values[numpy.isfinite(values)]
    away, variance = values - values.mean(), values.var()
    low, high = numpy.quantile(values, [0.25, 0.75])
    return dict(count=len(values), mean=values.mean(), variance=variance, sigma_robust=(high - low) / QUARTILES,
                skewness=(away**3).mean() / variance**1.5, excess_kurtosis=(away**4).mean() / variance**2 - 3.0,
                normal_distance=normal_distance(values))


def ranks(values):
    return numpy.array([(values < v).sum() + 0.5 * ((values == v).sum() - 1) for v in values])


def with_band(x, y, rank):
    """Correlation and its 95 % band by Fisher's z, for ranks by Bonett and Wright."""
    both = numpy.isfinite(x) & numpy.isfinite(y)
    x, y = x[both], y[both]
    r = numpy.corrcoef(ranks(x), ranks(y))[0, 1] if rank else numpy.corrcoef(x, y)[0, 1]
    half = 1.959963984540054 * numpy.sqrt((1.0 + 0.5 * r**2 if rank else 1.0) / (both.sum() - 3))
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


class Minibatches:
    """ln L^mu along directions p (n, weights), derivatives at the solution."""

    def __init__(self, own, order, p, labels):
        tangents = numpy.einsum("ncw,iw->nci", own.jacobian, p)
        first = numpy.einsum("nc,nci->ni", own.p - numpy.eye(10)[labels], tangents)
        mean = numpy.einsum("nc,nci->ni", own.p, tangents)
        second = numpy.einsum("nc,nci,ncj->nij", own.p, tangents, tangents) - mean[:, :, None] * mean[:, None, :]
        loss = -numpy.log(own.p[numpy.arange(len(labels)), labels])
        self.loss = loss[order].mean(axis=1)
        self.gradient = (first[order].mean(axis=1) / self.loss[:, None]).T
        m = second[order].mean(axis=1) / self.loss[:, None, None]
        self.m = m - self.gradient.T[:, :, None] * self.gradient.T[:, None, :]


class Along:
    """The directions of an ensemble: vectors (n, weights), and of those that enter fits the number; F_i and curvature of ln L of what was
    measured of the whole loss."""

    def __init__(self, vectors, determined, measured):
        self.vectors, self.determined = vectors, determined
        self.measured = dict(zip(measured["direction"][()], zip(measured["flatness"][()], measured["curvature"][()])))

    @classmethod
    def principal(cls, replica, layer):
        pca, numbers = replica[f"pca/{layer}"], replica[f"mlf/{layer}/direction"][()]
        return cls(pca["directions"][()][numbers], pca.attrs["moving"], replica[f"flatness/{layer}"])

    @classmethod
    def of_basis(cls, basis):
        numpy.testing.assert_array_equal(basis["mlf/direction"][()], basis["direction"][()])
        return cls(basis["vectors"][()], basis.attrs["determined"], basis)


def for_each_ensemble(check):
    """A test of (layer, group, along) runs once for every layer and, where `bases.mlf` asks for it, every basis."""
    @functools.wraps(check)
    def test(self):
        replica, bases = self.run_.replica, self.options("bases")
        for layer in self.run_.analysed:
            with self.subTest(layer=layer):
                check(self, layer, replica[f"mlf/{layer}"], Along.principal(replica, layer))
            for basis, group in replica[f"bases/{layer}"].items() if bases["mlf"] else ():
                with self.subTest(layer=layer, basis=basis):
                    check(self, layer, group["mlf"], Along.of_basis(group))
    return test


class MinibatchLossFunctions(LayerChecks):
    def minibatches(self, layer, group, along):
        run, count = self.run_, group.attrs["minibatches"]
        order = run.order(run.first_epoch + run.epochs)[:count]
        return order, Minibatches(LayerMatrices.of(run, layer), order, along.vectors, run.labels)

    @for_each_ensemble
    def test_samples(self, layer, group, along):
        _, own = self.minibatches(layer, group, along)
        self.assertEqual((group.attrs["batch_size"], group.attrs["minibatches"]), (self.run_.batch, self.run_.iterations))
        assert_near(group["log_loss"][()], numpy.log(own.loss), 1e-5, "log_loss")
        size = numpy.abs(own.gradient).max()
        diagonal = own.m.diagonal(axis1=1, axis2=2).T
        assert_near(group["gradient"][()], own.gradient, 10 * SINGLE * size, "gradient")
        assert_close(group["m_diagonal"][()], diagonal, 1e-4, "m_diagonal")
        rows = {number: row for row, number in enumerate(group["direction"][()])}
        pairs = numpy.array([[rows[i] for i in pair] for pair in group["pairs"][()]])
        self.assertEqual(len({tuple(pair) for pair in pairs}), min(self.options("mlf")["pairs"], len(rows) * (len(rows) - 1) // 2))
        self.assertTrue((pairs[:, 0] < pairs[:, 1]).all())
        assert_close(group["m_off_diagonal"][()], own.m[:, pairs[:, 0], pairs[:, 1]].T, 1e-4, "m_off_diagonal")
        assert_close(group["m_mean"][()], own.m.mean(axis=0), 1e-4, "m_mean")
        assert_close(group["m_variance"][()], own.m.var(axis=0), 1e-4, "m_variance")

    @for_each_ensemble
    def test_newton(self, layer, group, along):
        gradient, m = group["gradient"][()], group["m_diagonal"][()]
        with numpy.errstate(divide="ignore", invalid="ignore"):
            assert_each_close(group["theta_newton"][()], numpy.where(m > 0.0, -gradient / m, numpy.nan), 1e-13, "theta_newton")

    def reach(self, group):
        """How far minima are looked for, and how well they are known."""
        width, curvature = group["flatness"][()], group["closure/weighted"][()]
        with numpy.errstate(invalid="ignore", divide="ignore"):
            width = numpy.where(numpy.isfinite(width), width, numpy.where(curvature > 0.0, numpy.sqrt(8.0 / curvature), numpy.nan))
        return self.options("mlf")["reach"] * width, self.options("mlf")["tolerance"] * width

    @for_each_ensemble
    def test_minima(self, layer, group, along):
        """Downhill of w_0, where the slope changes its sign; where there is none, it is downhill still at the end."""
        order, p = self.minibatches(layer, group, along)[0], along.vectors
        reach, tolerance = self.reach(group)
        for i in range(len(p)):
            for mu in range(0, len(order), 1 + len(order) // 8):
                line = self.run_.line(layer, p[i], order[mu])
                self.check_minimum(line, group["theta"][i, mu], reach[i], tolerance[i], f"theta[{i}, {mu}]")

    def check_minimum(self, line, theta, reach, tolerance, what):
        slope = line.slope(0.0)
        noise = 1e-7 * numpy.abs(line.change).max()   # of a slope in single precision
        if not reach > 0.0 or abs(slope) < 10.0 * noise:
            return
        downhill = -numpy.sign(slope)
        if numpy.isnan(theta):
            self.assertLess(downhill * line.slope(downhill * reach), noise, what + ": no minimum within reach")
            return
        self.assertEqual(numpy.sign(theta), downhill, what)
        self.assertLessEqual(abs(theta), reach, what)
        # Nearer where another unit switches within three tolerances.
        away = [downhill * share * tolerance for share in (3.0, 1.0, 0.3, 0.1, 0.03)]
        self.assertTrue(any(downhill * line.slope(theta + step) > -noise for step in away), what)
        self.assertTrue(any(downhill * line.slope(theta - step) < noise for step in away), what)

    @for_each_ensemble
    def test_moments(self, layer, group, along):
        for name in ("theta", "theta_newton", "m_diagonal", "gradient", "m_off_diagonal"):
            rows = group[name][()]
            enough = [row for row in range(len(rows)) if numpy.isfinite(rows[row]).sum() > 2]
            expected = [moments(rows[row]) for row in enough]
            numpy.testing.assert_array_equal(group[f"{name}_count"][()], numpy.isfinite(rows).sum(axis=1))
            for what in expected[0] if expected else ():
                assert_each_close(group[f"{name}_{what}"][()][enough], [e[what] for e in expected], 1e-8, f"{name}_{what}")
        first = group["theta_mean"][0] if group["direction"][0] == 0 else numpy.nan
        assert_near(group.attrs["theta_1_mean"], first, 1e-15, "theta_1_mean")

    @for_each_ensemble
    def test_correlations(self, layer, group, along):
        rows = {number: row for row, number in enumerate(group["direction"][()])}
        each = [(i, i) for i in range(len(rows))]
        pairs = [(rows[i], rows[j]) for i, j in group["pairs"][()]]
        theta, m, off = group["theta"][()], group["m_diagonal"][()], group["m_off_diagonal"][()]
        for name, items, x, y in (("theta_i_m_ii", each, lambda k, i, j: theta[i], lambda k, i, j: m[i]),
                                  ("abs_theta_i_m_ii", each, lambda k, i, j: numpy.abs(theta[i]), lambda k, i, j: m[i]),
                                  ("theta_i_theta_j", pairs, lambda k, i, j: theta[i], lambda k, i, j: theta[j]),
                                  ("m_ii_m_jj", pairs, lambda k, i, j: m[i], lambda k, i, j: m[j]),
                                  ("m_ii_m_ij", pairs, lambda k, i, j: m[i], lambda k, i, j: off[k]),
                                  ("theta_i_m_ij", pairs, lambda k, i, j: theta[i], lambda k, i, j: off[k])):
            self.check_correlation(group[f"correlations/{name}"], [(x(k, *ij), y(k, *ij)) for k, ij in enumerate(items)])

    def check_correlation(self, group, samples):
        for kind, rank in (("pearson", False), ("spearman", True)):
            found = numpy.stack([group[kind + end][()] for end in ("", "_low", "_high")], axis=1)
            known = [k for k, (x, y) in enumerate(samples) if (numpy.isfinite(x) & numpy.isfinite(y)).sum() > 4 and abs(found[k, 0]) < 1.0]
            expected = numpy.array([with_band(*samples[k], rank) for k in known])
            if known:
                assert_near(found[known], expected, 1e-9, f"{group.name} {kind}")
            with numpy.errstate(invalid="ignore"):
                apart = (found[:, 1] > 0.0) | (found[:, 2] < 0.0)
            share = apart.sum() / numpy.isfinite(found[:, 0]).sum()
            assert_near(group.attrs[f"{kind}_share_without_zero"], share, 1e-12, f"{group.name} share")

    @for_each_ensemble
    def test_exponents(self, layer, group, along):
        kept, f = self.fitted(group, along), group["flatness"][()]
        variance, robust, m = group["theta_variance"][()], group["theta_sigma_robust"][()], group["m_diagonal_mean"][()]
        for name, y in dict(sigma=numpy.sqrt(variance), sigma_robust=robust, sigma_newton_robust=group["theta_newton_sigma_robust"][()],
                            m=m, product=m**2 * variance, product_robust=(m * robust)**2,
                            gradient_variance=group["gradient_variance"][()]).items():
            fits.assert_exponent(group, f"{name}_exponent", fits.power_law(f[kept], y[kept]))

    def fitted(self, group, along):
        number = group["direction"][()]
        return self.in_range(group, number) & (number < along.determined)

    @for_each_ensemble
    def test_closure(self, layer, group, along):
        closure, m, spread = group["closure"], group["m_diagonal_mean"][()], group["m_diagonal_variance"][()]
        drift = numpy.where(group["direction"][()] == 0, spread * group.attrs["theta_1_mean"]**2, 0.0)
        ensemble = m + group["theta_variance"][()] * (m**2 + spread)
        loss = numpy.exp(group["log_loss"][()])
        gradient = (loss * group["gradient"][()]).mean(axis=1) / loss.mean()
        second = (loss * (group["m_diagonal"][()] + group["gradient"][()]**2)).mean(axis=1) / loss.mean()
        pairs = numpy.array([along.measured.get(i, (numpy.nan, numpy.nan)) for i in group["direction"][()]])
        numpy.testing.assert_array_equal(group["flatness"][()], pairs[:, 0])
        expected = dict(ensemble_as_printed=ensemble, ensemble=ensemble + drift, measured=pairs[:, 1], flatness=8.0 / pairs[:, 0]**2,
                        ensemble_robust=m + group["theta_sigma_robust"][()]**2 * (m**2 + spread) + drift,
                        gradient=m + group["gradient_variance"][()], weighted=second - gradient**2)
        kept = self.fitted(group, along)
        for name, values in expected.items():
            assert_near(closure[name][()], values, 1e-9 * (numpy.abs(values) + numpy.abs(m)), f"closure/{name}")
            if name != "flatness":
                ratios = (closure[name][()] / closure["flatness"][()])[kept]
                median = numpy.nanmedian(ratios) if numpy.isfinite(ratios).any() else numpy.nan
                assert_near(closure.attrs[f"{name}_median_ratio"], median, 1e-9 * numpy.nan_to_num(abs(median)), f"{name}_median_ratio")
