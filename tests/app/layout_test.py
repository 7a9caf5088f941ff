"""results.h5 has the names, shapes and types that docs/output_reference.md promises, and opens everywhere."""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import h5netcdf
import h5py
import netCDF4
import numpy
import pandas
import xarray

import output_reference
from columns import column
from flatsweep_runs import BINARY, PCA_ALONE, SOURCE, RunTest, finish

sys.path.insert(0, str(SOURCE / "python"))
import flatsweep

KEYS = dict(grid__width=[6, 8], grid__psi_assumed=[3.0, 5.0], grid__seed=[1, 2, 3], pca__layers=["fc2", "fc3"], pca__directions=20,
            output__trajectory=True, train__batch_size=10, relative_flatness__enabled=True, pooled_pca__enabled=True,
            bases__enabled=True, bases__directions=6, bases__mlf=True, curvature__squared_hessian=True)
OTHERS = dict(
    continual=dict(study="continual", continual__epochs=1, continual__strength=[1.0, 10.0], continual__constraint_counts=[5],
                   continual__methods=["none", "ldc", "ldc-flatness", "ewc", "ewc-empirical", "ewc-batched", "laplace"]),
    noise=dict(study="noise", noise__epochs=4, noise__modes=5, noise__renew_epochs=2, noise__loss_levels=[2.0]),
    convolution=dict(network__architecture=["conv 2 kernel 3", "pool 2"], pca__layers=["conv1"], data__train_limit=100, **PCA_ALONE),
    grid=dict(data__train_limit=100, grid__temperature=[0.001, 0.002, 0.004], **PCA_ALONE),
    leading=dict(curvature__dense_limit=0, train__batch_size=100, **PCA_ALONE | dict(curvature__enabled=True, flatness__enabled=True,
                                                                                    network_curvature__enabled=True,
                                                                                    network_curvature__window=True)))
ROWS = 12        # 2 widths x 2 psi x 3 seeds
EPOCHS = 5
ITERATIONS = 200   # two epochs of 1000 / 10
REPLICA = "replica/000006"   # the first of width 8: fc2 has 64 weights, fc3 80


FILES = {}   # the open results of all runs


def setUpModule():
    run = RunTest()
    run.setUp()
    unittest.addModuleCleanup(run.doCleanups)
    started = {name: run.start(1 if name in OTHERS else 2, name, **keys) for name, keys in dict(landscape=KEYS, **OTHERS).items()}
    for name, process in started.items():
        done = finish(process)
        run.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        keep(name, run.results(name))
    keep("models", analyse_again(run))


def keep(name, results):
    FILES[name] = h5py.File(results)
    unittest.addModuleCleanup(FILES[name].close)


def analyse_again(run):
    """The first network of the landscape study once more, as one that was made elsewhere."""
    weights = run.folder / "network.safetensors"
    subprocess.run([BINARY, "export", run.folder / "landscape", "--weights", weights], check=True, stdout=subprocess.DEVNULL)
    return run.run_well(1, "models", study="models", model__weights=str(weights), network__architecture=["fc 6", "fc 6"], relative_flatness__enabled=True)


class Layout(RunTest):
    @classmethod
    def setUpClass(cls):
        cls.file = FILES["landscape"]

    def check(self, group, expected):
        """`expected`: name -> (type, shape)."""
        for name, (kind, shape) in expected.items():
            dataset = self.file[f"{group}/{name}"]
            found = "words" if "flag_meanings" in dataset.attrs else dataset.dtype.str[1:]
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
        columns = dict(batch_size="i4", learning_rate="f8", temperature="f8", weight_decay="f8", train_limit="i8", label_noise="f8", width="i4", hidden_layers="i4", initial_scale="f8", activation="words", loss="words", psi_assumed="f8", seed="i8",
                       epochs_trained="i4", architecture="words", optimizer="words", sampling="words", status="words",
                       failed_analyses="i4")
        self.check("grid", {name: (kind, (ROWS,)) for name, kind in columns.items()})
        self.assertEqual(column(self.file["grid/architecture"]).tolist(), ["mlp"] * ROWS)
        self.assertEqual(self.file["grid/status"].attrs["flag_meanings"], "done diverged failed unsolved")
        self.assertEqual(list(self.file["replica"]), [f"{i:06d}" for i in range(ROWS)])

    def test_a_replica_repeats_its_row(self):
        for i in range(ROWS):
            attributes = self.file[f"replica/{i:06d}"].attrs
            for name, data in self.file["grid"].items():
                if name != "replica":   # the index scale
                    value = column(data)[i]
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
            self.check(group, {"direction": ("i4", count), "status": ("words", count)} | {name: ("f8", count) for name in names})
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
                       | {name: ("words", (2,)) for name in texts})
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

    def test_the_xarray_example_prints_the_same_psi(self):
        done = subprocess.run(["/usr/bin/python3", SOURCE / "docs/examples/read_results_xarray.py", self.file.filename, "fc3"], capture_output=True,
                              text=True, check=True)
        expected = [f"psi = {self.file[f'replica/{number:06d}/flatness/fc3'].attrs['psi']:.4f}" for number in range(ROWS)]
        self.assertEqual([line.partition(": ")[2].partition(",")[0] for line in done.stdout.splitlines() if ": psi" in line], expected)


class Reference(unittest.TestCase):
    def test_the_page_is_made_from_files_like_these(self):
        nodes = output_reference.layout(FILES.values())
        there = output_reference.PAGE.read_text()
        wanted, paths = output_reference.page(nodes, there)
        self.assertEqual(sorted(paths), sorted(nodes), "a table for every group")
        if os.environ.get("FLATSWEEP_WRITE_PAGES"):
            output_reference.PAGE.write_text(wanted)
        else:
            self.assertEqual(there, wanted, "docs/output_reference.md is stale: run tools/write-pages")

    def test_everything_says_what_it_is_in_a_sentence_that_stands_alone(self):
        self.assertEqual(output_reference.complaints(FILES.values()), [])


class Readers(unittest.TestCase):
    """Programs that know nothing of flatsweep find the same numbers."""

    # Of small files: netCDF's library looks at all of a file when it opens it.
    GROUPS = dict(continual=("replica/000000/continual", "summary/continual/least"), noise=("summary/noise", "replica/000000/noise/fc1"),
                  convolution=("replica/000000/weights",))

    @classmethod
    def setUpClass(cls):
        cls.file = cls.small = FILES["leading"]
        groups = []
        cls.file.visititems(lambda name, node: groups.append(name) if isinstance(node, h5py.Group) else None)
        cls.groups = cls.GROUPS | dict(leading=groups)

    def check_xarray(self, found, group):
        self.assertEqual(set(found.variables), {name for name, data in group.items() if isinstance(data, h5py.Dataset)}, group.name)
        for name, variable in found.variables.items():
            data = group[name]
            self.assertEqual((variable.dtype, variable.dims), (data.dtype, tuple(output_reference.axes(data))), data.name)
            numpy.testing.assert_array_equal(variable.values, data[()], data.name)
            self.assertEqual(variable.attrs.get("flag_meanings"), data.attrs.get("flag_meanings"))

    def check_every_group(self, engine, opened, store):
        for name, groups in self.groups.items():
            with opened(FILES[name].filename) as whole:   # once: the library looks at the whole file
                for group in groups:
                    self.check_xarray(xarray.open_dataset(store(whole[group])), FILES[name][group])
        with xarray.open_dataset(self.small.filename, group="replica/000000/curvature/fc2", engine=engine) as found:
            self.check_xarray(found, self.small["replica/000000/curvature/fc2"])

    def test_xarray_by_netcdf4(self):
        self.check_every_group("netcdf4", netCDF4.Dataset, xarray.backends.NetCDF4DataStore)

    def test_xarray_by_h5netcdf(self):
        self.check_every_group("h5netcdf", lambda path: h5netcdf.File(path, "r"), xarray.backends.H5NetCDFStore)

    def test_ncdump(self):
        for name in OTHERS:
            done = subprocess.run(["ncdump", "-h", FILES[name].filename], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run(["ncdump", "-g", "grid", "-v", "seed,status", self.file.filename], capture_output=True, text=True, check=True)
        self.assertIn("byte status(replica) ;", done.stdout)
        self.assertIn('status:flag_meanings = "done diverged failed unsolved" ;', done.stdout)
        seeds = ", ".join(str(seed) for seed in self.file["grid/seed"][()])
        self.assertIn(f"seed = {seeds} ;", " ".join(done.stdout.split()))

    def test_h5dump(self):
        done = subprocess.run(["h5dump", "-d", "/grid/seed", self.file.filename], capture_output=True, text=True, check=True)
        self.assertIn(", ".join(str(seed) for seed in self.file["grid/seed"][()]), done.stdout)
        subprocess.run(["h5dump", "-H", self.small.filename], stdout=subprocess.DEVNULL, check=True)

    def test_pandas(self):
        plain = pandas.DataFrame({name: data[()] for name, data in self.file["grid"].items()})
        numpy.testing.assert_array_equal(plain["seed"], self.file["grid/seed"][()])
        with flatsweep.open(self.small.filename) as run:
            self.assertEqual((run.grid["status"].tolist(), run.grid["sampling"].tolist()), (["done"], ["reshuffle"]))

    def test_octave(self):
        """Its axes come in reverse order, and it reads no attributes."""
        script = (f'run = load("-hdf5", "{self.small.filename}"); one = run.replica._000000;'
                  "printf('%s', jsonencode({run.grid.batch_size, class(run.grid.status), one.curvature.fc2.flatness(:), size(one.pca.fc2.directions),"
                  "one.pca.fc2.directions(:, 2)}));")
        done = subprocess.run(["octave-cli", "--norc", "--eval", script], capture_output=True, text=True)
        batch, kind, flatness, size, second = json.loads(done.stdout)
        replica = self.small["replica/000000"]
        self.assertEqual((batch, kind), ([100], "int8"))
        # JSON has no NaN: null.
        numpy.testing.assert_array_equal(numpy.array(flatness, dtype=float), replica["curvature/fc2/flatness"][()])
        self.assertEqual(size, list(replica["pca/fc2/directions"].shape)[::-1])
        numpy.testing.assert_allclose(second, replica["pca/fc2/directions"][1], rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
