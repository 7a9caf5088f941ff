"""The study "continual", point by point."""
import functools

import numpy

from .checks import SINGLE, assert_close, assert_each_close, assert_near
from .flatness import width
from .training import DRIFT


def for_each_point(check):
    """A test of (own, stored) runs once for every point, with a training of our own and the file's numbers."""
    @functools.wraps(check)
    def test(self):
        columns = {name: column for name, column in self.study.points.items() if name != "epoch" and len(column) == len(self.learnings)}
        for point, own in enumerate(self.learnings):
            with self.subTest(**{name: str(value) for name, value in self.study.choice(point).items()}):
                check(self, own, {name: column[point] for name, column in columns.items()})
    return test


def for_each_layer(check):
    """A test of (layer, stored, matrices) runs once for every layer that is held."""
    @functools.wraps(check)
    def test(self):
        for layer in self.study.run.analysed:
            with self.subTest(layer=layer):
                check(self, layer, self.study.replica[f"constraints/{layer}"], self.study.first[layer])
    return test


class ContinualChecks:
    """A test class has the replica as `self.study` and a training of our own of every point in `self.learnings`."""

    @for_each_point
    def test_first_row_is_that_of_the_first_solution(self, own, stored):
        for task, (loss, error, undecided) in enumerate(own.curves[0]):
            assert_near(stored["test_loss"][0, task], loss, 10 * SINGLE * loss, "test_loss")
            assert_near(stored["test_error"][0, task], error, undecided + 1e-12, "test_error")

    @for_each_point
    def test_every_epoch_is_that_of_a_training_of_our_own(self, own, stored):
        curves = numpy.array(own.curves)
        assert_near(stored["test_loss"], curves[..., 0], DRIFT * curves[..., 0], "test_loss")
        for task, reference in enumerate(self.study.tasks):
            assert_near(stored["test_error"][:, task], curves[:, task, 1], 1.5 / len(reference.test_labels), "test_error")

    @for_each_point
    def test_the_end(self, own, stored):
        for task, (loss, error, _) in enumerate(own.evaluate_train()):
            assert_near(stored["train_loss"][task], loss, DRIFT * loss, "train_loss")
            assert_near(stored["train_error"][task], error, 1.5 / len(self.study.tasks[task].labels), "train_error")
        moved = own.displacement()
        # Weights are kept in single precision, some 1e-8 each.
        assert_near(stored["displacement"], moved, DRIFT * moved + 1e-6, "displacement")
        self.assertEqual(stored["diverged"], 0)

    @for_each_point
    def test_strengths(self, own, stored):
        assert_each_close(stored["lambda"], own.strength, 1e-4, "lambda")
        self.assertEqual(numpy.isfinite(stored["psi"]), stored["method"] == "ldc")
        assert_each_close(stored["normalised_lambda"], 10.0 ** stored["psi"] * own.strength, 1e-4, "normalised_lambda")

    def most_directions(self, layer):
        options = self.study.options
        wanted = max(options["constraint_counts"]) + (1 if "out" in options["leading_mode"] else 0)
        return min(wanted, len(self.study.replica[f"pca/{layer}/directions"]))

    @for_each_layer
    def test_variances_that_are_held(self, layer, stored, matrices):
        count = self.most_directions(layer)
        numpy.testing.assert_array_equal(stored["variance"][()], self.study.replica[f"pca/{layer}/variance"][:count])

    @for_each_layer
    def test_fisher_matrices_that_are_held(self, layer, stored, matrices):
        """Sums of squares of single-precision gradients."""
        for name, method in (("fisher_diagonal", "ewc"), ("empirical_fisher_diagonal", "ewc-empirical"),
                             ("batched_fisher_diagonal", "ewc-batched")):
            assert_close(stored[name][()], self.study.diagonals(*matrices)[method], 1e-5, name)
        if "fisher_eigenvalues" in stored:
            values = numpy.linalg.eigvalsh(matrices[0].hessian)[::-1]
            assert_close(stored["fisher_eigenvalues"][()], values[:len(stored["fisher_eigenvalues"])], 1e-5, "fisher_eigenvalues")

    @for_each_layer
    def test_flatness_that_is_held(self, layer, stored, matrices):
        """NaN where a side is unbounded, else to the tolerance of both crossings."""
        if "flatness" not in stored:
            return
        own, options = matrices[0], self.study.run.config["flatness"]
        furthest = options["max_displacement"] * numpy.linalg.norm(self.study.run.solution(layer))
        for i, found in enumerate(stored["flatness"][()]):
            p = self.study.replica[f"pca/{layer}/directions"][i]
            expected = width(self.study.line(layer, p), own.gradient @ p / own.loss, p @ own.log_loss_hessian @ p, furthest)
            assert_each_close(found, expected, 3.0 * options["tolerance"], f"flatness of {layer} {i}")
