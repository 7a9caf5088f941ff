"""What the configuration says of training, seen in results.h5: when the window opens, the first weights."""
import unittest

import h5py
import numpy

from flatsweep_runs import PCA_ALONE, RunTest

ZERO_ERROR = dict(data__train_limit=40, data__test_limit=20, train__batch_size=5, train__learning_rate=0.2, window__start="zero-error",
                  window__zero_error_epochs=4, window__length_epochs=2, output__trajectory=True, **PCA_ALONE)
STILL = dict(data__train_limit=40, data__test_limit=20, network__initialisation="same-norm", network__width=7, train__batch_size=10,
             grid__seed=[1, 2])


class WindowAtZeroError(RunTest):
    def window(self, latest):
        """(first epoch of the window, training errors of all epochs); the window has its two epochs of eight iterations."""
        with h5py.File(self.run_well(1, "out", "--overwrite", window__opens_at_epoch=latest, **ZERO_ERROR)) as file:
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
        first, errors = self.window(6)
        self.assertEqual(first, 6)
        self.assertGreater(errors[5], 0.0)


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
