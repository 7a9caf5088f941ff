"""Curves, weights and the trajectory, from a training of our own."""
import numpy

from .checks import LayerChecks, assert_near
from .network import losses

# A training in double precision leaves one in single precision by rounding, which grows with the steps, and by a ReLU that opens a step
# earlier or later, which changes one sample's part of one gradient.
DRIFT = 3e-4


def evaluate(network, images, labels):
    """Loss, error, and the share of samples whose class is undecided at rounding level."""
    outputs = network(images).outputs
    rows = numpy.arange(len(labels))
    right = outputs[rows, labels]
    outputs[rows, labels] = -numpy.inf
    gap = right - outputs.max(axis=1)
    outputs[rows, labels] = right
    return losses(outputs, labels).mean(), (gap < 0.0).mean(), (numpy.abs(gap) < 1e-4).mean()


class Training(LayerChecks):
    def test_curves_end_with_the_stored_weights(self):
        run, curves = self.run_, self.run_.replica["training"]
        for part, images, labels in (("train", run.images, run.labels), ("test", run.test_images, run.test_labels)):
            loss, error, undecided = evaluate(run.network, images, labels)
            assert_near(curves[f"{part}_loss"][-1], loss, 3e-6 * loss, f"{part}_loss")
            assert_near(curves[f"{part}_error"][-1], error, undecided + 1e-12, f"{part}_error")

    def test_every_epoch_is_that_of_a_training_of_our_own(self):
        run, curves = self.run_, self.run_.replica["training"]
        order, trajectory = self.retrained
        assert_near(curves["gradient_norm"][()], [row[0] for row in order], DRIFT * curves["gradient_norm"][0], "gradient_norm")
        assert_near(curves["gradient_alignment"][()], [row[1] for row in order], DRIFT, "gradient_alignment")
        for epoch in range(len(order)):
            network = run.network.at(trajectory[(epoch + 1) * run.iterations])
            for part, images, labels in (("train", run.images, run.labels), ("test", run.test_images, run.test_labels)):
                loss, error, _ = evaluate(network, images, labels)
                assert_near(curves[f"{part}_loss"][epoch], loss, DRIFT * loss, f"{part}_loss after {epoch + 1}")
                assert_near(curves[f"{part}_error"][epoch], error, 1.5 / len(labels), f"{part}_error after {epoch + 1}")

    def test_epochs_are_counted(self):
        run = self.run_
        total = run.first_epoch + run.epochs
        self.assertEqual(run.replica["training/epoch"][()].tolist(), list(range(1, total + 1)))
        self.assertEqual((run.replica.attrs["epochs_trained"], run.replica.attrs["window_first_epoch"]), (total, run.first_epoch))
        self.assertEqual(run.row["epochs_trained"], total)

    def test_weights_and_trajectory_are_those_of_a_training_of_our_own(self):
        run = self.run_
        _, trajectory = self.retrained
        own = trajectory[-1]
        assert_near(run.network.flat(), own, DRIFT * numpy.abs(own - trajectory[0]).max(), "weights")
        for layer in run.analysed:
            stored = run.replica[f"trajectory/{layer}"][()].astype(float)
            index = run.network.index(layer)
            rows = numpy.array([run.network.at(w).layers[index].weights.ravel() for w in trajectory[-len(stored):]])
            self.assertEqual(len(stored), run.epochs * run.iterations)
            assert_near(stored, rows, DRIFT * numpy.abs(rows - rows[0]).max(), f"trajectory/{layer}")
            numpy.testing.assert_array_equal(stored[-1], run.solution(layer), "w_0 is the last snapshot")
