"""A convolution network from the configuration to results.h5, checked by a forward pass in numpy that reads the file alone."""
import gzip
import unittest

import h5py
import numpy

from columns import column
from flatsweep_runs import SOURCE, RunTest

LAYERS = ["conv 4 kernel 3 padding 1", "pool 2", "conv 6 kernel 4", "pool 3"]   # images of 28, 14, 11, 3 places a side
PADDING, POOL = (1, 0), (2, 3)
KEYS = dict(network__architecture=LAYERS, pca__layers=["conv1", "conv2"], grid__seed=[1, 2], train__batch_size=10,
            data__train_limit=300, data__test_limit=100, output__trajectory=True, pca__directions=40)
ITERATIONS = 60   # two epochs of 300 / 10
SHAPES = dict(conv1=(4, 1, 3, 3), conv2=(6, 4, 4, 4), fc1=(10, 54))


def read_digits(part, count):
    """Images in [0, 1] and labels of the set that comes with flatsweep."""
    folder = SOURCE / "data" / "mnist-sample"
    pixels, labels = (gzip.decompress((folder / f"{part}-{name}-ubyte.gz").read_bytes()) for name in ("images-idx3", "labels-idx1"))
    images = numpy.frombuffer(pixels, numpy.uint8, count * 784, 16).reshape(count, 1, 28, 28) / 255.0
    return images, numpy.frombuffer(labels, numpy.uint8, count, 8)


def convolve(images, kernels, bias, padding):
    images = numpy.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = numpy.lib.stride_tricks.sliding_window_view(images, kernels.shape[2:], axis=(2, 3))
    return numpy.einsum("ncyxij,ocij->noyx", windows, kernels, optimize=True) + bias[:, None, None]


def pool(images, side):
    count, channels, height, width = images.shape
    height, width = height // side, width // side
    squares = images[:, :, :height * side, :width * side].reshape(count, channels, height, side, width, side)
    return squares.max(axis=(3, 5))


def evaluate(weights, images, labels):
    """Mean cross-entropy and the fraction classified wrongly."""
    for number, (padding, side) in enumerate(zip(PADDING, POOL), 1):
        images = convolve(images, weights[f"conv{number}"], weights[f"conv{number}_bias"], padding)
        images = pool(numpy.maximum(images, 0.0), side)
    logits = images.reshape(len(images), -1) @ weights["fc1"].T + weights["fc1_bias"]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probability[numpy.arange(len(labels)), labels].mean(), (logits.argmax(axis=1) != labels).mean()


class ConvolutionNetwork(RunTest):
    @classmethod
    def setUpClass(cls):
        cls.file = h5py.File(cls.of_class().run_well(2, "out", **KEYS))
        cls.addClassCleanup(cls.file.close)
        cls.replica = cls.file["replica/000001"]

    def weights(self):
        return {name: self.replica["weights"][name][()].astype(float) for name in self.replica["weights"]}

    def moved(self, layer, direction, step):
        """The weights at w_0 + step * p_direction."""
        weights = self.weights()
        weights[layer] += step * self.replica[f"pca/{layer}/directions"][direction].reshape(SHAPES[layer])
        return weights

    def test_weights_have_the_shape_of_kernels(self):
        for layer, shape in SHAPES.items():
            weights = self.replica[f"weights/{layer}"]
            axes = ["output", "input", "row", "column"][:len(shape)]
            self.assertEqual((weights.shape, weights.dtype), (shape, numpy.dtype("f4")))
            self.assertEqual([axis.label for axis in weights.dims], [f"{layer}_{axis}" for axis in axes])
            self.assertEqual(self.replica[f"weights/{layer}_bias"].shape, shape[:1])

    def test_the_architecture_stands_where_width_and_depth_do_not(self):
        label = ", ".join(LAYERS)
        self.assertEqual(column(self.file["grid/architecture"]).tolist(), [label] * 2)
        self.assertEqual(self.replica.attrs["architecture"], label)
        for layer in ("conv1", "conv2"):
            self.assertEqual(column(self.file[f"summary/psi/{layer}/architecture"]).tolist(), [label])
        for name in ("width", "hidden_layers"):
            self.assertEqual(self.file[f"grid/{name}"][()].tolist(), [0, 0])
            self.assertEqual(self.replica.attrs[name], 0)
        self.assertIn('architecture = ["conv 4 kernel 3 padding 1", "pool 2", "conv 6 kernel 4", "pool 3"]', self.file.attrs["config"])

    def test_the_weights_give_the_losses_and_errors(self):
        for part, files, count in (("train", "train", 300), ("test", "t10k", 100)):
            loss, error = evaluate(self.weights(), *read_digits(files, count))
            # The program sums in single precision over at most 4 * 4 * 4 products.
            self.assertAlmostEqual(self.replica[f"training/{part}_loss"][-1] / loss, 1.0, delta=1e-5)
            self.assertEqual(self.replica[f"training/{part}_error"][-1], error)

    def test_pca_agrees_with_the_trajectory(self):
        for layer in ("conv1", "conv2"):
            pca, size = self.replica[f"pca/{layer}"], numpy.prod(SHAPES[layer])
            snapshots = self.replica[f"trajectory/{layer}"][()]
            self.assertEqual(snapshots.shape, (ITERATIONS, size))
            numpy.testing.assert_array_equal(snapshots[-1], self.replica[f"weights/{layer}"][()].ravel())
            variance = numpy.linalg.eigvalsh(numpy.cov(snapshots.T.astype(float), bias=True))[::-1]
            # Rounding of a covariance in double precision, relative to its largest eigenvalue.
            numpy.testing.assert_allclose(pca["variance"][()], variance, rtol=0, atol=1e-12 * variance[0])
            self.assertEqual(pca["directions"].shape, (min(40, size), size))

    def test_the_loss_is_e_times_as_large_at_the_crossings(self):
        digits = read_digits("train", 300)
        for layer in ("conv1", "conv2"):
            flatness = self.replica[f"flatness/{layer}"]
            log_loss = numpy.log(flatness.attrs["loss"])
            for side in ("left", "right"):
                for i, step in zip(flatness["direction"][:6], flatness[side][:6]):
                    there = numpy.log(evaluate(self.moved(layer, i, step), *digits)[0])
                    # flatness.tolerance = 1e-4 of the place, where ln L rises about as its square.
                    self.assertAlmostEqual(there - log_loss, 1.0, delta=1e-3, msg=f"{layer} {i} {side}")

    def test_slopes_are_those_of_finite_differences(self):
        digits, h = read_digits("train", 300), 1e-5
        for layer in ("conv1", "conv2"):
            flatness = self.replica[f"flatness/{layer}"]
            for i, slope in zip(flatness["direction"][:6], flatness["slope"][:6]):
                ends = [numpy.log(evaluate(self.moved(layer, i, step), *digits)[0]) for step in (-h, h)]
                # Sums over samples and places in single precision, which cancel in part; kinks inside of 2 h.
                self.assertAlmostEqual((ends[1] - ends[0]) / (2 * h), slope, delta=1e-3 * max(1.0, abs(slope)), msg=f"{layer} {i}")


if __name__ == "__main__":
    unittest.main()
