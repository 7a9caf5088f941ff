"""What the user meets: help, dry run, output, existing results, replicas that fail."""
import re
import subprocess
import unittest

import h5py
import numpy

from flatsweep_runs import BINARY, SOURCE, RunTest, messages

BAD_INPUT = 2


class Terminal(RunTest):
    def test_help_and_version_need_no_configuration_and_no_mpirun(self):
        for option, expected in (("--help", "Usage: mpirun -n RANKS flatsweep CONFIG.toml"), ("--version", "flatsweep ")):
            done = subprocess.run([BINARY, option], capture_output=True, text=True, cwd=self.folder, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(expected, done.stdout)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_dry_run_prints_the_grid_and_writes_nothing(self):
        done = self.run_to_end(2, "out", "--dry-run", grid__batch_size=[10, 50], grid__psi=[3, 4])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("4 replicas, 2 to train; 2 ranks in 2 teams of 1", done.stdout)
        self.assertEqual([line.split()[:2] for line in done.stdout.splitlines()[-4:]],
                         [["000000", "10"], ["000001", "10"], ["000002", "50"], ["000003", "50"]])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_data_that_are_not_where_it_was_started(self):
        for name, advice in (("quickstart", "the sample comes with flatsweep: start in the root of its repository"),
                             ("reference", "bring the set with: tools/get-data mnist --root data")):
            done = subprocess.run([BINARY, SOURCE / f"inputs/{name}.toml", "--dry-run"], capture_output=True, text=True,
                                  cwd=self.folder, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (BAD_INPUT, ""))
            self.assertIn(f"no such file (plain or .gz) below {self.folder}; {advice}", done.stderr)

    def test_a_run_ends_with_a_table_and_the_place_of_the_results(self):
        done = self.run_to_end(2, "out", grid__batch_size=[10, 50])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"results in {self.results('out')} after", done.stdout.splitlines()[-1])
        lines = done.stdout.splitlines()
        table = lines[next(i for i, line in enumerate(lines) if line.split()[0] == "B"):-1]
        self.assertEqual([line.split()[0] for line in table if line.split()[0] in ("B", "10", "50")], ["B", "10", "50"])
        self.assertEqual(sum("psi of a noise walk" in line for line in table), 2)
        self.assertNotIn("\033", done.stdout, "plain lines where there is no terminal")
        self.assertIn("results in", (self.folder / "out" / "log.txt").read_text())

    def test_quiet_prints_nothing(self):
        done = self.run_to_end(2, "out", "--quiet")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertTrue(self.results("out").exists())


def help_options():
    """The options that --help lists, in its order."""
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)


def documented_keys():
    """table.key of every row of docs/configuration.md; config_file_test.cpp compares that page with the program."""
    page = (SOURCE / "docs/configuration.md").read_text(encoding="utf-8")
    keys = []
    for section in page.split("\n## ")[1:]:
        table = re.match(r"\[(\w+)\]\n", section)
        if table or section.startswith("Before the first table"):
            prefix = f"{table[1]}." if table else ""
            keys += [prefix + key for key in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)]
    return keys


class ManualAndCompletion(RunTest):
    """Both know what the program knows."""

    def complete(self, *words):
        """What bash offers for the last of the words behind "flatsweep"."""
        script = """source "$0"; COMP_WORDS=(flatsweep "$@"); COMP_CWORD=$#
                    _flatsweep flatsweep; printf '%s\\n' "${COMPREPLY[@]}" """
        file = SOURCE / "tools/completion/flatsweep.bash"
        done = subprocess.run(["bash", "-c", script, file, *words], cwd=SOURCE, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_the_manual_has_every_option_and_no_other(self):
        manual = (SOURCE / "docs/flatsweep.1").read_text(encoding="utf-8")
        self.assertGreater(len(help_options()), 8)
        self.assertEqual(re.findall(r"^\.It Fl -([a-z-]+)", manual, re.MULTILINE), [name[2:] for name in help_options()])

    def test_the_completion_has_every_option_and_every_key(self):
        self.assertEqual(self.complete("inputs/grid.toml", "--"), help_options())
        self.assertEqual(self.complete("inputs/grid.toml", "--set", ""), [key + "=" for key in documented_keys()])

    def test_the_completion_knows_what_goes_where(self):
        self.assertEqual(self.complete("inputs/qui"), ["inputs/quickstart.toml"])
        self.assertEqual(self.complete("me"), ["merge"])
        self.assertEqual(self.complete("inputs/grid.toml", "--set", "mlf.measure", "=", "f"), ["false"])
        self.assertEqual(self.complete("merge", "inp"), ["inputs"])
        self.assertEqual(self.complete("inputs/grid.toml", "inp"), [])


class ExistingResults(RunTest):
    def stamp(self):
        file = self.results("out")
        return file.stat().st_mtime_ns, file.stat().st_ino, file.read_bytes()

    def test_results_are_replaced_on_demand_only(self):
        self.run_well(2, "out")
        before = self.stamp()
        self.check_refusal(before)
        self.check_resume(before)
        self.run_well(2, "out", "--overwrite", train__seed=2)
        self.assertNotEqual(self.stamp()[2], before[2])
        with h5py.File(self.results("out")) as file:
            self.assertEqual(file["grid/seed"][()].tolist(), [2])

    def check_refusal(self, before):
        done = self.run_to_end(2, "out")
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn("there are results already; use --overwrite to replace them", done.stderr)
        self.assertEqual(self.stamp(), before)

    def check_resume(self, before):
        done = self.run_to_end(2, "out", "--resume")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("finished already", done.stdout)
        self.assertEqual(self.stamp(), before)
        done = self.run_to_end(2, "out", "--resume", train__seed=2)
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn("the results here were made with another configuration", done.stderr)
        self.assertEqual(self.stamp(), before)


class FailingReplicas(RunTest):
    """A learning rate that does not work is a result of that replica; the others finish."""

    def run_grid(self, rates):
        path = self.run_well(2, "out", grid__learning_rate=rates, grid__seed=[1, 2])
        file = h5py.File(path)
        self.addCleanup(file.close)
        self.assertEqual(file["grid/status"][2:].tolist(), [b"done"] * 2)
        self.assertIn("flatness/fc2", file["replica/000002"])
        summary = file["summary/psi/fc2"]
        self.assertEqual(summary["replicas"][()].tolist(), [0, 2])
        self.assertTrue(numpy.isnan(summary["test_error"][0]))
        return file

    def test_a_loss_that_is_not_finite(self):
        file = self.run_grid([1e30, 0.1])
        self.assertEqual(file["grid/status"][:2].tolist(), [b"diverged"] * 2)
        self.assertEqual(sorted(file["replica/000000"]), ["training", "weights"])
        self.assertEqual(file["replica/000000"].attrs["status"], "diverged")
        self.assertLess(file["grid/epochs_trained"][0], file["grid/epochs_trained"][2])

    def test_a_network_whose_units_are_all_dead(self):
        """Finite, but the analysed layer no longer moves: there is nothing to analyse."""
        file = self.run_grid([1e4, 0.1])
        self.assertEqual(file["grid/status"][:2].tolist(), [b"failed"] * 2)
        self.assertEqual(sorted(file["replica/000000"]), ["training", "weights"])
        self.assertIn("the layer's weights did not", file["replica/000000"].attrs["message"])


if __name__ == "__main__":
    unittest.main()
