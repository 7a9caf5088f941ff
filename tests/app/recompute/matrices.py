"""Matrices of one layer's weights at the solution, in closed form from the outputs' Jacobian."""
import functools

import numpy

from .network import losses, softmax
from .quadratic import QuadraticRun, window_covariance


class LayerMatrices:
    """Hessian, Fisher matrices and noise of one layer. ReLU and pooling are piecewise linear, so that the layer's Hessian is its Gauss-Newton
    matrix."""

    kept = {}

    @classmethod
    def of(cls, run, layer):
        key = (run.replica.name, run.file.filename, layer)
        if key not in cls.kept:
            cls.kept[key] = cls(run, layer)
        return cls.kept[key]

    def __init__(self, run, layer):
        self.run, self.index = run, run.network.index(layer)
        at = run.network(run.images)
        self.p = softmax(at.outputs)
        self.jacobian = at.jacobian(self.index)
        self.loss = losses(at.outputs, run.labels).mean()
        self.samples = numpy.einsum("nc,ncw->nw", self.p - numpy.eye(10)[run.labels], self.jacobian)
        self.gradient = self.samples.mean(axis=0)
        self.hessian = self.second_derivative(numpy.arange(len(run.labels)))
        self.log_loss_hessian = self.hessian / self.loss - numpy.outer(self.gradient, self.gradient) / self.loss**2
        self.empirical_fisher = self.samples.T @ self.samples / len(run.labels)
        self.noise = self.noise_factor() * (self.empirical_fisher - numpy.outer(self.gradient, self.gradient))

    def second_derivative(self, samples):
        """Mean over samples of J^T (diag p - p p^T) J."""
        roots = (numpy.sqrt(self.p[samples])[:, :, None] * self.jacobian[samples]).reshape(-1, self.jacobian.shape[2])
        means = numpy.einsum("nc,ncw->nw", self.p[samples], self.jacobian[samples])
        return (roots.T @ roots - means.T @ means) / len(samples)

    @functools.cached_property
    def window(self):
        """Eigenvectors of the Hessian as columns, and the covariance in them that a quadratic loss makes in the window. Eigenvalues that are
        rounding are no force."""
        values, vectors = numpy.linalg.eigh(self.hessian)
        modes = [QuadraticRun(value if value > 1e-7 * values[-1] else 0.0, self.run) for value in values]
        return vectors, (vectors.T @ self.noise @ vectors) * window_covariance(modes)

    def mean_square(self):
        """Mean over samples of the square of each one's J^T (diag p - p p^T) J."""
        size = self.jacobian.shape[2]
        total = numpy.zeros((size, size))
        for n in range(len(self.p)):
            total += numpy.linalg.matrix_power(self.second_derivative([n]), 2)
        return total / len(self.p)

    def noise_factor(self):
        """Variance of a mean of B samples over that of one of M: drawn with replacement, or without from those in use."""
        count, batch = len(self.run.labels), self.run.batch
        if self.run.sampling == "with-replacement":
            return 1.0 / batch
        stay = self.run.sampling in ("shuffle-once", "fixed-partition")
        used = count // batch * batch if stay else count
        return (1.0 / batch - 1.0 / used) * count / (count - 1.0)

    def minibatches(self, order):
        """Gradients of minibatches, one a row."""
        return self.samples[order].mean(axis=1)

    def second_moment(self):
        q = self.minibatches(self.run.order(self.run.first_epoch + self.run.epochs))
        return q.T @ q / len(q)

    def along(self, matrix, p):
        return numpy.einsum("iw,iw->i", p @ matrix, p)
