"""What `flatsweep.open` gives are the numbers of the file, as h5py reads them."""
import doctest
import importlib
import pkgutil
import subprocess
import sys
import unittest
import unittest.mock

import h5py
import numpy as np
import pandas
import scipy.sparse.linalg
import xarray
from package_runs import SMALL, SOURCE, PackageTest, flatsweep
from columns import column
from flatsweep_runs import finish, wait_for

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Opened(PackageTest):
    @property
    def run_(self):
        return self.run_of_four

    @property
    def file(self):
        return self.run_of_four.file

    def test_folder_and_file_are_the_same_run(self):
        path = self.run_.results.path
        self.assertEqual(path.name, "results.h5")
        for given in (path, str(path), path.parent):
            with flatsweep.open(given) as run:
                self.assertEqual((len(run), run.finished), (4, True))

    def test_a_path_that_is_no_run_is_refused_with_what_to_do(self):
        (self.folder / "empty").mkdir()
        (self.folder / "text.h5").write_text("no HDF5")
        for name, words in (("nowhere", "does not exist; run flatsweep first"), ("empty", "neither results.h5 nor work/"),
                            ("text.h5", "not a complete HDF5 file")):
            with self.assertRaisesRegex(flatsweep.ResultsError, words):
                flatsweep.open(self.folder / name)

    def test_grid_has_a_row_for_each_replica(self):
        grid = self.run_.grid
        self.assertEqual(grid.index.tolist(), [0, 1, 2, 3])
        self.assertEqual(self.run_.axes, ["width", "seed"])
        for name, data in self.file["grid"].items():
            shown = name if name != "psi" else "psi_assumed"
            if name != "replica":
                self.assertEqual(grid[shown].tolist(), column(data).tolist(), name)
        for number in range(4):
            group = self.file[f"replica/{number:06d}"]
            self.assertEqual(grid.test_error[number], group["training/test_error"][-1])
            for analysis, name in (("pca", "learning_dimension"), ("flatness", "psi"), ("nulls", "held_out_psi")):
                np.testing.assert_equal(grid[name][number], group[f"{analysis}/fc2"].attrs[name])

    def test_quantities_are_all_attributes_of_an_analysis(self):
        found = self.run_.quantities("first_mode", "fc2")
        for number in range(4):
            attributes = dict(self.file[f"replica/{number:06d}/first_mode/fc2"].attrs)
            self.assertIn("solution_norm (1): |w_0| of the layer", attributes.pop("attribute_descriptions").splitlines())
            self.assertEqual(set(found), set(attributes))
            np.testing.assert_equal(found.loc[number].to_dict(), dict(attributes))
        for name in ("hessian", "weights"):
            with self.assertRaisesRegex(flatsweep.NotInFile, f"no replica has {name}; there are training, pca"):
                self.run_.quantities(name)

    def test_tables_are_those_of_the_summary(self):
        self.assertEqual((self.run_.tables["psi"], self.run_.tables["network_curvature"]), (["fc2"], []))
        for name, layers in self.run_.tables.items():
            table, group = self.run_.table(name, layer="fc2"), self.file["/".join(["summary", name, *layers])]
            columns = {key: data for key, data in group.items() if data.ndim == 1 and not h5py.h5ds.is_scale(data.id)}
            self.assertGreater(len(columns), 5)
            for key, data in columns.items():
                expected = column(data)
                np.testing.assert_array_equal(table[key], expected, f"{name} {key}")
        self.assertEqual(self.run_.table("learning_dimension").index.tolist(), [8, 10])
        self.assertEqual(self.run_.table("learning_dimension")["learning_dimension[seed=2]"].tolist(),
                         self.file["summary/learning_dimension/fc2/learning_dimension"][:, 1].tolist())

    def test_every_group_is_an_xarray_data_set_with_the_axes_of_the_file(self):
        count = 0

        def check(name, node):
            nonlocal count
            if not isinstance(node, h5py.Group):
                return
            found = self.run_.dataset(name)
            for key, data in node.items():
                if isinstance(data, h5py.Dataset):
                    count += 1
                    self.assertEqual(found[key].shape, data.shape, data.name)
                    expected = column(data)
                    np.testing.assert_array_equal(found[key].values, expected, data.name)
                    self.assertEqual(found[key].attrs.get("units"), data.attrs.get("units"))
        self.file.visititems(check)
        self.assertGreater(count, 500)
        curves = self.run_.dataset("/replica/000000/dynamics/fc2")
        self.assertEqual(curves.velocity_autocorrelation.dims, ("direction", "lag"))
        self.assertEqual(curves.velocity_autocorrelation.sel(direction=3, lag=1).item(),
                         self.file["replica/000000/dynamics/fc2/velocity_autocorrelation"][3, 1])

    def test_data_sets_are_read_when_they_are_asked_for(self):
        trajectory = self.run_.dataset("replica/000000/trajectory")
        self.assertNotIsInstance(trajectory.fc2.variable._data, np.ndarray)
        np.testing.assert_array_equal(trajectory.fc2[-1], self.file["replica/000000/weights/fc2"][()].ravel())

    def test_the_tree_needs_a_newer_xarray_than_debian_has(self):
        with unittest.mock.patch.object(xarray, "DataTree", create=True) as stand_in:
            self.run_.tree
        nodes = stand_in.from_dict.call_args.args[0]
        self.assertEqual(nodes["summary/psi/fc2"].psi.shape, (2,))
        groups = []
        self.file.visititems(lambda name, node: groups.append(name) if isinstance(node, h5py.Group) else None)
        self.assertEqual(set(nodes), {"/", *groups})
        if not hasattr(xarray, "DataTree"):
            with self.assertRaisesRegex(flatsweep.NotInFile, "2024.10; one group at a time is run.dataset"):
                self.run_.tree

    def test_an_analysis_is_its_arrays_attributes_and_exponents(self):
        replica, group = self.run_[1], self.file["replica/000001/dynamics/fc2"]
        curves = replica.dynamics("fc2")
        for name in group:
            np.testing.assert_array_equal(curves[name], group[name][()])
            np.testing.assert_array_equal(getattr(curves, name), group[name][()])
            self.assertIn(name, dir(curves))
        self.assertEqual(curves.window_iterations, group.attrs["window_iterations"])
        self.assertEqual((curves.units("tau"), curves.description("drift")), ("iterations", "mean velocity <v_i> = <theta_i(t+1) - theta_i(t)>"))
        self.assertGreaterEqual(set(curves.exponents), {"psi_d", "psi_tau", "psi_tau_window", "psi_same_directions"})
        self.assertEqual(curves.exponent("psi_d").points, group.attrs["psi_d_points"])
        table = curves.table()
        self.assertEqual(table.index.name, "direction")
        np.testing.assert_array_equal(table.tau, group["tau"][()])
        self.assertEqual(replica.dynamics.layers, ["fc2"])
        self.assertIn("tau (", repr(curves))

    def test_what_is_not_there_is_named_with_what_is(self):
        replica = self.run_[0]
        for call, kind, words in ((lambda: replica.pca("fc9"), flatsweep.NotInFile, "no pca of fc9; it has that of fc2"),
                                  (lambda: replica.hessian, AttributeError, "no hessian; it has training, weights, pca"),
                                  (lambda: replica.pca().width, AttributeError, "no width; there are mean, variance"),
                                  (lambda: replica.pca()["width"], flatsweep.NotInFile, "no width; there are mean, variance"),
                                  (lambda: replica.pca().exponent("psi"), flatsweep.NotInFile, "no exponent psi; there are none"),
                                  (lambda: self.run_[4], IndexError, "no replica 4; .* has 0 to 3"),
                                  (lambda: self.run_.table("hessian"), flatsweep.NotInFile, "no table hessian; there are psi"),
                                  (lambda: self.run_.dataset("summary/x"), flatsweep.NotInFile, "the file has no /summary/x"),
                                  (lambda: self.run_.plot.fig9, AttributeError, "no figure fig9; there are fig1a")):
            with self.assertRaisesRegex(kind, words):
                call()

    def test_eigenvalues_and_operators(self):
        curvature = self.run_[0].curvature("fc2")
        self.assertIn("noise_covariance", curvature.matrices)
        np.testing.assert_array_equal(curvature.eigenvalues("hessian"), self.file["replica/000000/curvature/fc2/hessian_eigenvalues"][()])
        with self.assertRaisesRegex(flatsweep.NotInFile, "neither the matrix nor its eigenvectors"):
            curvature.operator("hessian")
        with self.assertRaisesRegex(flatsweep.NotInFile, "has eigenvalues of hessian, .*; name one of them"):
            curvature.eigenvalues()
        snapshots = self.file["replica/000000/trajectory/fc2"][()].astype(float)
        covariance = np.cov(snapshots.T, bias=True)
        operator = self.run_[0].pca("fc2").operator()
        vector = np.linspace(-1, 1, len(covariance))
        np.testing.assert_allclose(operator @ vector, covariance @ vector, atol=1e-12 * np.linalg.norm(covariance))
        largest = scipy.sparse.linalg.eigsh(operator, 1, return_eigenvectors=False)
        np.testing.assert_allclose(largest, np.linalg.eigvalsh(covariance)[-1:], rtol=1e-10)

    def test_words_that_stand_as_numbers_are_words(self):
        path = self.folder / "flags.h5"
        with h5py.File(path, "w") as file:
            for name, values, words in (("status", [1, 0, 1], "failed done"), ("sampling", [0, 0, 3], "reshuffle with-replacement")):
                file[f"grid/{name}"] = np.array(values, "i1")
                file[f"grid/{name}"].attrs.update(flag_values=np.unique(values).astype("i1"), flag_meanings=words)
        with flatsweep.open(path) as run:
            self.assertEqual(run.grid.status.tolist(), ["done", "failed", "done"])
            self.assertEqual(run.grid.sampling.tolist(), ["reshuffle"] * 2 + ["with-replacement"])
            self.assertEqual(run.dataset("grid").status.values.tolist(), ["done", "failed", "done"])

    def test_a_hole_has_a_message_in_place_of_numbers(self):
        path = self.folder / "holes.h5"
        path.write_bytes(self.run_.results.path.read_bytes())
        with h5py.File(path, "a") as file:
            del file["replica/000001/flatness/fc2"]
            file["replica/000001"].create_group("flatness/fc2").attrs.update(status="failed", message="no line")
        with flatsweep.open(path) as run:
            self.assertEqual(run[1].failures, {"flatness/fc2": "no line"})
            self.assertTrue(np.isnan(run.grid.psi_low[1]))
            with self.assertRaisesRegex(flatsweep.NotInFile, "failed: no line"):
                run[1].flatness("fc2")

    def test_numbers_need_h5py_and_numpy_alone(self):
        program = ("import sys\n"
                   "for name in ('pandas', 'xarray', 'matplotlib', 'scipy', 'torch'): sys.modules[name] = None\n"
                   "import flatsweep\n"
                   "run = flatsweep.open(sys.argv[1])\n"
                   "print(run, run[0].status, run[0].flatness('fc2').variance.sum(), run[0].pca().attributes, run[0].weights().keys())")
        done = subprocess.run([sys.executable, "-c", program, self.run_.results.path], env={"PYTHONPATH": str(SOURCE / "python")},
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_examples_in_the_documentation(self):
        names = {"run": self.run_, "flatsweep": flatsweep, "np": np, "pandas": pandas}
        finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=FLAGS)
        tried = 0
        for info in pkgutil.walk_packages(flatsweep.__path__, "flatsweep."):
            module = importlib.import_module(info.name)
            for test in finder.find(module, extraglobs=names):
                tried += runner.run(test).attempted
        page = doctest.testfile(str(SOURCE / "docs/python.md"), module_relative=False, globs=names, optionflags=FLAGS)
        self.assertEqual((runner.failures, page.failed), (0, 0), "see what is printed above")
        self.assertGreater(tried, 15)
        self.assertGreater(page.attempted, 10)


class Running(PackageTest):
    def test_a_job_that_still_runs_shows_what_it_has_and_ends_the_same(self):
        keys = {"grid__width": [8, 10], "grid__seed": [1, 2, 3], "output__trajectory": False}
        job = self.start(1, "job", config=SMALL, **keys)
        folder = self.folder / "job"
        self.assertTrue(wait_for(job, lambda: (folder / "work/000001/done.h5").exists() or (folder / "work/000004/done.h5").exists()))
        with flatsweep.open(folder) as run:
            early = run.grid
            self.assertFalse(run.finished)
            self.assertEqual(run.axes, ["width", "seed"])
            self.assertIn("done", early.status.tolist())
            done = run.done[0]
            self.assertEqual(done.flatness("fc2").direction.ndim, 1)
            self.assertEqual(done.training.epoch[-1], done.group.attrs["epochs_trained"])
            self.assertEqual(done.plot.figS02().axes[0].get_xlabel(), "epoch")
            with self.assertRaisesRegex(flatsweep.NotInFile, "the run is not finished"):
                run.table("psi")
        self.assertEqual(finish(job).returncode, 0)
        with flatsweep.open(folder) as run:
            late = run.grid
        self.assertEqual(late.status.tolist(), ["done"] * 6)
        for name in set(early) & set(late) - {"status"}:
            for number in early.index[early.status == "done"]:
                np.testing.assert_equal(early[name][number], late[name][number], f"{name} of {number}")

    def test_rows_of_a_running_job_are_those_of_the_results(self):
        from flatsweep.running import grid_rows
        axes = {"grid.width": [6, 8], "grid.psi_assumed": [3.0, 4.0], "grid.seed": [1, 2], "grid.batch_size": [50, 100]}
        quick = {f"{name}.enabled": False for name in ("flatness", "first_mode", "curvature", "network_curvature", "dynamics", "mlf",
                                                       "filters", "nulls")}
        with self.package_run("axes", settings=axes | quick | {"train.optimizer": "momentum"}) as run:
            rows = grid_rows(run.config)
            self.assertEqual(len(rows), len(run))
            for name in rows[0]:
                self.assertEqual([row[name] for row in rows], run.results.grid[name].tolist(), name)

    def test_a_folder_without_a_configuration_is_refused(self):
        (self.folder / "new/work").mkdir(parents=True)
        with self.assertRaisesRegex(flatsweep.ResultsError, "cannot be read .*; wait until the run has begun"):
            flatsweep.open(self.folder / "new")


if __name__ == "__main__":
    unittest.main()
