"""Principal components of the stored trajectory."""
import numpy

from .checks import LayerChecks, assert_close, assert_near, for_each_layer


def dimension(variances, total):
    """Leading values that hold 99.9 % of the total."""
    return int(numpy.argmax(numpy.cumsum(variances) >= 0.999 * total * (1.0 - 1e-12))) + 1


def walk_spectrum(steps):
    """Expected PCA variances of a random walk of so many steps in many dimensions: eigenvalues of the centred covariance min(s, t)."""
    times = numpy.arange(1, steps + 1)
    centre = numpy.eye(steps) - 1.0 / steps
    return numpy.linalg.eigvalsh(centre @ numpy.minimum.outer(times, times) @ centre / steps)[::-1]


def cosine_content(theta, k):
    steps = len(theta)
    overlap = numpy.cos(numpy.pi * k * (numpy.arange(steps) + 0.5) / steps) @ theta
    return 2.0 / steps * overlap**2 / (theta @ theta)


def spectrum(snapshots):
    """Variances of all principal directions, from singular values: the small ones keep their digits."""
    values = numpy.zeros(snapshots.shape[1])
    found = numpy.linalg.svd(snapshots - snapshots.mean(axis=0), compute_uv=False)**2 / len(snapshots)
    values[:found.size] = found[:values.size]
    return values


class Pca(LayerChecks):
    def snapshots(self, layer):
        return self.run_.replica[f"trajectory/{layer}"][()].astype(float)

    @for_each_layer("pca")
    def test_spectrum_and_mean(self, layer, pca):
        snapshots = self.snapshots(layer)
        variance = spectrum(snapshots)
        # Rounding of a covariance in double precision.
        assert_near(pca["variance"][()], variance, 1e-13 * variance.sum(), "variance")
        assert_near(pca["mean"][()], snapshots.mean(axis=0), 1e-12, "mean")
        assert_near(pca.attrs["total_variance"], variance.sum(), 1e-11 * variance.sum(), "total_variance")
        self.assertEqual(pca.attrs["window_iterations"], len(snapshots))

    @for_each_layer("pca")
    def test_directions(self, layer, pca):
        snapshots, directions = self.snapshots(layer), pca["directions"][()]
        centred = snapshots - snapshots.mean(axis=0)
        variance = pca["variance"][()][:len(directions)]
        assert_near(directions @ directions.T, numpy.eye(len(directions)), 1e-9, "directions, orthonormal")
        products = (centred @ directions.T).T @ centred / len(snapshots)
        assert_near(products, variance[:, None] * directions, 1e-12 * variance[0], "C p = sigma^2 p")
        along = directions @ (snapshots[-1] - snapshots[0])
        self.assertGreater(along.min(), -1e-12)

    @for_each_layer("pca")
    def test_directions_that_move(self, layer, pca):
        """Variances above ten times the walk of rounding and above what an eigensolver rounds."""
        variance, p, mean, steps = pca["variance"][()], pca["directions"][()], pca["mean"][()], int(pca.attrs["window_iterations"])
        units = numpy.spacing(numpy.abs(mean).astype("f4")).astype(float)
        walk = (p**2 @ (units**2 / 12.0)) * (steps - 1.0 / steps) / 6.0
        bound = numpy.maximum(10.0 * walk, min(len(mean), steps) * 2.0**-52 * variance[0])
        still = numpy.flatnonzero(~(variance[:len(p)] > bound))
        self.assertEqual(pca.attrs["moving"], still[0] if still.size else len(p))
        moving, level = int(pca.attrs["moving"]), pca.attrs["rounding_variance"]
        self.assertTrue((variance[:moving] > level).all())
        self.assertFalse((variance[moving:] > level).any())

    @for_each_layer("pca")
    def test_projection_and_cosine_content(self, layer, pca):
        snapshots, count = self.snapshots(layer), len(pca["projection"])
        theta = (snapshots - snapshots.mean(axis=0)) @ pca["directions"][:count].T
        assert_near(pca["projection"][()], theta.T, 1e-7 * numpy.abs(theta).max(), "projection")
        expected = [cosine_content(theta[:, k], k + 1) for k in range(count)]
        # Of f4 projections.
        assert_near(pca["cosine_content"][:count], expected, 1e-5, "cosine_content")

    @for_each_layer("pca")
    def test_dimensions(self, layer, pca):
        variance, total = pca["variance"][()], pca.attrs["total_variance"]
        steps = int(pca.attrs["window_iterations"])
        self.assertEqual(pca.attrs["learning_dimension"], dimension(variance, total))
        self.assertEqual(pca.attrs["learning_dimension_without_first"], dimension(variance[1:], total - variance[0]))
        walk = walk_spectrum(steps)
        self.assertEqual(pca.attrs["learning_dimension_null"], dimension(walk, walk.sum()))

    @for_each_layer("pca")
    def test_solution_alignment(self, layer, pca):
        w = self.run_.solution(layer)
        assert_close(pca.attrs["solution_alignment"], abs(pca["directions"][0] @ w) / numpy.linalg.norm(w), 1e-12, "alignment")
