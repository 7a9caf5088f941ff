"""Teacher data, real targets, label noise, training-set sizes, weight decay and schedules: runs beside the same worked out in numpy, with the program's random
numbers written anew (recompute/philox.py)."""
import subprocess
import unittest

import h5py
import numpy

from columns import column
from flatsweep_runs import BINARY, PCA_ALONE, SOURCE, RunTest
from recompute.philox import Stream, order_of_epoch

TEACHER = dict(data__name="teacher", data__train_limit=0, data__test_limit=0, data__teacher__inputs=6, data__teacher__width=4,
               data__teacher__outputs=3, data__teacher__covariance_exponent=0.5, data__teacher__train_samples=200,
               data__teacher__test_samples=60, data__teacher__seed=5, network__width=5, train__batch_size=20)
REAL = TEACHER | dict(data__targets="real", data__teacher__noise=0.1, train__loss="square", train__learning_rate=0.05)


def teacher_samples(part, count, noise=0.0, seed=5):
    """Inputs and outputs as decision 0040 has them: streams 0 and 1 are the weights, four streams a sample."""
    hidden = Stream(seed, "teacher", 0).normal(4 * 6).reshape(4, 6) / numpy.sqrt(6)
    output = Stream(seed, "teacher", 1).normal(3 * 4).reshape(3, 4) / numpy.sqrt(4)
    deviation = numpy.arange(1, 7) ** -0.25
    first = 2 + (2 if part == "test" else 0)
    inputs = numpy.array([deviation * Stream(seed, "teacher", first + 4 * i).normal(6) for i in range(count)]).astype("f4").astype(float)
    noises = numpy.array([Stream(seed, "teacher", first + 4 * i + 1).normal(3) for i in range(count)])
    return inputs, numpy.tanh(inputs @ hidden.T) @ output.T + noise * noises


def outputs_of(replica, inputs, layers=3):
    for number in range(1, layers + 1):
        weights, bias = (replica[f"weights/fc{number}{end}"][()].astype(float) for end in ("", "_bias"))
        inputs = inputs @ weights.T + bias
        inputs = numpy.maximum(inputs, 0) if number < layers else inputs
    return inputs


def cross_entropy(outputs, labels):
    shifted = outputs - outputs.max(1, keepdims=True)
    return (numpy.log(numpy.exp(shifted).sum(1)) - shifted[numpy.arange(len(labels)), labels]).mean()


def noisy(labels, classes, fraction, seed):
    stream = Stream(seed, "label_noise")
    redrawn = []
    for label in labels:
        chosen = stream.uniform(1)[0] < fraction
        other = stream.below([classes])[0]
        redrawn.append(other if chosen else label)
    return numpy.array(redrawn)


class SetupsTest(RunTest):
    def replica(self, output, *options, ranks=1, number=0, **keys):
        file = h5py.File(self.run_well(ranks, output, "--overwrite", *options, **keys))
        self.addCleanup(file.close)
        return file[f"replica/{number:06d}"]


class Teacher(SetupsTest):
    def test_its_classes_are_those_of_the_largest_output(self):
        replica = self.replica("out", **TEACHER | PCA_ALONE)
        for part, count in (("train", 200), ("test", 60)):
            inputs, targets = teacher_samples(part, count)
            outputs, labels = outputs_of(replica, inputs), targets.argmax(1)
            self.assertAlmostEqual(replica[f"training/{part}_loss"][-1], cross_entropy(outputs, labels), delta=2e-6)
            self.assertAlmostEqual(replica[f"training/{part}_error"][-1], (outputs.argmax(1) != labels).mean(), delta=1e-9)

    def test_real_targets_have_a_loss_and_no_error(self):
        replica = self.replica("out", **REAL)
        for part, count in (("train", 200), ("test", 60)):
            inputs, targets = teacher_samples(part, count, noise=0.1)
            self.assertAlmostEqual(replica[f"training/{part}_loss"][-1], 0.5 * ((outputs_of(replica, inputs) - targets) ** 2).sum(1).mean(),
                                   delta=2e-6)
            self.assertTrue(numpy.isnan(replica[f"training/{part}_error"][()]).all())
        self.assertEqual(replica["first_mode/fc2"].attrs["message"], "absent: targets are real numbers, and there are no classes")
        for analysis in ("flatness", "dynamics", "mlf", "nulls", "curvature", "filters"):
            self.assertNotIn("status", replica[f"{analysis}/fc2"].attrs, analysis)
        self.assertTrue(numpy.isnan(replica.file["summary/psi/fc2/test_error"][0]))

    def test_any_number_of_ranks_gives_the_same_bits(self):
        keys = REAL | dict(run__team_size=1, grid__seed=[1, 2], grid__loss=["square"])
        self.assert_same_results(self.run_well(1, "one", **keys), self.run_well(3, "three", **keys))

    def test_what_is_exported_is_analysed_as_the_run(self):
        """The same sums over the same samples, from weights alone."""
        run = self.replica("run", **REAL)
        weights = self.folder / "m.safetensors"
        subprocess.run([BINARY, "export", self.folder / "run", "--weights", weights], check=True, cwd=SOURCE, stdout=subprocess.DEVNULL)
        model = self.replica("again", study="models", model__weights=weights, **REAL)
        self.assertEqual(model["training/train_loss"][0], run["training/train_loss"][-1])
        numpy.testing.assert_array_equal(model["curvature/fc2/hessian_eigenvalues"][()], run["curvature/fc2/hessian_eigenvalues"][()])
        numpy.testing.assert_array_equal(model["network_curvature/hessian/leading_eigenvalues"][()],
                                         run["network_curvature/hessian/leading_eigenvalues"][()])
        self.assertEqual(model["first_mode/fc2"].attrs["status"], "absent")

    def test_analyse_says_the_losses_of_real_targets(self):
        self.replica("run", **REAL | PCA_ALONE)
        weights = self.folder / "m.safetensors"
        subprocess.run([BINARY, "export", self.folder / "run", "--weights", weights], check=True, cwd=SOURCE, stdout=subprocess.DEVNULL)
        done = self.run_to_end(1, "again", study="models", model__weights=weights, **REAL | PCA_ALONE)
        self.assertRegex(done.stdout, r"model m: training loss [0-9.e-]+, test loss [0-9.e-]+")


class TrainingSets(SetupsTest):
    def test_redrawn_labels_are_those_of_the_seed(self):
        results = self.run_well(2, "out", **TEACHER | PCA_ALONE, grid__label_noise=[0.0, 0.4], grid__seed=[1, 2])
        inputs, targets = teacher_samples("train", 200)
        with h5py.File(results) as file:
            for number, replica in enumerate(file["replica"].values()):
                fraction, seed = file["grid/label_noise"][number], file["grid/seed"][number]
                labels = noisy(targets.argmax(1), 3, fraction, seed)
                self.assertEqual((labels != targets.argmax(1)).any(), fraction > 0)
                self.assertAlmostEqual(replica["training/train_loss"][-1], cross_entropy(outputs_of(replica, inputs), labels), delta=2e-6)

    def test_a_limit_on_the_axis_is_the_limit_of_a_run(self):
        results = self.run_well(2, "axis", **TEACHER, run__team_size=1, grid__train_limit=[60, 0])
        for number, limit in enumerate((60, 0)):
            alone = self.run_well(1, "alone", "--overwrite", **TEACHER | dict(data__train_limit=limit), run__team_size=1)
            with h5py.File(results) as file, h5py.File(alone) as other:
                self.assertEqual(file["grid/train_limit"][number], limit)
                mine, its = file[f"replica/{number:06d}"], other["replica/000000"]
                for name in ("weights/fc1", "training/train_loss", "pca/fc2/variance", "flatness/fc2/flatness", "dynamics/fc2/noise_strength_static"):
                    numpy.testing.assert_array_equal(mine[name][()], its[name][()], name)
                self.assertEqual(mine["flatness/fc2"].attrs["crossover_curvature"], its["flatness/fc2"].attrs["crossover_curvature"])


class Training(SetupsTest):
    def weights_after(self, replica, keys, epochs, decay=0.0, rates=()):
        """The steps of SGD under the square loss in double precision, from the first weights."""
        inputs, targets = teacher_samples("train", 200, noise=0.1)
        shapes = [replica[f"weights/fc{n}{end}"].shape for n in (1, 2, 3) for end in ("", "_bias")]
        weights = []
        for number in range(3):
            bound = 1 / numpy.sqrt(shapes[2 * number][1])
            stream = Stream(1, "initial_weights", number)
            for shape in shapes[2 * number:2 * number + 2]:
                weights.append((-bound + 2 * bound * stream.uniform(int(numpy.prod(shape)))).astype("f4").astype(float).reshape(shape))
        for epoch in range(epochs):
            for batch in order_of_epoch("reshuffle", 200, 20, 1, epoch):
                kept = [inputs[batch]]
                for n in range(3):
                    z = kept[-1] @ weights[2 * n].T + weights[2 * n + 1]
                    kept.append(numpy.maximum(z, 0) if n < 2 else z)
                error = (kept[3] - targets[batch]) / 20
                for n in (2, 1, 0):
                    gradients = error.T @ kept[n], error.sum(0)
                    error = (error @ weights[2 * n]) * (kept[n] > 0)
                    for i, gradient in zip((2 * n, 2 * n + 1), gradients):
                        weights[i] = weights[i] - rates[epoch] * (gradient + decay * weights[i])
        return weights

    def check(self, rates, decay=0.0, **keys):
        replica = self.replica("out", **REAL | PCA_ALONE | dict(window__opens_at_epoch=4, window__length_epochs=2), **keys)
        expected = self.weights_after(replica, keys, 6, decay, rates)
        for n in (1, 2, 3):
            for end, weights in zip(("", "_bias"), expected[2 * n - 2:2 * n]):
                # Sixty steps of single precision.
                numpy.testing.assert_allclose(replica[f"weights/fc{n}{end}"][()], weights, rtol=0, atol=2e-6)

    def test_weight_decay(self):
        self.check([0.05] * 6, decay=0.3, train__weight_decay=0.3)

    def test_schedules(self):
        self.check(numpy.array([1, 2, 3, 3, 3, 3]) / 3 * 0.05, **{"train__schedule__warmup_epochs": 2})
        self.check([0.05, 0.05, 0.01, 0.01, 0.002, 0.002], **{"train__schedule__decay": "steps", "train__schedule__step_epochs": [2, 4],
                                                              "train__schedule__step_factor": 0.2})
        self.check([0.05, 0.04, 0.03, 0.02, 0.01, 0.01], **{"train__schedule__decay": "linear", "train__schedule__end_factor": 0.2})
        along = [0.01 + 0.02 * (1 + numpy.cos(numpy.pi * epoch / 3)) for epoch in range(4)] + [0.01, 0.01]
        self.check(along, **{"train__schedule__decay": "cosine", "train__schedule__end_factor": 0.2, "train__schedule__decay_ends": 3})

    def test_predictions_take_the_learning_rate_of_the_window(self):
        """A constant rate of the window gives a run's predictions at that rate; one that changes there gives none."""
        decayed = {"train__schedule__decay": "linear", "train__schedule__end_factor": 0.5}
        within = self.replica("within", **REAL, **decayed)
        slower = self.replica("plain", **REAL | dict(train__learning_rate=0.025))
        self.assertEqual(within["flatness/fc2"].attrs["crossover_curvature"], slower["flatness/fc2"].attrs["crossover_curvature"])
        self.assertTrue(numpy.isfinite(within["dynamics/fc2/noise_strength_static"][()]).any())
        across = self.replica("across", **REAL, **decayed, **{"train__schedule__decay_ends": 5})
        self.assertTrue(numpy.isnan(across["flatness/fc2"].attrs["crossover_curvature"]))
        self.assertTrue(numpy.isnan(across["dynamics/fc2/noise_strength_static"][()]).all())
        self.assertIn("noise_strength_static: the learning rate changes within the window", across["dynamics/fc2"].attrs["absent"])
        self.assertIn("the noise walk: the learning rate changes within the window", across["nulls/fc2"].attrs["absent"])

    def test_states_at_epochs_have_the_learning_rate_of_the_epoch_that_follows(self):
        steps = {"train__schedule__decay": "steps", "train__schedule__step_epochs": [2, 4], "train__schedule__step_factor": 0.2}
        changing = self.replica("changing", **REAL, **steps, at_epochs__epochs=[0, 2, 5], curvature_at_epochs__enabled=True)["curvature_at_epochs"]
        numpy.testing.assert_allclose(changing["learning_rate"][()], [0.05, 0.01, 0.002], rtol=1e-12)
        self.assertTrue(numpy.isnan(changing.attrs["two_over_learning_rate"]))

    def test_weight_decay_lowers_the_crossover(self):
        plain, decayed = (self.replica(f"decay{decay}", **REAL, train__weight_decay=decay)["flatness/fc2"].attrs["crossover_curvature"]
                          for decay in (0.0, 0.3))
        self.assertAlmostEqual(plain - decayed, 0.3, delta=1e-12)


class Grid(SetupsTest):
    def test_the_axes_are_columns(self):
        with h5py.File(self.run_well(2, "out", **TEACHER | PCA_ALONE, grid__weight_decay=[0.0, 0.1], grid__train_limit=[60, 100])) as file:
            self.assertEqual(file["grid/weight_decay"][()].tolist(), [0.0, 0.0, 0.1, 0.1])
            self.assertEqual(file["grid/train_limit"][()].tolist(), [60, 100, 60, 100])
            self.assertEqual(set(column(file["grid/status"]).tolist()), {"done"})


if __name__ == "__main__":
    unittest.main()
