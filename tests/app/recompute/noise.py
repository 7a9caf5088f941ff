"""The study "noise": gradient descent with noise of several shapes, in double precision."""
import functools

import numpy

from .checks import SINGLE, assert_close, assert_each_close, assert_near
from .network import mean_gradient
from .philox import Stream
from .run import Trainer, first_network
from .training import DRIFT, evaluate


class Modes:
    """Leading eigenpairs of F = Q Q^T/N_m of one layer, and its trace."""

    def __init__(self, gradients, count):
        _, singular, vectors = numpy.linalg.svd(gradients, full_matrices=False)
        values = singular**2 / len(gradients)
        kept = min(count, int((values > 1e-12 * values[0]).sum()))
        self.trace, self.values, self.vectors = values.sum(), values[:kept], vectors[:kept]


class Descent:
    """Gradient descent of one replica. `curves`: gradient norm, cosine with the gradient before, (loss, error) of both sets, a row an epoch."""

    def __init__(self, run):
        self.run, self.options = run, run.config["noise"]
        self.method, self.sigma = run.row["noise_method"], float(run.row["noise_amplitude"])
        self.network = self.first = first_network(run.words, run.seed)
        self.curves, self.before, self.modes = [], None, None
        for epoch in range(self.options["epochs"]):
            if self.method != "gd" and epoch % self.options["renew_epochs"] == 0:
                self.modes = self.measure()
            self.descend(epoch)

    def measure(self):
        """Of the minibatches of the first epochs, N_m of them."""
        run = self.run
        count = self.options["minibatches"] or 2 * run.iterations
        order = numpy.concatenate([run.order(epoch) for epoch in range(-(-count // run.iterations))])[:count]
        gradients = [mean_gradient(self.network, run.images[samples], run.labels[samples])[0] for samples in order]
        return [Modes(rows, self.options["modes"]) for rows in self.by_layer(numpy.array(gradients))]

    def by_layer(self, vectors):
        """The weights' part of each layer, biases left out."""
        first = 0
        for layer in self.network.layers:
            yield vectors[..., first:first + layer.weights.size]
            first += layer.weights.size + layer.bias.size

    def noise(self, epoch):
        """One draw, layer after layer. Eigenvectors have no sign of their own, so flatness-detecting noise is left out."""
        stream, result = Stream(self.run.seed, "gradient_noise", epoch), numpy.zeros(self.network.flat().size)
        for part, modes in zip(self.by_layer(result), self.modes):
            # All three shapes have the trace of the modes that are kept.
            square = numpy.full(part.size, modes.values.sum() / part.size)
            if self.method == "diagonal":
                square = modes.values @ modes.vectors**2
            part += self.sigma * numpy.sqrt(square) * stream.normal(part.size)
        return result

    def descend(self, epoch):
        run = self.run
        gradient, _ = mean_gradient(self.network, run.images, run.labels)
        norm = numpy.linalg.norm(gradient)
        cosine = 0.0 if self.before is None else gradient @ self.before / (norm * numpy.linalg.norm(self.before))
        self.before = gradient
        step = gradient if self.method == "gd" else gradient + self.noise(epoch)
        self.network = self.network.at(self.network.flat() - run.rate * step)
        self.curves.append([norm, cosine, *evaluate(self.network, run.images, run.labels)[:2],
                            *evaluate(self.network, run.test_images, run.test_labels)[:2]])


NAMES = ("gradient_norm", "gradient_alignment", "train_loss", "train_error", "test_loss", "test_error")


def for_each_replica(*methods):
    """A test of (run) goes through the replicas of these methods, all without."""
    def decorate(check):
        @functools.wraps(check)
        def test(self):
            for run in self.runs:
                method = run.row["noise_method"]
                if not methods or method in methods:
                    with self.subTest(replica=run.replica.name, method=method):
                        check(self, run)
        return test
    return decorate


class NoiseChecks:
    """A test class has all replicas as `self.runs`."""

    @for_each_replica()
    def test_curves_end_with_the_stored_weights(self, run):
        for part, images, labels in (("train", run.images, run.labels), ("test", run.test_images, run.test_labels)):
            loss, error, undecided = evaluate(run.network, images, labels)
            assert_near(run.replica[f"training/{part}_loss"][-1], loss, 10 * SINGLE * loss, f"{part}_loss")
            assert_near(run.replica[f"training/{part}_error"][-1], error, undecided + 1e-12, f"{part}_error")

    @for_each_replica("gd", "isotropic", "diagonal")
    def test_descent_is_one_of_our_own(self, run):
        own = Descent(run)
        curves = dict(zip(NAMES, numpy.transpose(own.curves)))
        for name in ("train_loss", "test_loss", "gradient_norm"):
            assert_each_close(run.replica[f"training/{name}"][()], curves[name], DRIFT, name)
        assert_near(run.replica["training/gradient_alignment"][()], curves["gradient_alignment"], DRIFT, "gradient_alignment")
        assert_near(run.replica["training/train_error"][()], curves["train_error"], 1.5 / len(run.labels), "train_error")
        assert_near(run.replica["training/test_error"][()], curves["test_error"], 1.5 / len(run.test_labels), "test_error")
        moved = numpy.abs(own.network.flat() - own.first.flat()).max()
        assert_near(run.network.flat(), own.network.flat(), DRIFT * moved, "weights")
        if own.modes:
            self.check_spectra(run, own.modes, 10 * DRIFT)

    def check_spectra(self, run, modes, tolerance):
        for layer, expected in zip(run.network.layers, modes):
            group = run.replica[f"noise/{layer.name}"]
            self.assertEqual(len(group["eigenvalues"]), len(expected.values))
            assert_close(group["eigenvalues"][()], expected.values, tolerance, f"{layer.name} eigenvalues")
            assert_each_close(group.attrs["trace"], expected.trace, tolerance, f"{layer.name} trace")
            assert_each_close(group.attrs["kept_trace"], expected.values.sum(), tolerance, f"{layer.name} kept_trace")
            self.assertLess(expected.values.sum(), expected.trace)

    @for_each_replica("sgd")
    def test_sgd_is_a_training_of_our_own(self, run):
        trainer = Trainer(run)
        norms = [trainer.epoch(epoch)[0] for epoch in range(run.config["noise"]["sgd_epochs"])]
        assert_each_close(run.replica["training/gradient_norm"][()], norms, DRIFT, "gradient_norm")
        assert_near(run.network.flat(), trainer.w, DRIFT * numpy.abs(trainer.w - trainer.trajectory[0]).max(), "weights")


class OneStepChecks:
    """One step from the first weights: what it adds to the gradient, mode by mode."""

    @for_each_replica("flatness-detecting")
    def test_noise_along_the_modes(self, run):
        own = Descent.__new__(Descent)
        own.run, own.options, own.network = run, run.config["noise"], first_network(run.words, run.seed)
        modes, sigma = own.measure(), float(run.row["noise_amplitude"])
        self.check_spectra(run, modes, 1e-5)
        gradient, _ = mean_gradient(own.network, run.images, run.labels)
        added = (own.network.flat() - run.network.flat()) / run.rate - gradient
        stream = Stream(run.seed, "gradient_noise", 0)
        for part, layer in zip(own.by_layer(added), modes):
            drawn = sigma * numpy.sqrt(layer.values) * stream.normal(len(layer.values))
            gaps = numpy.abs(numpy.subtract.outer(layer.values, layer.values)) + numpy.diag(layer.values)
            apart = gaps.min(axis=1) > 1e-3 * layer.values[0]
            self.assertGreater(apart.sum(), 3)
            # Weights are kept to 6e-8 of their size, and eigenvectors in single precision.
            assert_near(numpy.abs(layer.vectors @ part)[apart], numpy.abs(drawn)[apart], 1e-3 * sigma * numpy.sqrt(layer.trace), "noise")
            rest = part - (layer.vectors @ part) @ layer.vectors
            self.assertLess(numpy.linalg.norm(rest), 1e-3 * numpy.linalg.norm(part))
