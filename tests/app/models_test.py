"""Networks made elsewhere: `flatsweep analyse` and `flatsweep export`, as their users run them."""
import csv
import os
import subprocess
import unittest

import h5py
import numpy

from columns import column
from flatsweep_runs import BINARY, PCA_ALONE, SOURCE, RunTest, messages

BAD_INPUT, NO_REPLICA, STOPPED = 2, 70, 75
LAYERS = {"fc1": (8, 784), "fc2": (8, 8), "fc3": (10, 8)}
# What reading in place of training cannot give, by data set or attribute.
# With the attribute `absent` comes its description.
ABSENT = {f"dynamics/{layer}{name}" for layer in ("fc2", "fc3")
          for name in ("/noise_strength_window", "@absent", "@attribute_descriptions", "@window_ratio_median")}


def state_dict(layers=LAYERS, seed=1, scale=0.3):
    """Random weights under PyTorch's names, in the order of a module's layers."""
    rng = numpy.random.default_rng(seed)
    arrays = {}
    for number, (outputs, inputs) in enumerate(layers.values()):
        arrays[f"{2 * number}.weight"] = rng.normal(0, scale / inputs**0.5, (outputs, inputs)).astype("f4")
        arrays[f"{2 * number}.bias"] = rng.normal(0, 0.1, outputs).astype("f4")
    return arrays


def walk(weights, snapshots, seed=2):
    """Snapshots that end at the weights."""
    steps = numpy.random.default_rng(seed).normal(0, 0.01, (snapshots, *weights.shape)).astype("f4")
    return (weights + steps - steps[-1]).astype("f4")


def bits(node):
    value = node[()] if isinstance(node, h5py.Dataset) else node
    return numpy.asarray(value).tobytes() if not isinstance(value, str) else value.encode()


def everything(group):
    """Bits of every data set and attribute below a group, without what HDF5 keeps for itself."""
    found = {}

    def add(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = bits(node)
        found.update({f"{name}@{key}": bits(value) for key, value in node.attrs.items()
                      if key not in ("CLASS", "NAME", "DIMENSION_LIST", "DIMENSION_LABELS", "REFERENCE_LIST")})

    group.visititems(add)
    return found


class ModelsTest(RunTest):
    def save(self, name, arrays):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        numpy.savez(path, **arrays)
        return path

    def keys(self, weights, **keys):
        return dict(study="models", model__weights=weights) | keys

    def analyse(self, weights, ranks=1, output="out", **keys):
        return self.run_to_end(ranks, output, **self.keys(weights, **keys))

    def analyse_well(self, weights, ranks=1, output="out", **keys):
        return self.run_well(ranks, output, **self.keys(weights, **keys))


class Again(ModelsTest):
    """What a run exports is what it has."""

    @classmethod
    def setUpClass(cls):
        made = cls.of_class()
        cls.run_once = made.run_well(1, "run", pca__layers=["fc2", "fc3"], output__trajectory=True,
                                     relative_flatness__enabled=True)

    def export(self, *options):
        command = [BINARY, "export", str(self.run_once.parent), *map(str, options)]
        return subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def export_all(self):
        done = self.export("--replica", 0, "--weights", "model.safetensors", "--trajectory", "t.npz")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_all_is_the_same_bit_for_bit_but_for_what_is_absent(self):
        self.export_all()
        for ranks in (1, 2):
            again = self.analyse_well(self.folder / "model.safetensors", ranks, f"again{ranks}", pca__layers=["fc2", "fc3"],
                                      model__trajectory=self.folder / "t.npz", model__training="window",
                                      relative_flatness__enabled=True, run__team_size=1)
            with h5py.File(self.run_once) as first, h5py.File(again) as second:
                before, after = (everything(file["replica/000000"]) for file in (first, second))
            different = {name for name in before | after if before.get(name) != after.get(name)}
            different = {name for name in different if not name.startswith(("training/", "trajectory", "window_start"))}
            self.assertEqual(different, ABSENT)

    def test_a_window_that_is_streamed_gives_the_same(self):
        self.export_all()
        keys = dict(model__trajectory=self.folder / "t.npz", dynamics__enabled=False)
        whole = self.analyse_well(self.folder / "model.safetensors", output="whole", **keys)
        streamed = self.analyse_well(self.folder / "model.safetensors", output="streamed", run__memory_per_rank=1e-9, **keys)
        self.assert_same_results(whole, streamed)

    def test_numpy_reads_the_trajectory(self):
        self.export_all()
        with h5py.File(self.run_once) as file, numpy.load(self.folder / "t.npz", allow_pickle=False) as arrays:
            self.assertEqual(set(arrays), {"fc2.weight", "fc3.weight"})
            for layer in ("fc2", "fc3"):
                snapshots = file[f"replica/000000/trajectory/{layer}"][()]
                numpy.testing.assert_array_equal(arrays[f"{layer}.weight"], snapshots.reshape(-1, *LAYERS[layer]))

    def test_what_cannot_be_exported_is_said(self):
        for options, said in ((["--replica", 1, "--weights", "w"], "no replica 1; the run has 0 to 0"),
                              ([], "--weights FILE or --trajectory FILE"),
                              (["--weights", "no/such/folder/w"], "no/such/folder/w")):
            done = self.export(*options)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)
        done = subprocess.run([BINARY, "export", str(self.folder), "--weights", "w"], cwd=self.folder, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, BAD_INPUT)
        self.assertIn("there are no results", done.stderr)

    def test_nothing_but_a_file_of_its_own_is_replaced(self):
        run, pipe = self.run_once.parent, self.folder / "pipe"
        os.mkfifo(pipe)
        (self.folder / "link").symlink_to(self.run_once)
        before = {name: (run / name).read_bytes() for name in ("results.h5", "config.toml", "log.txt")}
        for target, said in ((pipe, "is no file"), (self.folder, "is no file"), (self.run_once, "belongs to the run"),
                             (self.folder / "link", "belongs to the run"), (run / "config.toml", "belongs to the run"),
                             (run / "x/../log.txt", "belongs to the run")):
            for option in ("--weights", "--trajectory"):
                done = self.export(option, target)
                self.assertEqual((done.returncode, done.stdout), (2, ""), (option, target))
                self.assertIn(said, done.stderr)
        done = self.export("--weights", "same", "--trajectory", "./same")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--weights and --trajectory name one file", done.stderr)
        self.assertTrue(pipe.is_fifo() and (self.folder / "link").is_symlink())
        self.assertEqual({name: (run / name).read_bytes() for name in before}, before)
        (self.folder / "w").write_text("earlier")
        self.assertEqual(self.export("--weights", "w").returncode, 0, "a file of the user's is replaced")

    def test_a_run_without_a_trajectory_has_none_to_export(self):
        self.run_well(1, "short", **PCA_ALONE)
        done = subprocess.run([BINARY, "export", str(self.folder / "short"), "--trajectory", "t.npz"], cwd=self.folder,
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, BAD_INPUT)
        self.assertIn("output.trajectory = true", done.stderr)


class Absent(ModelsTest):
    """What nobody recorded."""

    def status(self, file, path):
        return file[f"replica/000000/{path}"].attrs.get("status")

    def test_without_a_trajectory_there_is_what_the_weights_alone_give(self):
        weights = self.save("m.npz", state_dict())
        done = self.analyse(weights, relative_flatness__enabled=True,
                            network_curvature__kinds=["hessian", "noise-covariance"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("measured  curvature, relative_flatness, network_curvature\n"
                      "absent    pca, flatness, first_mode, dynamics, mlf, filters, nulls: there is no trajectory of fc2",
                      done.stdout)
        self.assertIn("hint      bases.enabled = true", done.stdout)
        with h5py.File(self.results("out")) as file:
            replica = file["replica/000000"]
            for name in ("pca", "flatness", "first_mode", "dynamics", "mlf", "filters", "nulls"):
                self.assertEqual(self.status(file, f"{name}/fc2"), "absent")
                self.assertEqual(replica[f"{name}/fc2"].attrs["message"], "absent: there is no trajectory of fc2")
                self.assertEqual(list(replica[f"{name}/fc2"]), [])
            self.assertEqual(replica["curvature/fc2/hessian_eigenvalues"].shape, (64,))
            self.assertNotIn("noise_covariance_eigenvalues", replica["curvature/fc2"])
            self.assertIn("the order of minibatches is not known", replica["curvature/fc2"].attrs["absent"])
            self.assertEqual(self.status(file, "network_curvature/noise-covariance"), "absent")
            self.assertIn("leading_eigenvalues", replica["network_curvature/hessian"])
            self.assertIn("relative_flatness", replica["relative_flatness/fc2"].attrs)
            self.assertEqual(file["grid/failed_analyses"][0], 0, "absent is not failed")

    def test_with_a_trajectory_alone_minibatches_and_steps_are_unknown(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        trajectory = self.save("t.npz", {"2.weight": walk(arrays["2.weight"], 40)})
        with h5py.File(self.analyse_well(weights, model__trajectory=trajectory)) as file:
            for name, why in (("mlf", "absent: the order of minibatches is not known"),
                              ("dynamics", "absent: the steps between snapshots are not known")):
                self.assertEqual(file[f"replica/000000/{name}/fc2"].attrs["message"], why)
            self.assertTrue(numpy.isnan(file["replica/000000/flatness/fc2"].attrs["crossover_curvature"]))
            self.assertIn("the noise walk", file["replica/000000/nulls/fc2"].attrs["absent"])
            self.assertIn("held_out_variance", file["replica/000000/nulls/fc2"])
            self.assertEqual(file["replica/000000/pca/fc2/directions"].shape, (39, 64))

    def test_flatness_without_a_trajectory_is_along_other_bases(self):
        arrays = state_dict(scale=3.0)
        weights = self.save("m.npz", arrays)
        keys = dict(bases__enabled=True, bases__directions=8, bases__basis=["pca", "hessian", "noise", "random", "filters"], bases__mlf=True,
                    flatness__fit_first=1)
        done = self.analyse(weights, **keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("measured  curvature, bases, network_curvature\n", done.stdout.replace(", relative_flatness", ""))
        self.assertIn("flatness along the basis hessian", done.stdout)
        self.assertNotIn("hint", done.stdout)
        drawn = self.analyse_well(weights, ranks=2, output="drawn", model__training="minibatches", train__batch_size=25, **keys)
        with h5py.File(self.results("out")) as file, h5py.File(drawn) as with_minibatches:
            group, other = (opened["replica/000000/bases/fc2"] for opened in (file, with_minibatches))
            self.assertEqual(sorted(group), ["filters", "hessian", "random"])
            self.assertEqual(sorted(other), ["filters", "hessian", "noise", "random"])
            for said in ("pca: there is no trajectory of fc2", "noise: the order of minibatches is not known", "mlf: the order of minibatches is not known",
                         "stationarity: there is no trajectory of fc2"):
                self.assertIn(said, group.attrs["absent"])
            self.assertNotIn("minibatches", other.attrs["absent"])
            for basis in group:
                self.check_without_a_window(group[basis])
                self.check_without_a_window(other[basis])
                fixed = group[f"{basis}/direction"][()] < group[basis].attrs["determined"]
                numpy.testing.assert_allclose(group[f"{basis}/flatness"][fixed], other[f"{basis}/flatness"][fixed], rtol=3e-4)
                self.assertTrue(numpy.isnan(group[f"{basis}/noise_variance"][()]).all())
                self.assertGreater(other[f"{basis}/noise_variance"][0], 0.0)
                self.assertEqual(other[f"{basis}/mlf"].attrs["batch_size"], 25)
                self.assertAlmostEqual(file[f"summary/bases/fc2/{basis}_mean_flatness"][0], group[basis].attrs["mean_flatness"])
            norms = numpy.linalg.norm(arrays["2.weight"].astype(float), axis=1)
            for u in group["filters/vectors"][()].reshape(-1, 8, 8):
                numpy.testing.assert_allclose(numpy.linalg.norm(u, axis=1), norms / numpy.linalg.norm(norms), rtol=1e-12)

    def check_without_a_window(self, group):
        self.assertTrue(group.attrs["absent"].endswith("there is no trajectory of fc2"))
        for name in ("psi", "psi_d", "psi_tau", "psi_without_first", "variance_exponent"):
            self.assertTrue(numpy.isnan(group.attrs[name]))
            self.assertEqual(group.attrs[f"{name}_status"], "not measured")
        for name in ("variance", "variance_without_first", "noise_strength", "tau", "tau_window", "drift"):
            self.assertTrue(numpy.isnan(group[name][()]).all(), name)
        flatness, vectors = group["flatness"][()], group["vectors"][()]
        fitted = (group["direction"][()] < group.attrs["determined"]) & (group["direction"][()] <= group.attrs["fit_last"])
        self.assertGreater(numpy.isfinite(flatness).sum(), 3)
        numpy.testing.assert_array_equal(flatness, group["right"][()] - group["left"][()])
        self.assertAlmostEqual(group.attrs["mean_flatness"], numpy.exp(numpy.nanmean(numpy.log(flatness[fitted]))))
        numpy.testing.assert_allclose(numpy.linalg.norm(vectors, axis=1), 1.0, rtol=1e-12)
        self.assertTrue((vectors.max(axis=1) == numpy.abs(vectors).max(axis=1)).all(), "the largest entry is positive")

    def test_snapshots_of_unknown_steps_have_a_variance_along_bases_but_no_velocity(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        snapshots = walk(arrays["2.weight"], 40)
        trajectory = self.save("t.npz", {"2.weight": snapshots})
        with h5py.File(self.analyse_well(weights, model__trajectory=trajectory, bases__enabled=True, bases__directions=8)) as file:
            for basis in ("pca", "hessian", "random"):
                group = file[f"replica/000000/bases/fc2/{basis}"]
                along = snapshots.reshape(40, -1).astype(float) @ group["vectors"][()].T
                numpy.testing.assert_allclose(group["variance"][()], along.var(axis=0), rtol=1e-6)
                self.assertTrue((along[-1] >= along[0]).all())
                for name in ("noise_strength", "tau", "drift"):
                    self.assertTrue(numpy.isnan(group[name][()]).all())
                self.assertIn("the steps between snapshots are not known", group.attrs["absent"])

    def test_minibatches_of_ones_own_may_be_asked_for(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        trajectory = self.save("t.npz", {"2.weight": walk(arrays["2.weight"], 40)})
        path = self.analyse_well(weights, model__trajectory=trajectory, model__training="minibatches", train__batch_size=25)
        with h5py.File(path) as file:
            self.assertEqual(file["replica/000000/mlf/fc2"].attrs["batch_size"], 25)
            self.assertEqual(file["replica/000000/curvature/fc2/noise_covariance_eigenvalues"].shape, (64,))
            self.assertEqual(self.status(file, "dynamics/fc2"), "absent")

    def test_a_snapshot_may_be_a_file_and_an_array_nameless(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        snapshots = walk(arrays["2.weight"], 12)
        for number, snapshot in enumerate(snapshots):
            self.save(f"step-{number}.npz", arrays | {"2.weight": snapshot})
            numpy.save(self.folder / f"only-{number}.npy", snapshot)
        numpy.save(self.folder / "t.npy", snapshots.reshape(12, -1))
        paths = [self.analyse_well(weights, output=f"out{number}", model__trajectory=self.folder / pattern, nulls__enabled=False)
                 for number, pattern in enumerate(("step-*.npz", "only-*.npy", "t.npy"))]
        for path in paths[1:]:
            with h5py.File(paths[0]) as first, h5py.File(path) as second:
                self.assertEqual(everything(first["replica"]), everything(second["replica"]))

    def test_a_layer_may_be_analysed_again_with_names_of_its_own(self):
        arrays = state_dict()
        renamed = dict(zip(("c", "c_b", "a", "a_b", "b", "b_b"), arrays.values()))
        named = self.save("named.npz", renamed)
        names = "{fc1='c', fc1_bias='c_b', fc2='a', fc2_bias='a_b', fc3='b', fc3_bias='b_b'}"
        first = self.analyse_well(self.save("m.npz", arrays), output="first", **PCA_ALONE)
        second = self.analyse_well(named, output="second", model__names=names, **PCA_ALONE)
        with h5py.File(first) as one, h5py.File(second) as other:
            self.assertEqual(everything(one["replica/000000"]), everything(other["replica/000000"]))


class Zoo(ModelsTest):
    def test_two_hundred_models_of_which_two_are_broken(self):
        layers = {"fc1": (2, 784), "fc2": (2, 2), "fc3": (10, 2)}
        rows = []
        for number in range(200):
            arrays = state_dict(layers, seed=number)
            if number == 7:
                arrays["2.weight"][0, 0] = numpy.nan
            path = self.save(f"zoo/m{number}.npz", arrays)
            rows.append((path.name, 0.01 * number, "wide" if number % 2 else "deep"))
        broken = self.folder / "zoo/m42.npz"
        broken.write_bytes(broken.read_bytes()[:-100])
        with open(self.folder / "zoo.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("model", "lr", "kind"), *rows])
        keys = PCA_ALONE | {"curvature__enabled": True}
        done = self.analyse(self.folder / "zoo/*.npz", 4, model__columns=self.folder / "zoo.csv", network__width=2,
                            data__train_limit=50, data__test_limit=10, **keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 of 200 replicas failed", done.stdout)
        with h5py.File(self.results("out")) as file:
            grid = {name: column(data) for name, data in file["grid"].items()}
            numpy.testing.assert_array_equal(grid["model"], [f"m{number}" for number in range(200)])
            numpy.testing.assert_allclose(grid["lr"], [0.01 * number for number in range(200)], rtol=1e-15)
            self.assertEqual(list(grid["kind"][:2]), ["deep", "wide"])
            self.assertEqual(set(numpy.flatnonzero(grid["status"] == "failed")), {7, 42})
            self.assertIn("2.weight (2, 2): 1 of its 4 numbers are not finite", file["replica/000007"].attrs["message"])
            self.assertIn("m42.npz", file["replica/000042"].attrs["message"])
            spectra = [file[f"replica/{number:06d}/curvature/fc2/hessian_eigenvalues"][()] for number in (0, 41, 43, 199)]
            self.assertEqual(len({spectrum.tobytes() for spectrum in spectra}), 4)
            self.assertEqual(file["summary/psi/fc2/model"].shape, (200,))

    def test_names_and_columns_may_hold_anything(self):
        """Texts of several lines and bytes that are no UTF-8 come out as one line that is some."""
        os.mkdir(self.folder / "odd")
        weights = self.save("m.npz", state_dict())
        for name in (b"a\nb", b"c\xff", b'd "e", f'):
            os.link(weights, os.path.join(os.fsencode(self.folder), b"odd", name + b".npz"))
        (self.folder / "c.csv").write_bytes(b'model,note\n"a\nb","two\nlines"\n"d ""e"", f",\xc3\xa9\n')
        keys = dict(model__columns=self.folder / "c.csv", **PCA_ALONE)
        self.assertIn('the model "c\\xFF" has no line', self.analyse(self.folder / "odd/*.npz", **keys).stderr)
        os.remove(os.path.join(os.fsencode(self.folder), b"odd", b"c\xff.npz"))
        with h5py.File(self.analyse_well(self.folder / "odd/*.npz", **keys)) as file:
            self.assertEqual(column(file["grid/model"]).tolist(), ["a\\u000Ab", 'd "e", f'])
            self.assertEqual(column(file["grid/note"]).tolist(), ["two\\u000Alines", "é"])

    def test_models_in_folders_are_told_apart_by_them(self):
        for folder in ("a", "b"):
            self.save(f"{folder}/model.npz", state_dict(seed=ord(folder)))
        with h5py.File(self.analyse_well(self.folder / "*/model.npz", **PCA_ALONE)) as file:
            self.assertEqual(column(file["grid/model"]).tolist(), ["a/model", "b/model"])

    def test_each_model_has_its_trajectory(self):
        for name in ("a", "b"):
            arrays = state_dict(seed=ord(name))
            self.save(f"{name}.npz", arrays)
            self.save(f"{name}/t.npz", {"2.weight": walk(arrays["2.weight"], 9)})
        keys = dict(model__trajectory=self.folder / "{model}/t.npz", **PCA_ALONE)
        with h5py.File(self.analyse_well([str(self.folder / "a.npz"), str(self.folder / "b.npz")], **keys)) as file:
            self.assertEqual([file[f"replica/{n:06d}/pca/fc2"].attrs["window_iterations"] for n in (0, 1)], [9, 9])

    def test_the_texts_in_the_files_may_be_columns(self):
        for number in range(2):
            with h5py.File(self.folder / f"m{number}.h5", "w") as file:
                for name, values in state_dict(seed=number).items():
                    file[name] = values
                file.attrs["rate"], file.attrs["note"], file.attrs["of two words"] = 0.5 * number, "a, b", 1
                file.attrs[f"only_{number}"] = 1
        with h5py.File(self.analyse_well(self.folder / "m*.h5", model__columns="metadata", **PCA_ALONE)) as file:
            self.assertEqual((list(file["grid/rate"]), column(file["grid/note"]).tolist()), ([0.0, 0.5], ["a, b"] * 2))
            self.assertEqual(set(file["grid"]), {"architecture", "model", "rate", "note", "replica", "status", "failed_analyses",
                                                 "epochs_trained"})

    def test_a_zoo_that_was_stopped_or_cut_into_slices_gives_the_same(self):
        for number in range(3):
            self.save(f"zoo/m{number}.npz", state_dict(seed=number))
        keys = self.keys(self.folder / "zoo/*.npz", **PCA_ALONE | {"curvature__enabled": True})
        whole = self.run_well(1, "whole", **keys)
        done = self.run_to_end(1, "stopped", run__max_walltime=1e-9, **keys)
        self.assertEqual(done.returncode, STOPPED, done.stderr)
        self.assert_same_results(whole, self.run_well(1, "stopped", "--resume", **keys))
        for number in range(2):
            done = self.run_to_end(1, "sliced", "--slice", f"{number}/2", **keys)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([BINARY, "merge", *map(str, (self.folder / "sliced").glob("slice-*"))], cwd=SOURCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_same_results(whole, self.results("sliced"))

    def test_nothing_is_added_to_what_was_read(self):
        self.analyse_well(self.save("m.npz", state_dict()), **PCA_ALONE)
        done = subprocess.run([BINARY, "analyse", str(self.folder / "out"), "--set", "filters.enabled=true"], cwd=SOURCE,
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, BAD_INPUT)
        self.assertIn("its networks were made elsewhere", done.stderr)

    def test_a_stopped_run_of_other_models_is_done_again(self):
        weights = self.save("m.npz", state_dict())
        first = self.analyse_well(weights, **PCA_ALONE)
        self.save("m.npz", state_dict(seed=5))
        done = self.run_to_end(1, "out", "--resume", **self.keys(weights, **PCA_ALONE))
        self.assertEqual(done.returncode, BAD_INPUT)
        self.assertIn("--overwrite", done.stderr)
        self.assertTrue(first.exists())


class BadModels(ModelsTest):
    """Each is refused before work starts, with what to do."""

    def refused(self, expected, weights, ranks=1, **keys):
        done = self.analyse(weights, ranks, **PCA_ALONE | keys)
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn(expected, messages(done)[0])
        self.assertFalse((self.folder / "out").exists())

    def test_files(self):
        whole = self.save("m.npz", state_dict())
        truncated = self.folder / "cut.npz"
        truncated.write_bytes(whole.read_bytes()[:-50])
        self.refused("no whole zip archive", truncated, ranks=2)
        self.refused("there is no such file", self.folder / "none.npz")
        self.refused("there is no file of this pattern", self.folder / "*.safetensors")
        overlapping = self.folder / "o.safetensors"
        header = (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}')
        overlapping.write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
        self.refused("o.safetensors", overlapping)
        pickled = self.folder / "p.npz"
        numpy.savez(pickled, **state_dict() | {"2.weight": numpy.array([[{}]], dtype=object)})
        self.refused("object", pickled)

    def test_shapes_that_do_not_fit_list_both_sides(self):
        arrays = state_dict()
        arrays["2.weight"] = arrays["2.weight"][:, :7]
        weights = self.save("m.npz", arrays)
        self.refused("no array that is left has the shape of fc2 (8, 8). The network has fc1 (8, 784), fc2 (8, 8), fc3 (10, 8). "
                     "The file has 0.weight (8, 784), 0.bias (8), 2.weight (8, 7)", weights)
        self.refused("2.bias (9) is no bias of fc2 (8, 8)", self.save("m.npz", state_dict() | {"2.bias": numpy.zeros(9, "f4")}))
        self.refused("8.weight (3, 3) belongs to no layer", self.save("m.npz", state_dict() | {"8.weight": numpy.zeros((3, 3), "f4")}))
        self.refused("batch normalisation must be folded", self.save("m.npz", state_dict() | {"1.running_mean": numpy.zeros(8, "f4")}))

    def test_names(self):
        weights = self.save("m.npz", state_dict())
        self.refused("model.names.fc9 names no layer", weights, model__names="{fc9='0.weight'}")
        self.refused("the file has no such array", weights, model__names="{fc1='0.wait'}")
        self.refused("model.names has no fc2", weights, model__names="{fc1='0.weight'}")
        self.refused("model.names gives 2.weight (8, 8) to fc1", weights, model__names="{fc1='2.weight'}")

    def test_two_models_of_one_name(self):
        weights = self.save("m.npz", state_dict())
        self.refused('both the model "m"', [str(weights), str(self.folder / "*.npz")])

    def test_not_a_number(self):
        arrays = state_dict()
        arrays["4.bias"][3] = numpy.inf
        done = self.analyse(self.save("m.npz", arrays), **PCA_ALONE)
        self.assertEqual(done.returncode, NO_REPLICA)
        self.assertIn("4.bias (10): 1 of its 10 numbers are not finite", done.stdout + done.stderr)

    def test_trajectories(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        good = walk(arrays["2.weight"], 5)
        for change, said in (({"2.weight": good[:2]}, "has 2 snapshots; PCA needs 3 or more"),
                             ({"2.weight": good[:, :7]}, "does not fit fc2 (8, 8)"),
                             ({"other": good}, "the trajectory has none of pca.layers (fc2); it has other (5, 8, 8)")):
            self.refused(said, weights, model__trajectory=self.save("t.npz", change))
        self.refused("there is no such file", weights, model__trajectory=self.folder / "none.npz")
        self.refused("model.training = \"window\": the trajectory has 5 snapshots", weights, model__training="window",
                     model__trajectory=self.save("t.npz", {"2.weight": good}))
        self.refused("one for 2 models; write {model}", self.folder / "[mn].npz",
                     model__trajectory=self.save("n.npz", state_dict()))

    def test_a_trajectory_that_ends_elsewhere_or_is_not_finite(self):
        arrays = state_dict()
        weights = self.save("m.npz", arrays)
        snapshots = walk(arrays["2.weight"], 5)
        wrong = numpy.where(numpy.arange(5)[:, None, None] == 1, numpy.nan, snapshots)
        for output, change, said in (("a", snapshots[:-1], "the last snapshot of fc2 is not the model's weights"),
                                     ("b", wrong, "not finite")):
            done = self.analyse(weights, output=output, model__trajectory=self.save("t.npz", {"fc2": change}), **PCA_ALONE)
            self.assertEqual(done.returncode, NO_REPLICA)
            self.assertIn(said, done.stdout + done.stderr)

    def test_columns(self):
        weights = self.save("m.npz", state_dict())
        for text, said in (("lr\n0.1\n", "no column is called model"), ("model,lr\n", 'the model "m" has no line'),
                           ("model,lr\nm,1\nm.npz,2\n", "is there twice"), ("model,lr\nn,1\n", '"n" is none of the models'),
                           ("model,status\nm,1\n", "flatsweep has a column of this name"), ("model,lr\nm\n", "line 2 has 1 column"),
                           ("model,a b\nm,1\n", "letters, digits and _"), ('model,lr\nm,"1\n', "never closed"),
                           ("model,lr,lr\nm,1,2\n", "two columns lr"),
                           (f"model,lr\nm,{'x' * 5000}\n", "a field of 5000 bytes"), ("", "it is empty")):
            (self.folder / "c.csv").write_text(text, encoding="utf-8")
            self.refused(said, weights, model__columns=self.folder / "c.csv")

    def test_keys(self):
        weights = self.save("m.npz", state_dict())
        self.refused("output.trajectory = true does nothing", weights, output__trajectory=True)
        self.refused("grid.seed = ", weights, grid__seed=[1, 2])
        self.refused("pooled_pca.enabled = true does nothing", weights, pooled_pca__enabled=True)
        self.refused("there is no layer 'fc9'", weights, pca__layers=["fc9"])

    def test_a_run_that_trains_wants_no_models(self):
        for keys in (dict(model__weights="m.npz"), dict(model__trajectory="t.npz"), dict(model__columns="c.csv"),
                     dict(model__training="window"), dict(model__names="{fc1='a'}")):
            done = self.run_to_end(1, "out", **keys)
            self.assertEqual(done.returncode, BAD_INPUT, keys)
            self.assertIn("flatsweep analyse", done.stderr)


class CommandLine(ModelsTest):
    def test_the_command_analyse_and_a_dry_run(self):
        self.save("m.npz", state_dict())
        broken = self.save("n.npz", state_dict())
        broken.write_bytes(broken.read_bytes()[:-50])
        config = self.folder / "c.toml"
        config.write_text(f'[model]\nweights = "{self.folder}/*.npz"\n[data]\nname = "mnist-sample"\n[network]\nwidth = 8\n',
                          encoding="utf-8")
        done = subprocess.run([BINARY, "analyse", str(config), "--dry-run"], cwd=SOURCE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn("models    2 networks made elsewhere, 1 of them broken", done.stdout)
        self.assertIn("absent    pca, flatness, first_mode, dynamics, mlf, filters, nulls: there is no trajectory of fc2", done.stdout)
        self.assertRegex(done.stdout, r"broken    .*n\.npz: .*no whole zip archive")


if __name__ == "__main__":
    unittest.main()
