"""Matrices over all weights and biases: a Lanczos iteration of our own, and per-sample gradients."""
import numpy

from columns import column

from .checks import assert_close, assert_near
from .network import HessianProducts, softmax


def lanczos(product, size, steps):
    """Eigenvalues (ascending) of the Krylov space of a random vector, orthogonalised twice at every step, and how well the outermost are
    known: residuals."""
    basis, diagonal, beside = numpy.zeros((steps, size)), [], []
    vector = numpy.random.default_rng(2).standard_normal(size)
    for j in range(steps):
        basis[j] = vector / numpy.linalg.norm(vector)
        vector = product(basis[j])
        diagonal.append(basis[j] @ vector)
        for _ in range(2):
            vector = vector - basis[:j + 1].T @ (basis[:j + 1] @ vector)
        beside.append(numpy.linalg.norm(vector))
    matrix = numpy.diag(diagonal) + numpy.diag(beside[:-1], 1) + numpy.diag(beside[:-1], -1)
    values, vectors = numpy.linalg.eigh(matrix)
    return values, beside[-1] * numpy.abs(vectors[-1]), basis.T @ vectors


class NetworkMatrices:
    def __init__(self, run):
        self.run, self.products = run, HessianProducts(run.network, run.images, run.labels)
        at = run.network(run.images)
        p = softmax(at.outputs)
        jacobian = numpy.concatenate([at.jacobian(i, bias=True) for i in range(len(run.network.layers))], axis=2)
        self.samples = numpy.einsum("nc,ncw->nw", p - numpy.eye(10)[run.labels], jacobian)
        means = numpy.einsum("nc,ncw->nw", p, jacobian)
        self.gauss_newton_trace = (numpy.einsum("nc,ncw,ncw->", p, jacobian, jacobian) - (means**2).sum()) / len(run.labels)

    def rows(self, kind):
        """R with A = R^T R, of the matrices made of gradients."""
        run, g = self.run, self.samples
        if kind == "empirical_fisher":
            return g / numpy.sqrt(len(g))
        if kind == "minibatch_second_moment":
            order = run.order(run.first_epoch + run.epochs)
            return g[order].mean(axis=1) / numpy.sqrt(len(order))
        factor = (1.0 if run.sampling == "with-replacement" else (len(g) - run.batch) / (len(g) - 1.0)) / run.batch
        return numpy.sqrt(factor / len(g)) * (g - g.mean(axis=0))

    def frobenius(self, kind):
        """|A|_F, column by column; with A = R^T R that of the smaller R R^T."""
        if kind in ("hessian", "gauss_newton"):
            product = getattr(self.products, kind)
            return numpy.sqrt(sum((product(column)**2).sum() for column in numpy.eye(self.samples.shape[1])))
        return numpy.linalg.norm(self.rows(kind) @ self.rows(kind).T)

    def spectrum(self, kind, leading, smallest):
        """Eigenvalues from both ends, the trace, eigenvectors (columns) of the leading end and of the other; those of matrices made of
        gradients are zero at that end, and their vectors arbitrary."""
        if kind in ("hessian", "gauss_newton"):
            values, residuals, vectors = lanczos(getattr(self.products, kind), self.samples.shape[1], 110 if smallest else 45)
            ends = [residuals[::-1][:leading]] + ([residuals[:smallest]] if smallest else [])
            assert max(end.max() for end in ends) < 1e-7 * values[-1], "the Lanczos iteration needs more steps"
            # Blocks of one layer have no part beside the Gauss-Newton one, so that both have the same trace.
            low = values[:smallest]
            return values[::-1][:leading], low, self.gauss_newton_trace, vectors[:, ::-1][:, :leading], vectors[:, :smallest]
        _, values, vectors = numpy.linalg.svd(self.rows(kind), full_matrices=False)
        return values[:leading]**2, numpy.zeros(smallest), (values**2).sum(), vectors[:leading].T, None


class NetworkCurvature:
    def test_network_curvature(self):
        options, own = self.run_.config["network_curvature"], NetworkMatrices(self.run_)
        for kind in options["kinds"]:
            with self.subTest(kind=kind):
                self.check_kind(self.run_.replica[f"network_curvature/{kind}"], kind.replace("-", "_"), own, options)

    def check_kind(self, group, kind, own, options):
        leading, smallest, trace, vectors, others = own.spectrum(kind, options["leading"], options["smallest"])
        size = leading[0]
        # An eigenvalue is nearer than its residual, which the configuration bounds; entries are sums in single precision.
        tolerance = (options["tolerance"]**2 + 1e-5) * size
        assert_near(group["leading_eigenvalues"][()], leading, tolerance, "leading_eigenvalues")
        for end in ("leading", "smallest") if options["smallest"] > 0 else ("leading",):
            self.assertLess(group[f"{end}_residuals"][()].max(), options["tolerance"] * size * 1.001)
        if options["smallest"] > 0:
            assert_near(group["smallest_eigenvalues"][()], smallest, tolerance + options["tolerance"] * size, "smallest_eigenvalues")
        self.assertEqual(group.attrs["parameters"], own.samples.shape[1])
        self.check_trace(group, trace, options, own.samples.shape[1])
        self.check_frobenius(group, kind, own, options)
        self.check_shares(group, "leading", vectors, size)
        if options["smallest"] > 0 and others is not None:
            self.check_shares(group, "smallest", others, size)
        self.check_density(group, kind, trace, own)

    def check_trace(self, group, trace, options, size):
        if options["trace_products"] >= size:
            assert_close(group.attrs["trace"], trace, 1e-5, "trace")
            self.assertEqual(group.attrs["trace_error"], 0.0)
        else:
            # What the sketch leaves to chance is a few per cent of such spectra.
            assert_close(group.attrs["trace"], trace, 0.05, "trace")

    def check_frobenius(self, group, kind, own, options):
        if options["trace_products"] >= own.samples.shape[1]:
            assert_close(group.attrs["frobenius_norm"], own.frobenius(kind), 1e-5, "frobenius_norm")
            self.assertEqual(group.attrs["frobenius_norm_error"], 0.0)
            return
        # Of the square our own signs give an estimate without deflation; both err by no more than four of their errors.
        signs = numpy.random.default_rng(3).choice([-1.0, 1.0], (200, own.samples.shape[1]))
        squares = numpy.array([(getattr(own.products, kind)(x)**2).sum() for x in signs])
        found, said = group.attrs["frobenius_norm"], group.attrs["frobenius_norm_error"]
        error = 4.0 * (squares.std() / numpy.sqrt(len(squares)) + 2.0 * found * said)
        assert_near(found**2, squares.mean(), error, "frobenius_norm^2")
        self.assertLess(error, 0.3 * found**2)

    def check_shares(self, group, end, vectors, size):
        ends = numpy.cumsum([0] + [layer.weights.size + layer.bias.size for layer in self.run_.network.layers])
        expected = [[(v[a:b]**2).sum() for a, b in zip(ends[:-1], ends[1:])] for v in vectors.T]
        apart = numpy.append(numpy.abs(numpy.diff(group[f"{end}_eigenvalues"][()])), 0.0)
        # Residuals turn a vector by themselves over its distance from the next.
        alone = 300.0 * self.run_.config["network_curvature"]["tolerance"] * size
        known = (apart > alone) & (numpy.append(numpy.inf, apart[:-1]) > alone)
        self.assertTrue(known.any(), end)
        assert_near(group[f"{end}_layer_share"][()][known], numpy.array(expected)[known], 3e-3, f"{end}_layer_share")
        self.assertEqual(column(group["layer"]).tolist(), [layer.name for layer in self.run_.network.layers])

    def check_density(self, group, kind, trace, own):
        nodes, weights = group["density_nodes"][()], group["density_weights"][()]
        assert_near(weights.sum(axis=1), numpy.ones(len(weights)), 1e-9, "weights of the density")
        grid, width = group["density_eigenvalue"][()], group.attrs["density_width"]
        bells = numpy.exp(-0.5 * ((grid[:, None] - nodes.ravel()) / width)**2) / (width * numpy.sqrt(2.0 * numpy.pi))
        assert_close(group["density"][()], bells @ weights.ravel() / len(weights), 1e-9, "density")
        # Two products on the signs that the program draws: moments of the spectrum that its nodes must have.
        for probe in range(len(nodes)):
            x = self.signs(probe, own.samples.shape[1])
            if kind in ("hessian", "gauss_newton"):
                y = getattr(own.products, kind)(x)
            else:
                y = own.rows(kind).T @ (own.rows(kind) @ x)
            for order, moment in ((1, x @ y), (2, y @ y)):
                assert_close(weights[probe] @ nodes[probe]**order, moment / len(x), 1e-5, f"moment {order} of probe {probe}")

    def signs(self, probe, size):
        from .philox import Stream
        words = Stream(self.run_.seed, "solver", (1 << 32) | probe).words(-(-size // 32))
        bits = (words[:, None] >> numpy.arange(32, dtype=numpy.uint64)) & numpy.uint64(1)
        return 2.0 * bits.ravel()[:size].astype(float) - 1.0
