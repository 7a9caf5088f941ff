"""What the configuration says of training, seen in results.h5: when the window opens, the first weights."""
import unittest

import h5py
import numpy

from columns import column
from flatsweep_runs import PCA_ALONE, RunTest

ZERO_ERROR = dict(data__train_limit=40, data__test_limit=20, train__batch_size=5, train__learning_rate=0.2, window__start="zero-error",
                  window__zero_error_epochs=4, window__length_epochs=2, output__trajectory=True, **PCA_ALONE)
STILL = dict(data__train_limit=40, data__test_limit=20, network__initialisation="same-norm", network__width=7, train__batch_size=10,
             grid__seed=[1, 2])


class WindowAtZeroError(RunTest):
    def window(self, latest, **keys):
        """(first epoch of the window, training errors of all epochs); the window has its two epochs of eight iterations."""
        with h5py.File(self.run_well(1, "out", "--overwrite", window__opens_at_epoch=latest, **ZERO_ERROR, **keys)) as file:
            replica = file["replica/000000"]
            first, errors = replica.attrs["window_first_epoch"], replica["training/train_error"][()]
            self.assertEqual((len(errors), replica.attrs["epochs_trained"]), (first + 2, first + 2))
            self.assertEqual(file["grid/epochs_trained"][0], first + 2)
            self.assertEqual(len(replica["trajectory/fc2"]), 16)
            return first, errors

    def test_opens_after_so_many_epochs_without_an_error(self):
        first, errors = self.window(300)
        self.assertTrue(4 < first < 300)
        self.assertEqual(errors[first - 4:first].tolist(), [0.0] * 4)
        runs = [(errors[i - 4:i] == 0.0).all() for i in range(4, first)]
        self.assertFalse(any(runs), "it might have opened before")

    def test_opens_at_the_latest_when_it_is_told_to(self):
        first, errors = self.window(6, window__unsolved="analysed")
        self.assertEqual(first, 6)
        self.assertGreater(errors[5], 0.0)


class Unsolved(RunTest):
    """The smaller learning rate finds no solution."""
    KEYS = ZERO_ERROR | dict(window__opens_at_epoch=300, output__trajectory=False, grid__learning_rate=[1e-4, 0.2])

    def test_is_reported_and_not_analysed(self):
        done = self.run_to_end(1, "out", **self.KEYS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("replica 000000 unsolved: no solution by epoch 300, where the training error is", done.stdout)
        self.assertIn("1 of 2 replicas unsolved: see /grid/status", done.stdout)
        self.assertNotIn("warning", done.stdout + done.stderr)
        with h5py.File(self.results("out")) as file:
            self.assertEqual(column(file["grid/status"]).tolist(), ["unsolved", "done"])
            self.assertEqual((file["grid/epochs_trained"][0], len(file["replica/000000/training/epoch"])), (300, 300))
            self.assertEqual(set(file["replica/000000"]), {"training", "weights"})
            self.assertIn("pca", file["replica/000001"])
            table = file["summary/psi/fc2"]
            self.assertEqual((table["replicas"][()].tolist(), table["unsolved"][()].tolist()), ([0, 1], [1, 0]))
            for name in ("train_error", "test_error"):
                ends = [file[f"replica/{number:06d}/training/{name}"][-1] for number in range(2)]
                numpy.testing.assert_array_equal(table[name][()], ends)
            self.assertGreater(table["train_error"][0], 0.0)

    def test_alone_is_a_result_too(self):
        done = self.run_to_end(1, "out", **self.KEYS | dict(grid__learning_rate=[1e-4]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = self.run_to_end(1, "out", "--resume", **self.KEYS | dict(grid__learning_rate=[1e-4]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 of 1 replica unsolved", done.stdout)

    def test_is_no_case_of_a_fixed_start(self):
        keys = dict(window__start="epoch", window__opens_at_epoch=3, grid__learning_rate=[1e-4])
        with h5py.File(self.run_well(1, "out", **self.KEYS | keys)) as file:
            self.assertEqual(column(file["grid/status"]).tolist(), ["done"])
            self.assertIn("no solution", column(file["summary/psi/fc2/psi_flags"])[0])


class FirstWeights(RunTest):
    def norms(self, rate, **keys):
        """Of the weights of each seed's layers where nothing moved them."""
        path = self.run_well(1, "out", "--overwrite", **STILL | keys | dict(train__learning_rate=rate))
        with h5py.File(path) as file:
            return [[numpy.linalg.norm(file[f"replica/{seed:06d}/weights/{layer}"][()].astype(float)) for layer in ("fc1", "fc2", "fc3")]
                    for seed in range(2)]

    def test_have_one_norm_for_every_seed(self):
        """Uniform numbers in +-1/sqrt(inputs) have the norm sqrt(outputs/3) in the mean."""
        for study in (dict(study="noise", noise__method="gd", noise__epochs=1),
                      dict(window__opens_at_epoch=1, window__length_epochs=1, **PCA_ALONE)):
            for seed in self.norms(1e-4, **study):
                # A step of 1e-4 in a gradient of order one.
                numpy.testing.assert_allclose(seed, numpy.sqrt(numpy.array([7, 7, 10]) / 3), rtol=1e-3)


if __name__ == "__main__":
    unittest.main()
