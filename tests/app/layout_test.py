"""results.h5 has the names, shapes and types that docs/output.md promises."""
import subprocess
import unittest
from pathlib import Path

import h5py
import numpy

from flatsweep_runs import BINARY, SOURCE, RunTest

KEYS = dict(grid__width=[6, 8], grid__psi_assumed=[3.0, 5.0], grid__seed=[1, 2, 3], pca__layers=["fc2", "fc3"], pca__directions=20,
            output__trajectory=True, train__batch_size=10)
ROWS = 12        # 2 widths x 2 psi x 3 seeds
EPOCHS = 5
ITERATIONS = 200   # two epochs of 1000 / 10
REPLICA = "replica/000006"   # the first of width 8: fc2 has 64 weights, fc3 80


class Layout(RunTest):
    @classmethod
    def setUpClass(cls):
        run = cls()
        run.setUp()
        cls.addClassCleanup(run.doCleanups)
        cls.file = h5py.File(run.run_well(2, "out", **KEYS))
        cls.addClassCleanup(cls.file.close)

    def check(self, group, expected):
        """`expected`: name -> (type, shape); "S" stands for text of any fixed length."""
        for name, (kind, shape) in expected.items():
            dataset = self.file[f"{group}/{name}"]
            found = "S" if dataset.dtype.kind == "S" else dataset.dtype.str[1:]
            self.assertEqual((found, dataset.shape), (kind, shape), dataset.name)

    def check_attributes(self, node, expected):
        for name, kind in expected.items():
            self.assertIsInstance(self.file[node].attrs[name], kind, f"{node} {name}")

    def test_root(self):
        texts = ("flatsweep_version", "git_commit", "config", "dataset", "dataset_sha256")
        self.check_attributes("/", {"format_version": numpy.int64} | {name: str for name in texts})
        self.assertEqual(len(self.file.attrs["dataset_sha256"]), 64)
        self.assertIn("[grid]\nwidth = [6, 8]\npsi_assumed = [3.0, 5.0]\nseed = [1, 2, 3]\n", self.file.attrs["config"])
        self.check_attributes("provenance", dict(created_utc=str, mpi_ranks=numpy.int64, machine=str))
        self.assertEqual(self.file["provenance"].attrs["mpi_ranks"], 2)

    def test_grid(self):
        columns = dict(batch_size="i4", learning_rate="f8", width="i4", hidden_layers="i4", initial_scale="f8", activation="S", loss="S", psi_assumed="f8", seed="i8",
                       epochs_trained="i4", architecture="S", optimizer="S", sampling="S", status="S", failed_analyses="i4")
        self.check("grid", {name: (kind, (ROWS,)) for name, kind in columns.items()})
        self.assertEqual(self.file["grid/architecture"][()].tolist(), [b"mlp"] * ROWS)
        self.assertEqual(list(self.file["replica"]), [f"{i:06d}" for i in range(ROWS)])

    def test_a_replica_repeats_its_row(self):
        for i in range(ROWS):
            attributes = self.file[f"replica/{i:06d}"].attrs
            for name, column in self.file["grid"].items():
                if name != "replica":   # the index scale
                    value = column[i].decode() if column.dtype.kind == "S" else column[i]
                    self.assertEqual(attributes[name], value, name)

    def test_training_and_weights(self):
        curves = ("train_loss", "train_error", "test_loss", "test_error", "gradient_norm", "gradient_alignment")
        self.check(f"{REPLICA}/training", {"epoch": ("i4", (EPOCHS,))} | {name: ("f8", (EPOCHS,)) for name in curves})
        self.check(f"{REPLICA}/weights", dict(fc1=("f4", (8, 784)), fc2=("f4", (8, 8)), fc3=("f4", (10, 8)),
                                              fc1_bias=("f4", (8,)), fc2_bias=("f4", (8,)), fc3_bias=("f4", (10,))))
        self.assertEqual(self.file[f"{REPLICA}/training/epoch"].attrs["units"], "epochs")

    def test_pca(self):
        for layer, size in (("fc2", 64), ("fc3", 80)):
            self.check(f"{REPLICA}/pca/{layer}", dict(mean=("f8", (size,)), variance=("f8", (size,)), directions=("f8", (20, size)),
                                                      cosine_content=("f8", (10,))))
            whole = ("window_iterations", "moving", "learning_dimension", "learning_dimension_without_first", "learning_dimension_null")
            self.check_attributes(f"{REPLICA}/pca/{layer}", {name: numpy.int64 for name in whole})
            self.check_attributes(f"{REPLICA}/pca/{layer}", dict(total_variance=float, rounding_variance=float, solution_alignment=float))

    def test_pca_agrees_with_the_trajectory(self):
        """The file's own snapshots, put through numpy."""
        for layer in ("fc2", "fc3"):
            snapshots = self.file[f"{REPLICA}/trajectory/{layer}"][()].astype(float)
            pca = self.file[f"{REPLICA}/pca/{layer}"]
            variance = numpy.linalg.eigvalsh(numpy.cov(snapshots.T, bias=True))[::-1]
            # Rounding of a covariance in double precision, relative to its largest eigenvalue.
            numpy.testing.assert_allclose(pca["variance"][()], variance, rtol=0, atol=1e-12 * variance[0])
            numpy.testing.assert_allclose(pca["directions"][()] @ pca["directions"][()].T, numpy.eye(20), atol=1e-12)
            numpy.testing.assert_array_equal(snapshots[-1].astype("f4"), self.file[f"{REPLICA}/weights/{layer}"][()].ravel())

    def test_flatness(self):
        for layer in ("fc2", "fc3"):
            group = f"{REPLICA}/flatness/{layer}"
            count = self.file[group]["direction"].shape
            names = ("left", "right", "flatness", "slope", "curvature")
            self.check(group, {"direction": ("i4", count), "status": ("S", count)} | {name: ("f8", count) for name in names})
            self.check_attributes(group, {name: float for name in ("loss", "psi", "psi_low", "psi_high", "rounding_variance")})
            self.check_attributes(group, dict(fit_first=numpy.int64, fit_last=numpy.int64, psi_points=numpy.int64, psi_status=str))
            # One loss, summed over samples by two routes in single precision.
            self.assertAlmostEqual(self.file[group].attrs["loss"] / self.file[f"{REPLICA}/training/train_loss"][-1], 1.0, delta=1e-6)

    def test_trajectory(self):
        self.check(f"{REPLICA}/trajectory", dict(fc2=("f4", (ITERATIONS, 64)), fc3=("f4", (ITERATIONS, 80))))

    def test_summary(self):
        for layer in ("fc2", "fc3"):
            whole = ("batch_size", "width", "hidden_layers", "replicas", "psi_points", "psi_seeds")
            real = ("learning_rate", "initial_scale", "psi", "psi_low", "psi_high", "test_error")
            texts = ("architecture", "optimizer", "sampling", "psi_interval", "psi_status")
            self.check(f"summary/psi/{layer}", {name: ("i4", (2,)) for name in whole} | {name: ("f8", (2,)) for name in real}
                       | {name: ("S", (2,)) for name in texts})
            self.check(f"summary/learning_dimension/{layer}",
                       dict(width=("i4", (2,)), seed=("i8", (3,)))
                       | {f"learning_dimension{form}": ("f8", (2, 3)) for form in ("", "_without_first")}
                       | {f"{name}{form}": ("f8", (2,)) for form in ("", "_without_first")
                          for name in ("mean", "std", "random_walk", "white_noise")})

    def test_summary_agrees_with_the_replicas(self):
        table = self.file["summary/learning_dimension/fc2"]
        single = [[self.file[f"replica/{6 * w + s:06d}/pca/fc2"].attrs["learning_dimension"] for s in range(3)] for w in range(2)]
        numpy.testing.assert_array_equal(table["learning_dimension"][()], single)
        numpy.testing.assert_allclose(table["mean"][()], numpy.mean(single, axis=1), rtol=1e-15)
        numpy.testing.assert_allclose(table["std"][()], numpy.std(single, axis=1, ddof=1), rtol=1e-13)

    def test_every_data_set_has_a_checksum_and_a_scale_on_every_axis(self):
        seen = []

        def check(name, node):
            if isinstance(node, h5py.Dataset):
                seen.append(name)
                self.assertTrue(node.fletcher32, name)
                for axis, length in zip(node.dims, node.shape):
                    if not h5py.h5ds.is_scale(node.id):
                        self.assertEqual([scale.shape for scale in axis.values()], [(length,)], name)
        self.file.visititems(check)
        self.assertGreater(len(seen), ROWS * 50)

    def test_psi_shares_the_numbers_of_one_training(self):
        """Replica 3 is replica 0 with another psi."""
        self.assertEqual(self.file["grid/psi_assumed"][()].tolist(), [3.0] * 3 + [5.0] * 3 + [3.0] * 3 + [5.0] * 3)
        first, second = (self.file[f"replica/{i}"] for i in ("000000", "000003"))
        self.assertEqual((first.attrs["psi_assumed"], second.attrs["psi_assumed"]), (3.0, 5.0))
        first.visititems(lambda name, node: self.assertEqual(node[()].tobytes(), second[name][()].tobytes(), name)
                         if isinstance(node, h5py.Dataset) else None)
        for layer in ("fc2", "fc3"):
            a, b = (replica[f"flatness/{layer}"].attrs for replica in (first, second))
            self.assertEqual((a["psi_assumed"], b["psi_assumed"]), (3.0, 5.0))
            self.assertNotEqual(a["psi_assumed_log_error"], b["psi_assumed_log_error"])
            for name in ("psi", "psi_points", "psi_status"):   # NaN where the small network leaves no relation
                numpy.testing.assert_equal(a[name], b[name], "the fitted exponent does not depend on the assumed one")

    def test_the_examples_print_what_the_file_holds(self):
        groups = [self.file[f"replica/{number:06d}/flatness/fc3"] for number in range(ROWS)]
        curves = [["{:.0f} {:.5g} {:.5g}".format(i + 1, width, variance) for i, width, variance in
                   zip(*(group[name][()] for name in ("direction", "flatness", "variance")))] for group in groups]
        expected = [line for group, curve in zip(groups, curves) for line in (f"psi = {group.attrs['psi']:.4f}", *curve)]
        for command in (["/usr/bin/python3", SOURCE / "docs/examples/read_results.py"],
                        [Path(BINARY).with_name("example_read_results")]):
            done = subprocess.run([*command, self.file.filename, "fc3"], capture_output=True, text=True, check=True)
            lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
            self.assertEqual([line.partition(": ")[2].partition(",")[0] if ": " in line else line for line in lines], expected)


if __name__ == "__main__":
    unittest.main()
