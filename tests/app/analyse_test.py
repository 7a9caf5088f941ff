"""What is added to a finished run, or to one that was stopped, has the bits of one run that was asked for all of it at once."""
import signal
import subprocess
import unittest

import h5py

from flatsweep_runs import BINARY, MPIEXEC, PCA_ALONE, SOURCE, RunTest, finish, messages, toml, wait_for

BAD_INPUT, STOPPED = 2, 75
# Teams of one, so that nothing depends on who does what.
GRID = PCA_ALONE | dict(run__team_size=1, grid__seed=[1, 2])
MORE = dict(flatness__enabled=True, curvature__enabled=True, pca__layers=["fc2", "fc1"], curvature__dense_limit=600)


class Analyse(RunTest):
    def start_analyse(self, ranks, output, *options, **keys):
        sets = [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        command = [MPIEXEC, "-n", str(ranks), BINARY, "analyse", str(self.folder / output), *options, *sets]
        return subprocess.Popen(command, cwd=SOURCE, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def analyse(self, *arguments, **keys):
        return finish(self.start_analyse(*arguments, **keys))

    def analyse_well(self, *arguments, **keys):
        done = self.analyse(*arguments, **keys)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def assert_refused(self, done, *parts):
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for part in parts:
            self.assertIn(part, messages(done)[0])

    def mark(self, output):
        """Changes what the first replica's training curves say: only training again would put it right."""
        with h5py.File(self.results(output), "r+") as file:
            file["replica/000000/training/test_loss"][0] = 77.0

    def assert_marked(self, output, replica="000000"):
        with h5py.File(self.results(output), "r+") as file:
            curve = file[f"replica/{replica}/training/test_loss"]
            self.assertEqual(curve[0], 77.0, "the replica was trained again")

    def test_analyses_and_layers_are_added_to_a_finished_run(self):
        both = self.run_well(2, "both", **GRID | MORE)
        self.run_well(2, "out", **GRID)
        done = self.analyse_well(2, "out", **MORE)
        self.assertEqual(done.stderr, "")
        self.assert_same_results(both, self.results("out"))
        self.assertFalse((self.folder / "out/work").exists())
        self.assertIn("nothing to do", self.analyse_well(1, "out", **MORE).stdout)

    def test_no_replica_is_trained_again(self):
        self.run_well(1, "out", **GRID)
        self.mark("out")
        self.analyse_well(1, "out", flatness__enabled=True, grid__seed=[3, 1, 2])
        self.assert_marked("out", "000001")

    def test_replicas_are_added_and_known_by_their_keys(self):
        grown = dict(grid__seed=[0, 1, 2], grid__batch_size=[25, 50], grid__psi_assumed=[3.0, 4.0], flatness__enabled=True,
                     pooled_pca__enabled=True, flatness__directions=9)
        both = self.run_well(2, "both", **GRID | grown)
        self.run_well(2, "out", **GRID | dict(flatness__enabled=True, pooled_pca__enabled=True))
        self.mark("out")
        self.analyse_well(2, "out", **grown)
        with h5py.File(both) as whole, h5py.File(self.results("out"), "r+") as file:
            for replica in ("000007", "000010"):   # B = 50, seed 1, with either psi
                self.assertEqual(file[f"replica/{replica}/training/test_loss"][0], 77.0)
                file[f"replica/{replica}/training/test_loss"][0] = whole[f"replica/{replica}/training/test_loss"][0]
        self.assert_same_results(both, self.results("out"))

    def test_flatness_does_not_depend_on_the_other_directions(self):
        few = self.run_well(1, "out", **GRID | dict(flatness__enabled=True, flatness__directions=5, grid__seed=[1],
                                                    flatness__spacing="leading"))
        with h5py.File(few) as file:
            before = {name: data[()] for name, data in file["replica/000000/flatness/fc2"].items()}
        self.analyse_well(1, "out", flatness__directions=12)
        with h5py.File(few) as file:
            after = file["replica/000000/flatness/fc2"]
            places = [list(after["direction"][()]).index(direction) for direction in before["direction"]]
            self.assertGreater(len(after["direction"]), len(places))
            for name in ("left", "right", "flatness", "slope", "curvature", "loss_curvature"):
                self.assertEqual([*after[name][()][places]], [*before[name]], name)

    def test_what_cannot_be_added_is_refused_by_its_key(self):
        self.run_well(1, "out", **GRID | dict(flatness__enabled=True))
        before = self.results("out").read_bytes()
        for key, value, parts in (
                ("train__batch_size", 100, ["train.batch_size", "grid.batch_size = [50, 100]"]),
                ("train__momentum", 0.5, ["train.momentum was 0.9 and would be 0.5", "trained anew"]),
                ("window__length_epochs", 3, ["window.length_epochs was 2 and would be 3"]),
                ("data__train_limit", 500, ["data.train_limit"]),
                ("grid__seed", [2, 3], ["grid.seed", "replicas with 1", "grid.seed = [1, 2, 3]"]),
                ("pca__layers", ["fc1"], ["pca.layers", "fc2"]),
                ("flatness__enabled", False, ["flatness.enabled"]),
                ("flatness__enabld", True, ["flatness.enabled"])):
            with self.subTest(key):
                self.assert_refused(self.analyse(1, "out", **{key: value}), *parts)
        self.assert_refused(self.analyse(1, "nowhere", flatness__enabled=True), "no results are here")
        self.assert_refused(self.analyse(1, "out", "--resume"), "--resume")
        self.assert_refused(self.analyse(1, "out", "--output", "other"), "--output")
        self.assert_refused(self.analyse(1, "out", "--", "-eps_max_it", "7"), "PETSc options")
        self.assertEqual(before, self.results("out").read_bytes())
        self.assertFalse((self.folder / "out/work").exists())

    def test_results_without_the_state_of_the_window_are_trained_again(self):
        whole = self.run_well(1, "whole", **GRID | dict(filters__enabled=True))
        self.run_well(1, "out", **GRID)
        with h5py.File(self.results("out"), "r+") as file:
            for replica in file["replica"].values():
                del replica["window_start"]
        done = self.analyse_well(1, "out", filters__enabled=True)
        self.assertIn("2 replicas are trained again", done.stderr)
        self.assert_same_results(whole, self.results("out"))

    def test_a_stopped_addition_goes_on_and_the_results_stay_whole(self):
        long = GRID | dict(window__length_epochs=20)
        more = dict(flatness__enabled=True, flatness__directions="all", grid__seed=[1, 2, 3])
        both = self.run_well(1, "both", **long | more)
        results = self.run_well(1, "out", **long)
        before = results.read_bytes()
        for go_on in (lambda: self.start_analyse(1, "out", **more), lambda: self.start(1, "out", "--resume", **long | more)):
            process = self.start_analyse(1, "out", **more)
            self.assertTrue(wait_for(process, lambda: list((self.folder / "out/work").glob("*/flatness-fc2.h5"))))
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(finish(process).returncode, STOPPED)
            self.assertEqual(results.read_bytes(), before)
            self.assert_refused(self.analyse(1, "out", **more | dict(flatness__directions=3)), "unfinished run")
            done = finish(go_on())
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assert_same_results(both, results)
            results.write_bytes(before)

    def test_a_run_that_was_stopped_is_resumed_with_more(self):
        long = GRID | dict(window__length_epochs=20, flatness__enabled=True, flatness__directions="all")
        more = dict(filters__enabled=True, pca__directions=7, grid__seed=[1, 2, 3])
        both = self.run_well(1, "both", **long | more)
        process = self.start(1, "out", **long)
        self.assertTrue(wait_for(process, lambda: list((self.folder / "out/work").glob("*/flatness-fc2.h5"))))
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(finish(process).returncode, STOPPED)
        for keys, parts in ((dict(train__batch_size=10), ["train.batch_size"]), (dict(grid__seed=[3, 1, 2]), ["grid"])):
            self.assert_refused(self.run_to_end(1, "out", "--resume", **long | keys), "another configuration", *parts)
        process = self.start(1, "out", "--resume", **long | more)
        done = finish(process)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assert_same_results(both, self.results("out"))

    def test_diverged_replicas_stay_diverged(self):
        grid = GRID | dict(grid__learning_rate=[0.1, 1e6], grid__seed=[1])
        both = self.run_well(1, "both", **grid | dict(filters__enabled=True))
        self.run_well(1, "out", **grid)
        self.analyse_well(1, "out", filters__enabled=True)
        self.assert_same_results(both, self.results("out"))


if __name__ == "__main__":
    unittest.main()
