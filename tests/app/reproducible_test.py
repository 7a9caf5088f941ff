"""Results do not depend on how the work was done: ranks, teams, memory."""
import os
import shutil
import unittest
from unittest import mock

import h5py
import numpy

from flatsweep_runs import PCA_ALONE, RunTest, differences

# Units of very different cost, so that ranks finish at different times and draw in another order on every run.
UNEVEN = dict(grid__batch_size=[10, 50, 200], grid__width=[6, 12], window__length_epochs=3,
              pca__layers=["fc2", "fc3"])

CONVOLUTION = dict(network__architecture=["conv 4 kernel 3 padding 1", "pool 2", "conv 6 kernel 3", "pool 2"],
                   pca__layers=["conv1", "conv2"], data__train_limit=150, grid__batch_size=[10, 25])


class Comparison(RunTest):
    """The tests below are as good as what they compare with."""

    def setUp(self):
        super().setUp()
        self.whole = self.run_well(1, "whole")
        self.altered = self.folder / "altered.h5"
        shutil.copy(self.whole, self.altered)

    def found(self):
        return [line for line in differences(self.whole, self.altered) if line.startswith("+") and not line.startswith("+++")]

    def test_sees_one_unit_in_the_last_place_of_one_number(self):
        with h5py.File(self.altered, "r+") as file:
            variance = file["replica/000000/pca/fc2/variance"]
            variance[3] = numpy.nextafter(variance[3], 1)
        self.assertEqual([line.split(":")[0] for line in self.found()], ["+replica/000000/pca/fc2/variance"])

    def test_sees_an_attribute(self):
        with h5py.File(self.altered, "r+") as file:
            file["replica/000000/pca/fc2"].attrs["total_variance"] *= 1 + 1e-15
        self.assertEqual(len(self.found()), 1)

    def test_leaves_provenance_out(self):
        with h5py.File(self.altered, "r+") as file:
            file["provenance"].attrs["created_utc"] = "another day"
        self.assertEqual(self.found(), [])


class AnyNumberOfRanks(RunTest):
    def test_the_same_bits_on_one_to_four_ranks(self):
        reference = self.run_well(1, "ranks1", **UNEVEN)
        for ranks in (2, 3, 4):
            with self.subTest(ranks=ranks):
                self.assert_same_results(reference, self.run_well(ranks, f"ranks{ranks}", **UNEVEN))

    def test_the_same_bits_of_convolution_networks(self):
        reference = self.run_well(1, "ranks1", **CONVOLUTION)
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                self.assert_same_results(reference, self.run_well(ranks, f"ranks{ranks}", **CONVOLUTION))

    def test_the_same_bits_for_every_optimiser_and_sampling(self):
        keys = dict(grid__optimizer=["sgd", "momentum", "nesterov", "adam"], train__learning_rate=0.01, **PCA_ALONE,
                    grid__sampling=["reshuffle", "shuffle-once", "fixed-partition", "with-replacement"])
        self.assert_same_results(self.run_well(1, "one", **keys), self.run_well(2, "two", **keys))


class Threads(RunTest):
    """BLAS is held to one thread by the program: how many cores a rank may use, or what the environment says, changes nothing."""

    def test_the_same_bits_whatever_the_number_of_threads_is_said_to_be(self):
        keys = dict(train__batch_size=10, network__width=20, window__length_epochs=4, nulls__enabled=False, mlf__enabled=False,
                    dynamics__enabled=False, curvature__enabled=False, network_curvature__enabled=False)
        results = {}
        for threads in (None, "1", "4"):
            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
            others = {name: value for name, value in os.environ.items() if name not in names}
            with mock.patch.dict(os.environ, others | ({name: threads for name in names} if threads else {}), clear=True):
                results[threads] = self.run_well(1, f"threads-{threads}", **keys)
        for threads in (None, "4"):
            with self.subTest(threads=threads):
                self.assert_same_results(results["1"], results[threads])


class Environment(RunTest):
    def test_a_preset_kind_of_core_is_warned_of(self):
        with mock.patch.dict(os.environ, OPENBLAS_CORETYPE="Haswell"):
            done = self.run_to_end(1, None, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("OPENBLAS_CORETYPE is set (Haswell)", done.stdout + done.stderr)


class Memory(RunTest):
    def test_a_window_that_is_replayed_gives_the_same_bits_as_one_that_is_kept(self):
        keys = dict(grid__batch_size=[10, 200], window__length_epochs=3, pca__layers=["fc2", "fc3"])
        kept = self.run_well(1, "kept", **keys)
        self.assert_same_results(kept, self.run_well(2, "replayed", run__memory_per_rank=1e-6, **keys))

    def test_a_replayed_window_of_convolution_networks(self):
        kept = self.run_well(1, "kept", **CONVOLUTION)
        self.assert_same_results(kept, self.run_well(1, "replayed", run__memory_per_rank=1e-6, **CONVOLUTION))


class Teams(RunTest):
    """Where a team shares one replica, training is still one rank's work; sums over the team round differently."""

    def test_a_team_trains_the_same_weights_and_measures_the_same_landscape(self):
        keys = dict(train__batch_size=10, window__length_epochs=3)
        one, three = (self.run_well(ranks, f"ranks{ranks}", **keys) for ranks in (1, 3))
        with h5py.File(one) as a, h5py.File(three) as b:
            self.check_training(a["replica/000000"], b["replica/000000"])
            self.check_landscape(a["replica/000000"], b["replica/000000"])

    def check_training(self, a, b):
        for group in ("training", "weights"):
            for name in a[group]:
                self.assertEqual(a[group][name][()].tobytes(), b[group][name][()].tobytes(), name)

    def check_landscape(self, a, b):
        variance = [r["pca/fc2/variance"][()] for r in (a, b)]
        # Both are sums of the same products in double precision; only their order differs.
        numpy.testing.assert_allclose(*variance, rtol=0, atol=1e-13 * variance[0][0])
        tolerance = 1e-4   # flatness.tolerance: how far the bracket of a crossing is closed
        numpy.testing.assert_array_equal(*(r["flatness/fc2/direction"][()] for r in (a, b)))
        for name in ("left", "right", "flatness"):
            numpy.testing.assert_allclose(*(r["flatness/fc2"][name][()] for r in (a, b)), rtol=4 * tolerance, err_msg=name)

    def test_two_teams_of_two(self):
        keys = dict(grid__seed=[1, 2], run__team_size=2)
        one, four = self.run_well(1, "one", **keys), self.run_well(4, "four", **keys)
        with h5py.File(one) as a, h5py.File(four) as b:
            for replica in ("000000", "000001"):
                self.check_training(a["replica"][replica], b["replica"][replica])


if __name__ == "__main__":
    unittest.main()
