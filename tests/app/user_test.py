"""What the user meets: help, dry run, output, existing results, replicas that fail."""
import os
import pty
import re
import select
import subprocess
import unittest
import unittest.mock
from pathlib import Path

import h5py
import numpy

from columns import column
from flatsweep_runs import BINARY, SOURCE, RunTest, finish, messages, wait_for

BAD_INPUT, NO_RESULT = 2, 70


class Terminal(RunTest):
    def test_help_and_version_need_no_configuration_and_no_mpirun(self):
        for option, expected in (("--help", "Usage: mpirun -n RANKS flatsweep CONFIG.toml"), ("--version", "flatsweep ")):
            done = subprocess.run([BINARY, option], capture_output=True, text=True, cwd=self.folder, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(expected, done.stdout)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_rank_alone_runs_without_a_daemon_its_folder_and_drivers_of_networks(self):
        """Open MPI's, which take three quarters of a start's time; daemon and folder would be shared with other programs."""
        temporary = self.folder / "tmp"
        temporary.mkdir()
        with unittest.mock.patch.dict(os.environ, TMPDIR=str(temporary)):
            for chosen in [name for name in os.environ if name.startswith("OMPI_MCA_")]:
                del os.environ[chosen]
            process = self.start(1, "out")
        self.assertTrue(wait_for(process, lambda: list((self.folder / "out").glob("work/*"))))
        children = [file.read_text() for file in Path(f"/proc/{process.pid}/task").glob("*/children")]
        self.assertEqual("".join(children), "")
        self.assertNotIn("/mca_mtl_", Path(f"/proc/{process.pid}/maps").read_text())
        self.assertEqual(list(temporary.iterdir()), [])
        done = finish(process)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_dry_run_prints_the_grid_and_writes_nothing(self):
        done = self.run_to_end(2, "out", "--dry-run", grid__batch_size=[10, 50], grid__psi_assumed=[3, 4])
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
        table = re.match(r"\[([\w.]+)\]\n", section)
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
        self.assertEqual(self.complete("inputs/grid.toml", "--set", "mlf.enabled", "=", "f"), ["false"])
        self.assertEqual(self.complete("merge", "inp"), ["inputs"])
        self.assertEqual(self.complete("analyse", "inputs/for"), ["inputs/foreign.toml"])
        self.assertEqual(self.complete("export", "inp"), ["inputs"])
        self.assertEqual(self.complete("inputs/grid.toml", "inp"), [])
        self.assertEqual(self.complete("status", "inp"), ["inputs"])

    def ask(self, *words, before=""):
        """What the completion that bash has for the command `words[0]` offers for the last word."""
        script = before + """
            source "$0"
            spec=$(complete -p "${1##*/}"); [[ $spec =~ -F\ ([^ ]+) ]]
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            "${BASH_REMATCH[1]}" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf '%s\\n' "${COMPREPLY[@]}" """
        done = subprocess.run(["bash", "-c", script, SOURCE / "tools/completion/flatsweep.bash", *words], cwd=SOURCE, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_the_completion_works_behind_a_launcher(self):
        for launcher in (["mpirun", "-n", "4"], ["mpiexec", "-n", "4", "--bind-to", "none"], ["srun", "--mpi=pmix"], ["/usr/bin/mpirun"]):
            with self.subTest(launcher):
                program = [*launcher, "build/flatsweep"]
                self.assertEqual(self.ask(*launcher, "flatsweep", "--"), help_options())
                self.assertEqual(self.ask(*program, "inputs/qui"), ["inputs/quickstart.toml"])
                self.assertEqual(self.ask(*program, "inputs/grid.toml", "--set", "train.lo"), ["train.loss="])
                self.assertEqual(self.ask(*program, "inputs/grid.toml", "--set", "train.loss", "=", "sq"), ["square"])
        self.assertIn("bash", self.ask("mpirun", "-n", "4", "bas"), "as commands are completed")

    def test_a_launcher_keeps_its_own_completion(self):
        before = "_own() { COMPREPLY=(--own-$3); }; complete -F _own srun"
        self.assertEqual(self.ask("srun", "-n", "4", before=before), ["--own--n"])
        self.assertEqual(self.ask("srun", "-n", "4", "flatsweep", "st", before=before), ["status"])

    def test_a_shell_where_somebody_types_completes_behind_a_launcher(self):
        ours, theirs = pty.openpty()
        environment = dict(os.environ, PS1="$ ", TERM="dumb", INPUTRC="/dev/null", PATH="/usr/bin:/bin")
        shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=SOURCE,
                                 env=environment, start_new_session=True)
        os.close(theirs)
        self.addCleanup(shell.wait)
        self.addCleanup(os.close, ours)
        self.addCleanup(shell.kill)
        os.write(ours, b"source tools/completion/flatsweep.bash\nmpirun -n 4 flatsweep inputs/qui\t--res\t")
        wanted, shown = b"mpirun -n 4 flatsweep inputs/quickstart.toml --resume", b""
        while wanted not in shown:
            ready, _, _ = select.select([ours], [], [], 20)
            self.assertTrue(ready, shown)
            shown += os.read(ours, 4096)


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
        done = self.run_to_end(2, "out", "--quiet", grid__learning_rate=rates, grid__seed=[1, 2])
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.said = sorted(messages(done))
        self.log = (self.folder / "out" / "log.txt").read_text()
        file = h5py.File(self.results("out"))
        self.addCleanup(file.close)
        self.assertEqual(column(file["grid/status"])[2:].tolist(), ["done"] * 2)
        self.assertEqual(file["grid/failed_analyses"][()].tolist(), [0] * 4)
        self.assertIn("flatness/fc2", file["replica/000002"])
        summary = file["summary/psi/fc2"]
        self.assertEqual(summary["replicas"][()].tolist(), [0, 2])
        self.assertTrue(numpy.isnan(summary["test_error"][0]))
        return file

    def test_a_loss_that_is_not_finite(self):
        file = self.run_grid([1e30, 0.1])
        self.assertEqual(column(file["grid/status"])[:2].tolist(), ["diverged"] * 2)
        self.assertEqual(sorted(file["replica/000000"]), ["training", "weights"])
        self.assertEqual(file["replica/000000"].attrs["status"], "diverged")
        self.assertLess(file["grid/epochs_trained"][0], file["grid/epochs_trained"][2])
        self.assert_told([f"replica {i:06d} diverged: a loss was not finite in epoch 1; try a smaller learning rate" for i in (0, 1)],
                         "2 of 4 replicas diverged: see /grid/status")

    def assert_told(self, warnings, end):
        """Each on the terminal though it is quiet, and in the log; how many in the last line."""
        self.assertEqual(self.said, [f"flatsweep: warning: {text}" for text in warnings])
        for text in warnings:
            self.assertEqual(self.log.count(f" warning: {text}\n"), 1, self.log)
        self.assertTrue(self.log.rstrip().endswith(end), self.log[-300:])

    def test_a_network_whose_units_are_all_dead(self):
        """Finite, but the analysed layer no longer moves: there is nothing to analyse."""
        file = self.run_grid([1e4, 0.1])
        self.assertEqual(column(file["grid/status"])[:2].tolist(), ["failed"] * 2)
        self.assertEqual(sorted(file["replica/000000"]), ["training", "weights"])
        self.assertIn("the layer's weights did not", file["replica/000000"].attrs["message"])
        self.assert_told([f"replica {i:06d} failed: {file['replica/000000'].attrs['message']}" for i in (0, 1)],
                         "2 of 4 replicas failed: see /grid/status")

    def test_a_run_in_which_none_is_done_is_no_success(self):
        """Not in any study, not in a slice, not when they are merged, and not when it is asked again."""
        for keys in ({}, dict(study="continual", grid__seed=[1]), dict(study="noise")):
            keys = dict(train__learning_rate=1e30, **keys)
            done = self.run_to_end(2, "out", "--overwrite", "--quiet", **keys)
            self.check_without_result(done, "1 of 1 diverged")
            self.assertEqual(len(messages(done)), 2, done.stderr)
            self.assertTrue(self.results("out").exists())
            self.check_without_result(self.run_to_end(1, "out", "--resume", **keys), "1 of 1 diverged")
        keys = dict(grid__learning_rate=[1e30, 1e29])
        for i in range(2):
            self.check_without_result(self.run_to_end(1, "grid", "--slice", f"{i}/2", **keys), "1 of 1 diverged")
        slices = [str(self.folder / "grid" / f"slice-{i}-of-2") for i in range(2)]
        for _ in range(2):
            done = subprocess.run([BINARY, "merge", *slices, "--resume"], cwd=SOURCE, capture_output=True, text=True)
            self.check_without_result(done, "2 of 2 diverged")

    def check_without_result(self, done, count):
        self.assertEqual(done.returncode, NO_RESULT, done.stdout + done.stderr)
        self.assertIn(f"flatsweep: no replica is done: {count}", done.stderr)


class FailingAnalyses(RunTest):
    """An analysis whose numbers cannot be had leaves a hole; everything else is as without it."""

    KEYS = dict(curvature__dense_limit=1, curvature__modes=4, curvature__trace_products=6, mlf__enabled=False,
                nulls__enabled=False, dynamics__enabled=False, network_curvature__kinds=["hessian", "empirical-fisher"])

    def run_with(self, petsc, *options, **keys):
        """On one rank, with options of PETSc, which stand last."""
        return subprocess.run([*self.command(1, "out", *options, **keys), "--", *petsc], cwd=SOURCE, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def groups(self, path):
        """{group: {data set: bytes}} of the first replica and the summary."""
        found = {}

        def add(name, node):
            if isinstance(node, h5py.Dataset):
                found[node.name.lstrip("/")] = node[()].tobytes()

        with h5py.File(path) as file:
            for top in ("replica/000000", "summary"):
                file[top].visititems(add)
        return found

    def test_a_solver_that_cannot_start(self):
        whole = self.run_well(1, "whole", **self.KEYS)
        done = self.run_with(["-leading_eps_type", "nonsense"], "--quiet", **self.KEYS)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        holes = ["replica/000000/curvature/fc2", "replica/000000/network_curvature/hessian",
                 "replica/000000/network_curvature/empirical-fisher"]
        said = "\n".join(messages(done))
        with h5py.File(self.results("out")) as file:
            self.assertEqual(file["grid/failed_analyses"][()].tolist(), [len(holes)])
            self.assertEqual(column(file["grid/status"]).tolist(), ["done"])
            for name in holes:
                self.assertEqual(file[name].attrs["status"], "failed")
                self.assertEqual(list(file[name]), [])
                self.assertIn("PETSc failed", file[name].attrs["message"])
                self.assertIn(file[name].attrs["message"], said)
        self.assertIn("3 analyses failed: see /grid/failed_analyses", (self.folder / "out" / "log.txt").read_text())
        kept = {name: data for name, data in self.groups(whole).items() if "curvature/" not in name}
        self.assertEqual({name: data for name, data in self.groups(self.results("out")).items() if "curvature/" not in name}, kept)
        done = self.run_with(["-leading_eps_type", "nonsense"], "--resume", **self.KEYS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("analyses failed: see /grid/failed_analyses", done.stdout)

    def test_eigenpairs_of_which_some_converge(self):
        keys = self.KEYS | dict(curvature__enabled=False, network_curvature__leading=12, network_curvature__smallest=4)
        with h5py.File(self.run_well(1, "whole", **keys)) as file:
            whole = {kind: group["leading_eigenvalues"][()] for kind, group in file["replica/000000/network_curvature"].items()}
        done = self.run_with(["-eps_max_it", "2", "-eps_ncv", "16"], **keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        partial = 0
        with h5py.File(self.results("out")) as file:
            self.assertEqual(file["grid/failed_analyses"][()].tolist(), [0])
            for kind, group in file["replica/000000/network_curvature"].items():
                values = group["leading_eigenvalues"][()]
                known = int(numpy.isfinite(values).sum())
                self.assertTrue(numpy.isfinite(values[:known]).all(), "those that converged come first")
                numpy.testing.assert_allclose(values[:known], whole[kind][:known], atol=1e-4 * whole[kind][0])
                if known < len(values):
                    partial += 1
                    self.assertIn(f"{known} of 12 leading eigenpairs converged", group.attrs["incomplete"])
                    self.assertIn(f"{known} of 12 leading eigenpairs converged", done.stderr)
        self.assertGreater(partial, 0)


if __name__ == "__main__":
    unittest.main()
