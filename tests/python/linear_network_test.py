"""The closed form of a linear network with two layers, against dense matrices."""
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from flatsweep.linear_network import SAMPLINGS, TwoLayers, window_variance  # noqa: E402, of the tree

RATE = 0.1


def jacobian(first, second):
    """Derivatives of all entries of V W by all of W, then all of V."""
    outputs, inputs = len(second), first.shape[1]
    by_first = np.einsum("kh,dx->kdhx", second, np.eye(inputs)).reshape(outputs * inputs, -1)
    by_second = np.einsum("kq,hd->kdqh", np.eye(outputs), first).reshape(outputs * inputs, -1)
    return np.hstack([by_first, by_second])


def covariance_of_noise(sampling, epoch, iterations):
    """Of minibatch gradients with variance 1; within an epoch without replacement they add up to 0."""
    block = np.eye(epoch) if sampling == "with-replacement" else (np.eye(epoch) - 1 / epoch) * epoch / (epoch - 1)
    return np.kron(np.eye(iterations // epoch), block)


def dense_window_variance(curvature, noise, epoch, window, sampling, before):
    """The same by the covariance of all snapshots, from weights that stood still `before` iterations ago."""
    step, reached = np.ogrid[:before + window, before:before + window]
    age = reached - step
    response = np.where(age >= 0, -RATE * (1 - RATE * curvature) ** np.maximum(age, 0.0), 0.0).T
    covariance = noise * response @ covariance_of_noise(sampling, epoch, before + window) @ response.T
    return np.trace(covariance) / window - covariance.mean()


class LinearNetwork(unittest.TestCase):
    def test_layers_share_the_variance_of_a_mode(self):
        """Any function of mu, f(J^T J) on the range of J, looked at in each layer's block; more hidden units than outputs and fewer."""
        random = np.random.default_rng(1)
        for outputs, hidden, inputs in ((3, 4, 5), (4, 3, 2), (2, 6, 4), (5, 2, 3)):
            first, second = random.standard_normal((hidden, inputs)), random.standard_normal((outputs, hidden))
            dense = jacobian(first, second)
            values, vectors = np.linalg.eigh(dense.T @ dense)
            covariance = (vectors * np.where(values > 1e-9, 1 / (1 + values), 0.0)) @ vectors.T
            modes = TwoLayers(first, second)
            blocks = np.split(np.arange(len(covariance)), [first.size])
            for layer, block in zip((1, 2), blocks):
                directions = np.linalg.qr(random.standard_normal((len(block), len(block))))[0]
                expected = np.diag(directions @ covariance[np.ix_(block, block)] @ directions.T)
                np.testing.assert_allclose(modes.variance(layer, directions, 1 / (1 + modes.curvature)), expected, atol=1e-12)

    def test_variance_in_a_window(self):
        epoch, window = 5, 20
        for sampling in SAMPLINGS:
            for curvature in (0.3, 3.0, 12.0):
                expected = dense_window_variance(curvature, 2.0, epoch, window, sampling, before=700)  # 0.97^700: 5e-10
                found = window_variance(curvature, 2.0, RATE, epoch, window, sampling)
                self.assertAlmostEqual(found / expected, 1, places=7, msg=f"{sampling}, {curvature}")

    def test_limits_of_weak_curvature(self):
        """Free walk, and bridges from epoch to epoch (docs/science/sampling.md)."""
        epoch, epochs, noise = 10, 5, 3.0
        window = epoch * epochs
        free = RATE**2 * noise * (window**2 - 1) / (6 * window)
        bridges = RATE**2 * noise * (epoch + 1) / 6 * (1 - 1 / (2 * epochs))
        for sampling, expected in (("with-replacement", free), ("reshuffle", bridges)):
            self.assertAlmostEqual(window_variance(1e-6, noise, RATE, epoch, window, sampling) / expected, 1, places=4)

    def test_other_samplings_are_refused(self):
        self.assertRaisesRegex(ValueError, "no variance is known for shuffle-once", window_variance, 1.0, 1.0, RATE, 10, 50, "shuffle-once")


if __name__ == "__main__":
    unittest.main()
