"""Curvature of one layer and of the whole network."""
import numpy

from . import fits
from .checks import SINGLE, LayerChecks, assert_close, assert_each_close, assert_near, chosen_directions, for_each_layer
from .matrices import LayerMatrices

# Entries are sums over samples in single precision; eigenvalues move by no more than the matrix's norm does (Weyl).
EIGENVALUES = 1e-5


def eigen(matrix):
    """Eigenvalues descending, eigenvectors as columns."""
    values, vectors = numpy.linalg.eigh(matrix)
    return values[::-1], vectors[:, ::-1]


def separate(values, count):
    """Which of the first `count` spans of leading modes rounding cannot mix with the rest: a gap behind them."""
    gaps = numpy.append(values[:-1] - values[1:], 0.0)[:count]
    return gaps > 300.0 * EIGENVALUES * values[0]


def commutator(a, b):
    return numpy.linalg.norm(a @ b - b @ a)


class Curvature(LayerChecks):
    def matrices(self, layer):
        own = LayerMatrices.of(self.run_, layer)
        return dict(hessian=own.hessian, log_loss_hessian=own.log_loss_hessian, empirical_fisher=own.empirical_fisher,
                    minibatch_second_moment=own.second_moment(), noise_covariance=own.noise)

    @for_each_layer("curvature")
    def test_spectra_and_traces(self, layer, group):
        """Whole, or the leading modes of a layer wider than `dense_limit`, with traces by as many products as weights."""
        options = self.options("curvature")
        for name, matrix in self.matrices(layer).items():
            values, whole = eigen(matrix)[0], len(matrix) <= options["dense_limit"]
            self.assertEqual(group.attrs["whole_spectra"], whole)
            kept = len(matrix) if whole else options["modes"]
            tolerance = EIGENVALUES + (0.0 if whole else options["tolerance"])
            assert_close(group[f"{name}_eigenvalues"][()], values[:kept], tolerance, f"{name}_eigenvalues")
            if not whole:
                self.assertLess(group[f"{name}_residuals"][()].max(), 1.01 * options["tolerance"] * values[0])
            assert_close(group.attrs[f"{name}_trace"], numpy.trace(matrix), EIGENVALUES, f"{name}_trace")
            self.assertEqual(group.attrs[f"{name}_trace_error"], 0.0)

    @for_each_layer("curvature")
    def test_gradient(self, layer, group):
        own = LayerMatrices.of(self.run_, layer)
        assert_close(group.attrs["loss"], own.loss, SINGLE, "loss")
        assert_close(group.attrs["gradient_norm"], numpy.linalg.norm(own.gradient), 10 * SINGLE, "gradient_norm")

    @for_each_layer("curvature")
    def test_squared_hessian(self, layer, group):
        """Squares of every sample's own matrix, written out."""
        if not group.attrs["whole_spectra"]:
            self.assertNotIn("squared_hessian_eigenvalues", group)
            return
        own, fit = LayerMatrices.of(self.run_, layer), self.options("flatness")
        squares = own.mean_square()
        assert_close(group["squared_hessian_eigenvalues"][()], eigen(squares)[0], EIGENVALUES, "squared_hessian_eigenvalues")
        assert_close(group.attrs["squared_hessian_trace"], numpy.trace(squares), EIGENVALUES, "squared_hessian_trace")
        for name, other in dict(noise=own.noise, hessian=own.hessian).items():
            norms = numpy.linalg.norm(squares) * numpy.linalg.norm(other)
            assert_near(group.attrs[f"squared_{name}_commutator"], commutator(squares, other) / norms, 10 * EIGENVALUES, f"{name} commutator")
            assert_near(group.attrs[f"squared_{name}_alignment"], numpy.sum(squares * other) / norms, 10 * EIGENVALUES, f"{name} alignment")
            null = numpy.trace(squares) * numpy.trace(other) / (len(squares) * norms)
            assert_near(group.attrs[f"squared_{name}_alignment_null"], null, 10 * EIGENVALUES, f"{name} alignment of a random turn")
        values, vectors = eigen(own.hessian)
        found, expected = group["squared_along_hessian"][()], own.along(squares, vectors.T)
        known = separate(values, len(values)) & numpy.append(True, separate(values, len(values))[:-1])
        assert_near(found[known], expected[known], 1e-2 * expected.max(), "squared_along_hessian")
        modes = numpy.arange(len(values))
        kept = (modes >= fit["fit_first"] - 1) & (modes <= fit["fit_last"] - 1)
        h, noise = group["hessian_eigenvalues"][()], group["noise_along_hessian"][()]
        steep = kept & (h > 1e-7 * h.max())
        fits.assert_exponent(group, "squared_curvature_exponent", fits.power_law(h[steep], found[steep]))
        large = kept & (found > 1e-7 * found.max())
        fits.assert_exponent(group, "squared_noise_exponent", fits.power_law(found[large], noise[large]))

    @for_each_layer("curvature")
    def test_noise_scales(self, layer, group):
        own, square = LayerMatrices.of(self.run_, layer), numpy.linalg.norm
        spread = own.samples.var(axis=0).sum()
        # The gradient may be small beside single samples', whose rounding it has.
        relative = 1e-4 + 20 * SINGLE * numpy.sqrt(spread) / square(own.gradient)
        assert_each_close(group.attrs["gradient_noise_scale"], spread / square(own.gradient)**2, relative, "gradient_noise_scale")
        if not group.attrs["whole_spectra"]:
            self.assertTrue(numpy.isnan([group.attrs["hessian_frobenius_norm"], group.attrs["scaled_alignment"]]).all())
            return
        assert_each_close(group.attrs["hessian_frobenius_norm"], square(own.hessian), EIGENVALUES, "hessian_frobenius_norm")
        aligned = self.run_.batch * numpy.sum(own.noise * own.hessian) / (2.0 * own.loss * square(own.hessian)**2)
        assert_each_close(group.attrs["scaled_alignment"], aligned, 10 * EIGENVALUES, "scaled_alignment")

    @for_each_layer("curvature")
    def test_along_principal_directions(self, layer, group):
        own = LayerMatrices.of(self.run_, layer)
        directions = self.run_.replica[f"pca/{layer}/directions"][()]
        numpy.testing.assert_array_equal(group["direction"][()], chosen_directions(len(directions), self.options("curvature")))
        p = directions[group["direction"][()]]
        for name, matrix in dict(rayleigh=own.hessian, log_loss_rayleigh=own.log_loss_hessian, noise_rayleigh=own.noise).items():
            assert_close(group[name][()], own.along(matrix, p), EIGENVALUES, name)
        products = p @ own.hessian
        residual = numpy.linalg.norm(products - own.along(own.hessian, p)[:, None] * p, axis=1)
        assert_close(group["residual"][()], residual, EIGENVALUES, "residual")

    @for_each_layer("curvature")
    def test_flatness_curvature(self, layer, group):
        flatness = self.run_.replica[f"flatness/{layer}"]
        known = dict(zip(flatness["direction"][()], flatness["flatness"][()]))
        expected = numpy.array([known.get(i, numpy.nan) for i in group["direction"][()]])
        numpy.testing.assert_array_equal(group["flatness"][()], expected)
        assert_each_close(group["flatness_curvature"][()], 8.0 / expected**2, 1e-14, "flatness_curvature")

    @for_each_layer("curvature")
    def test_noise_along_the_hessian(self, layer, group):
        own = LayerMatrices.of(self.run_, layer)
        values, vectors = eigen(own.hessian)
        found = group["noise_along_hessian"][()]
        expected = own.along(own.noise, vectors.T)[:len(found)]
        alone = (separate(values, len(values)) & numpy.append(True, separate(values, len(values))[:-1]))[:len(found)]
        self.assertGreater(alone.sum(), 2)
        assert_close(found[alone], expected[alone], 3e-3, "noise_along_hessian")
        if len(found) == len(values):
            assert_close(found.sum(), expected.sum(), EIGENVALUES, "sum of noise_along_hessian")

    @for_each_layer("curvature")
    def test_overlaps(self, layer, group):
        own, k = LayerMatrices.of(self.run_, layer), group["subspace"][()]
        pca = self.run_.replica[f"pca/{layer}/directions"][()].T
        (h_values, h), (c_values, c) = eigen(own.hessian), eigen(own.noise)
        exact = numpy.ones(len(h_values), dtype=bool)
        for name, (a, apart_a), (b, apart_b) in (
                ("noise_hessian", (c, separate(c_values, len(c_values))), (h, separate(h_values, len(h_values)))),
                ("noise_pca", (c, separate(c_values, len(c_values))), (pca, exact)),
                ("hessian_pca", (h, separate(h_values, len(h_values))), (pca, exact))):
            kept = apart_a[k - 1] & apart_b[k - 1]
            self.assertTrue(kept.any(), name)
            expected = [(a[:, :n].T @ b[:, :n]).ravel() @ (a[:, :n].T @ b[:, :n]).ravel() / n for n in k]
            assert_near(group[f"overlap_{name}"][()][kept], numpy.array(expected)[kept], 5e-3, f"overlap_{name}")
        assert_each_close(group["overlap_null"][()], k / len(h_values), 1e-12, "overlap_null")

    @for_each_layer("curvature")
    def test_commutator_and_alignment(self, layer, group):
        own = LayerMatrices.of(self.run_, layer)
        h, c, size = own.hessian, own.noise, len(own.hessian)
        if not group.attrs["whole_spectra"]:
            found = [group.attrs[name] for name in ("commutator", "commutator_null", "alignment", "alignment_null")]
            self.assertTrue(numpy.isnan(found).all(), "of matrices that were not formed")
            return
        norms = numpy.linalg.norm(h) * numpy.linalg.norm(c)
        assert_near(group.attrs["commutator"], commutator(h, c) / norms, 1e-4, "commutator")
        assert_near(group.attrs["alignment"], numpy.trace(c @ h) / norms, 1e-4, "alignment")
        assert_near(group.attrs["alignment_null"], numpy.trace(c) * numpy.trace(h) / size / norms, 1e-4, "alignment_null")
        draw = numpy.random.default_rng(1)
        turns = [numpy.linalg.qr(draw.standard_normal((size, size)))[0] for _ in range(200)]
        squares = [commutator(t @ c @ t.T, h)**2 for t in turns]
        # Four standard errors of these two hundred draws.
        expected = numpy.sqrt(numpy.mean(squares)) / norms
        error = numpy.std(squares) / numpy.sqrt(200.0) / (2.0 * numpy.mean(squares)) * expected
        self.assertLess(error, 0.05 * expected)
        assert_near(group.attrs["commutator_null"], expected, 4.0 * error, "commutator_null")

    @for_each_layer("curvature")
    def test_noise_exponents(self, layer, group):
        modes = numpy.arange(len(group["noise_along_hessian"]))
        for name, numbers, x, y in (("hessian", modes, group["hessian_eigenvalues"][()][:modes.size], group["noise_along_hessian"][()]),
                                    ("pca", group["direction"][()], group["rayleigh"][()], group["noise_rayleigh"][()])):
            kept = self.in_range(group, numbers) & (x > 1e-7 * x.max())
            if name == "pca":
                kept &= numbers < self.moving(layer)
            fits.assert_exponent(group, f"noise_exponent_{name}_basis", fits.power_law(x[kept], y[kept]))
