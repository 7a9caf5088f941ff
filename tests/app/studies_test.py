"""The studies "continual" and "noise" from the configuration to results.h5."""
import contextlib
import signal
import unittest

import h5py
import numpy

from columns import column
from flatsweep_runs import RunTest, differences, finish, kill_ranks, wait_for

STOPPED = 75
TASKS = [[0, 1], [2, 3]]
CONTINUAL = dict(study="continual", window__opens_at_epoch=6, window__length_epochs=3, train__batch_size=10,
                 continual__epochs=3, continual__strength=[0.0, 10.0])
NOISE = dict(study="noise", train__learning_rate=0.3, noise__epochs=12, noise__sgd_epochs=2, noise__modes=20,
             noise__renew_epochs=5, noise__loss_levels=[2.0, 0.1])


def curves(file, replica=0):
    return {name: column(data) for name, data in file[f"replica/{replica:06d}/continual"].items()}


class Continual(RunTest):
    def test_points_without_a_penalty_are_plain_fine_tuning_bit_for_bit(self):
        methods = ["none", "l2", "ldc", "ewc", "laplace"]
        path = self.run_well(1, "out", continual__methods=methods, continual__constraint_counts=[0, 20], **CONTINUAL)
        with h5py.File(path) as file:
            points = curves(file)
        plain = points["test_loss"][points["method"] == "none"][0]
        free = (points["strength"] == 0) | ((points["constraint_count"] == 0) & (points["method"] != "l2"))
        self.assertEqual(free.sum(), 1 + 1 + 3 * 3)
        for loss in points["test_loss"][free]:
            numpy.testing.assert_array_equal(loss, plain)
        for loss in points["test_loss"][~free]:
            self.assertFalse(numpy.array_equal(loss, plain))

    def test_layout_and_summary(self):
        path = self.run_well(2, "out", grid__seed=[1, 2], continual__methods=["none", "ldc", "ldc-flatness", "ewc-batched"],
                             continual__psi=[3.0, 5.0], continual__constraint_counts=[5, 20], **CONTINUAL)
        with h5py.File(path) as file:
            points, summary = curves(file), file["summary/continual"]
            count = 1 + 2 * 2 * (2 + 1 + 1)
            self.assertEqual(points["test_error"].shape, (count, 4, 2))
            self.assertEqual(points["train_error"].shape, (count, 2))
            self.assertEqual(file["replica/000000/continual"].attrs["tasks"], "0 1; 2 3")
            self.assertEqual(file["replica/000000/pca/fc2/variance"].shape, (64,))
            self.assertEqual(file["replica/000001/constraints/fc2/fisher_diagonal"].shape, (64,))
            end = numpy.stack([curves(file, seed)["test_error"][:, -1] for seed in (0, 1)])
            numpy.testing.assert_allclose(summary["test_error"][()], end.mean(axis=0), rtol=1e-12)
            numpy.testing.assert_allclose(summary["test_error_se"][()], end.std(axis=0, ddof=1) / 2**0.5, atol=1e-15)
            self.assertEqual(summary["least/average_error"].shape, (1 + 2 * (2 + 1 + 1),))
            self.check_scales(file)

    def check_scales(self, file):
        def check(name, node):
            if isinstance(node, h5py.Dataset) and not h5py.h5ds.is_scale(node.id):
                for axis, length in zip(node.dims, node.shape):
                    self.assertEqual([scale.shape for scale in axis.values()], [(length,)], name)
        file.visititems(check)

    def test_held_layers_do_not_change_and_the_penalty_holds(self):
        keys = CONTINUAL | dict(continual__strength=[1e-9, 1e9])
        path = self.run_well(1, "out", continual__methods=["l2"], **keys)
        with h5py.File(path) as file:
            points = curves(file)
        self.assertGreater(points["displacement"][0], 0.05)
        self.assertLess(points["displacement"][1], 1e-6)
        numpy.testing.assert_allclose(points["test_loss"][1, -1], points["test_loss"][1, 0], rtol=1e-5)

    def test_three_tasks(self):
        keys = CONTINUAL | dict(continual__tasks=[[0, 1], [2, 3], [4, 5]], continual__strength=[10.0])
        methods = ["none", "ldc", "ewc", "laplace", "l2"]
        path = self.run_well(1, "out", continual__methods=methods, continual__constraint_counts=[20], **keys)
        with h5py.File(path) as file:
            points = curves(file)
        self.assertEqual(points["test_error"].shape, (5, 7, 3))
        self.assertTrue(numpy.isfinite(points["test_error"]).all())

    def test_points_dealt_over_a_team_are_those_of_one_rank(self):
        """What does not depend on the team's PCA, whose sums round in the order of MPI."""
        keys = CONTINUAL | dict(continual__methods=["none", "l2"], continual__trained=["analysed", "all", "fc2+fc3"],
                                continual__biases=["held", "free"])
        with h5py.File(self.run_well(1, "one", **keys)) as one, h5py.File(self.run_well(3, "three", **keys)) as three:
            numpy.testing.assert_array_equal(curves(one)["test_loss"], curves(three)["test_loss"])

    def test_held_layers_are_those_of_a_run_that_analyses_no_others(self):
        """Bit for bit: analyses do not change training. |w - w*| is over the analysed layers."""
        methods = ["none", "l2", "ldc", "ewc"]
        keys = CONTINUAL | dict(continual__methods=methods, continual__constraint_counts=[20], continual__trained=["fc2+fc3"])
        plain, axis, one = (self.run_well(1, name, **keys | more) for name, more in (
            ("plain", dict(pca__layers=["fc2", "fc3"])), ("axis", dict(pca__layers=["fc2", "fc3"], continual__held=["analysed", "fc3"])),
            ("one", dict(pca__layers=["fc3"]))))
        with h5py.File(plain) as a, h5py.File(axis) as b, h5py.File(one) as c:
            whole, points, alone = curves(a), curves(b), curves(c)
        penalty = points["method"] != "none"
        self.assertEqual(set(points["held"][~penalty]), {"none"})
        for held, expected, left_out in (("analysed", whole, ()), ("fc3", alone, ("held", "displacement"))):
            rows = (points["held"] == held) | ~penalty
            for name, values in points.items():
                if len(values) == len(rows) and name not in (*left_out, "point"):
                    numpy.testing.assert_array_equal(values[rows], expected[name], name)
        fc3 = points["test_loss"][points["held"] == "fc3"]
        self.assertFalse(numpy.array_equal(fc3, points["test_loss"][points["held"] == "analysed"]))

    def test_global_labels_have_an_output_for_every_class(self):
        path = self.run_well(1, "out", continual__labels="global", continual__methods=["none"], **CONTINUAL)
        with h5py.File(path) as file:
            self.assertGreater(curves(file)["test_error"][0, 0, 1], 0.99)   # classes 2 and 3 were never seen


class ContinualOfConvolutions(RunTest):
    def test_convolution_layers_may_be_held_to(self):
        keys = CONTINUAL | dict(network__architecture=["conv 4 kernel 3 padding 1", "pool 2", "conv 6 kernel 3", "pool 2"],
                                pca__layers=["conv1", "conv2"], data__train_limit=300, train__optimizer="momentum",
                                train__learning_rate=0.01)
        path = self.run_well(2, "out", continual__methods=["none", "ldc", "ewc"], continual__constraint_counts=[30], **keys)
        with h5py.File(path) as file:
            self.assertTrue(numpy.isfinite(curves(file)["test_error"]).all())


class Noise(RunTest):
    def test_noise_of_no_strength_is_gradient_descent_bit_for_bit(self):
        path = self.run_well(2, "out", grid__noise_method=["gd", "flatness-detecting", "isotropic", "diagonal"],
                             grid__noise_amplitude=[0.0, 2.0], **NOISE)
        with h5py.File(path) as file:
            strength = file["grid/noise_amplitude"][()]
            losses = [file[f"replica/{i:06d}/training/train_loss"][()] for i in range(len(strength))]
            self.assertEqual(len(strength), 7)
            for loss, sigma in zip(losses[1:], strength[1:]):
                self.assertEqual(numpy.array_equal(loss, losses[0]), sigma == 0)
            self.assertEqual(file["summary/noise/test_error_at_loss"].shape, (7, 2))
            self.assertEqual(file["replica/000002/noise/fc1/eigenvalues"].shape, (20,))

    def test_a_team_finds_what_one_rank_finds_bit_for_bit(self):
        one, three = (self.run_well(ranks, f"on{ranks}", **NOISE) for ranks in (1, 3))
        self.assertEqual(differences(one, three), [])

    def test_a_loss_that_is_reached_ends_a_training(self):
        keys = NOISE | dict(noise__sgd_learning_rate=0.01, noise__sgd_epochs=4, grid__noise_method=["sgd", "gd", "isotropic"])
        with h5py.File(self.run_well(1, "whole", **keys)) as file:
            whole = [file[f"replica/{i:06d}/training/train_loss"][()] for i in range(3)]
        level = float(whole[1][7])
        with h5py.File(self.run_well(2, "ended", noise__until_loss=level, **keys)) as file:
            for replica, losses in enumerate(whole):
                group, below = file[f"replica/{replica:06d}"], numpy.flatnonzero(losses <= level)
                epochs = below[0] + 1 if len(below) else len(losses)
                numpy.testing.assert_array_equal(group["training/train_loss"][()], losses[:epochs])
                self.assertEqual((group.attrs["epochs_trained"], group["noise"].attrs["until_loss_reached"]), (epochs, len(below) > 0))
            self.assertEqual(list(file["summary/noise/loss_level"]), [2.0, 0.1, level])
            numpy.testing.assert_array_equal(file["summary/noise/replicas_at_loss"][:, 2], [losses.min() <= level for losses in whole])
            self.assertEqual(file["summary/noise/epoch_at_loss"][1, 2], 8)

    def test_sgd_is_the_trainer_of_the_landscape_study(self):
        sgd = self.run_well(1, "sgd", **NOISE | dict(noise__method="sgd", noise__sgd_learning_rate=0.1, noise__sgd_epochs=5))
        landscape = self.run_well(1, "landscape", window__opens_at_epoch=3, window__length_epochs=2, train__learning_rate=0.1)
        with h5py.File(sgd) as a, h5py.File(landscape) as b:
            for name in ("train_loss", "test_error", "gradient_norm"):
                numpy.testing.assert_array_equal(a[f"replica/000000/training/{name}"][()],
                                                 b[f"replica/000000/training/{name}"][()])


class Interrupted(RunTest):
    LONG_TASKS = CONTINUAL | dict(continual__methods=["none", "ldc", "ewc"], continual__constraint_counts=[20],
                                  continual__epochs=1000, run__checkpoint_seconds=0.02, train__optimizer="momentum",
                                  train__learning_rate=0.02)
    LONG_NOISE = NOISE | dict(noise__epochs=2000, noise__amplitude=0.1, noise__until_loss=0.003, run__checkpoint_seconds=0.02)

    def checkpoints(self, pattern):
        return list((self.folder / "out" / "work").glob(pattern))

    def newest(self, pattern):
        times = [0]
        for path in self.checkpoints(pattern):
            with contextlib.suppress(FileNotFoundError):   # the run may move it away meanwhile
                times.append(path.stat().st_mtime_ns)
        return max(times)

    def kill(self, keys, pattern):
        """Once such a checkpoint is written, later ones than those of the run before."""
        before = self.newest(pattern)
        process = self.start(1, "out", "--resume", **keys)
        self.assertTrue(wait_for(process, lambda: self.newest(pattern) > before))
        kill_ranks(process)
        self.assertEqual(finish(process).returncode, -signal.SIGKILL)

    def test_sigkill_in_the_middle_of_the_second_task(self):
        self.kill(self.LONG_TASKS, "*/path-000001-checkpoint.h5")
        whole, resumed = (self.run_well(1, name, *more, **self.LONG_TASKS)
                          for name, more in (("whole", ()), ("out", ("--resume",))))
        self.assert_same_results(whole, resumed)

    def test_sigkill_in_the_third_of_three_tasks(self):
        keys = self.LONG_TASKS | dict(continual__tasks=[[0, 1], [2, 3], [4, 5]], continual__epochs=1000,
                                      continual__methods=["ldc", "ewc"])
        whole = self.run_well(1, "whole", **keys)
        for seconds in range(3):
            self.kill(keys, f"*/path-00000{min(seconds, 1)}-checkpoint.h5")
        self.assert_same_results(whole, self.run_well(1, "out", "--resume", **keys))

    def test_a_stop_and_a_kill_under_noise(self):
        process = self.start(2, "out", **self.LONG_NOISE)
        self.assertTrue(wait_for(process, lambda: self.checkpoints("*/checkpoint.h5")))
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(finish(process).returncode, STOPPED)
        self.kill(self.LONG_NOISE, "*/checkpoint-previous.h5")
        whole, resumed = (self.run_well(ranks, name, *more, **self.LONG_NOISE)
                          for ranks, name, more in ((2, "whole", ()), (1, "out", ("--resume",))))
        self.assert_same_results(whole, resumed)
        with h5py.File(resumed) as file:
            self.assertEqual(file["replica/000000/noise"].attrs["until_loss_reached"], 1)
            self.assertLess(file["replica/000000"].attrs["epochs_trained"], 2000)


class Refused(RunTest):
    def test_what_the_studies_cannot_do(self):
        for expected, keys in (
                ("continual.tasks[0] has", CONTINUAL | dict(train__batch_size=300)),
                ("no image of class 0", CONTINUAL | dict(data__test_limit=3, continual__tasks=[[0, 1], [2, 3]])),
                ("the study \"noise\" makes plain steps", NOISE | dict(train__optimizer="momentum"))):
            done = self.run_to_end(2, "out", "--overwrite", **keys)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(expected, done.stderr)


if __name__ == "__main__":
    unittest.main()
