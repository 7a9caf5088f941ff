"""What `flatsweep status` says of a run that goes on, was killed, is finished, or is none, and the lines of progress.csv."""
import csv
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import unittest

import h5py
import numpy as np

from flatsweep_runs import BINARY, MPIEXEC, PCA_ALONE, SOURCE, RunTest, finish, kill_ranks, wait_for

sys.path.insert(0, str(SOURCE / "python"))
import flatsweep  # noqa: E402, of the tree

BAD_INPUT, NO_RESULT, STOPPED = 2, 70, 75
COLUMNS = ["time", "replica", "stage", "fraction", "done", "epoch", "train_loss", "train_error", "test_loss", "test_error"]
QUICK = PCA_ALONE | dict(data__train_limit=300, grid__seed=[1, 2, 3], window__opens_at_epoch=40, run__checkpoint_epochs=10)
LONG = QUICK | dict(window__opens_at_epoch=1000000)
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class StatusTest(RunTest):
    def out(self):
        return self.folder / "out"

    def status(self, *words, folder=None, **environment):
        return subprocess.run([BINARY, "status", str(folder or self.out()), *words], cwd=SOURCE, text=True, capture_output=True,
                              timeout=60, env=os.environ | environment)

    def rows(self):
        """The whole lines of progress.csv; a reader may come while one is written."""
        text = (self.out() / "progress.csv").read_text()
        rows = list(csv.DictReader(text[:text.rfind("\n") + 1].splitlines()))
        for row in rows:
            self.assertEqual(list(row), COLUMNS)
            self.assertRegex(row["time"], TIME)
        return rows

    def epochs(self):
        return [(int(row["replica"]), int(row["epoch"])) for row in self.rows() if row["epoch"]]

    def started(self, **keys):
        """A run on two ranks, when both have trained for some epochs."""
        process = self.start(2, "out", "--resume", **keys)
        self.addCleanup(self.end, process)
        self.assertTrue(wait_for(process, lambda: (self.out() / "progress.csv").exists() and
                                 {replica for replica, epoch in self.epochs() if epoch > 20} >= {0, 1}))
        return process

    def end(self, process):
        if process.poll() is None:
            kill_ranks(process)
            finish(process)

    def killed(self, **keys):
        process = self.started(**keys)
        kill_ranks(process)
        finish(process)
        return process

    def files(self):
        return {str(path): path.read_bytes() for path in sorted(self.out().rglob("*")) if path.is_file()}


class Running(StatusTest):
    def test_a_run_that_goes_on(self):
        process = self.started(**LONG)
        done = self.status()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout.splitlines()[0], r"out: running for \d+\.\d s \(process \d+ on ")
        self.assertIn("3 replicas: 0 done, 2 running, 1 waiting", done.stdout)
        self.assertRegex(done.stdout, r"running +replica +0  training 0 %, \d+ epochs trained, test error 0\.\d{4}")
        self.assertRegex(done.stdout, r"\n +replica +1  training 0 %")
        self.assertEqual(self.status(OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="1").stdout, "", "one copy speaks")
        last = flatsweep.open(self.out()).progress.query("replica >= 0").groupby("replica").last()
        self.assertEqual(last.stage.tolist(), ["training", "training"])
        self.assertGreater(last.epoch.min(), 20)
        self.assertIsNone(process.poll(), "nobody has disturbed it")

    def test_watching_ends_with_the_run(self):
        process = self.started(**LONG)
        watch = subprocess.Popen([BINARY, "status", str(self.out()), "--watch"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = watch.stdout.readline()
        self.assertRegex(first, r"running, 3 replicas: 0 done, 2 running, 1 waiting, \[\.*\] 0\.\d %")
        kill_ranks(process)
        finish(process)
        out, err = watch.communicate(timeout=60)
        self.assertEqual((watch.returncode, err), (STOPPED, ""))
        self.assertIn("out: interrupted: the job that wrote here", out)
        self.assertNotIn("\033", out)

    def test_watching_on_a_terminal_draws_anew_and_a_signal_ends_it(self):
        self.started(**LONG)
        ours, theirs = pty.openpty()
        watch = subprocess.Popen([BINARY, "status", str(self.out()), "--watch"], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        while shown.count(b"running for") < 2:
            shown += os.read(ours, 4096)
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(timeout=20), -signal.SIGINT)
        os.close(ours)
        self.assertRegex(shown, rb"\033\[\d+A\033\[J")
        self.assertTrue(shown.endswith(b"\n"), "what follows begins on a line of its own")


class SmallTerminal(StatusTest):
    """What is drawn anew must lie on the terminal whole: lines that went on in the next row, or left it at the top, would stay."""

    def shown(self, command, rows, columns, enough, last):
        """What the command draws on such a terminal until `enough` of it holds."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(command, cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        while not enough(shown):
            shown += os.read(ours, 4096)
        process.send_signal(last)
        os.close(ours)
        process.wait(timeout=60)
        return shown.decode()

    def test_the_line_of_progress(self):
        """Of the program alone, and behind a launcher."""
        for launcher in ([], [MPIEXEC, "-n", "1"]):
            with self.subTest(launcher=launcher):
                command = [*launcher, *self.command(1, f"out{len(launcher)}", **LONG)]
                shown = self.shown(command, 24, 40, lambda text: text.count(b"\r\033[K") > 2, signal.SIGTERM)
                drawn = re.findall(r"\r\033\[K([^\r\n]+)", shown)
                self.assertTrue(drawn and drawn[0].startswith("0/3 replicas done, "), shown)
                self.assertLess(max(map(len, drawn)), 40)

    def test_watching(self):
        self.started(**LONG)
        watch = [BINARY, "status", str(self.out()), "--watch"]
        shown = self.shown(watch, 4, 40, lambda text: text.count(b"\033[J") > 1, signal.SIGINT)
        self.assertEqual(set(re.findall(r"\033\[(\d+)A", shown)), {"3"}, "the fourth row is the cursor's")
        self.assertIn("\r\n  and 3 more lines\r\n", shown)
        self.assertLess(max(map(len, re.split(r"\033\[J|\r\n", shown))), 40)


class Stopped(StatusTest):
    def test_a_run_that_was_killed(self):
        self.killed(**LONG)
        before = self.files()
        done = self.status()
        self.assertEqual((done.returncode, done.stderr), (STOPPED, ""))
        self.assertRegex(done.stdout.splitlines()[0], r"out: interrupted: the job that wrote here \(process \d+ on .*\) is gone, its last sign is ")
        self.assertIn("3 replicas: 0 done, 2 begun, 1 waiting", done.stdout)
        self.assertRegex(done.stdout, r"begun +replica +0  training 0 %, \d+ epochs trained")
        self.assertIn("--resume", done.stdout)
        self.assertEqual(self.files(), before, "nothing is changed")
        watched = self.status("--watch")
        self.assertEqual((watched.returncode, watched.stdout.splitlines()[1:]), (STOPPED, done.stdout.splitlines()[1:]))

    def test_resumed_every_epoch_has_one_line(self):
        """Also where a line was cut by the kill, and where epochs behind the last checkpoint are trained again."""
        self.killed(**QUICK | dict(window__opens_at_epoch=400, run__checkpoint_epochs=1000))
        whole = (self.out() / "progress.csv").read_bytes()
        with open(self.out() / "progress.csv", "ab") as file:
            file.write(whole.splitlines()[-1][:40])
        self.assertEqual(self.status().returncode, STOPPED)
        self.run_well(1, "out", "--resume", **QUICK | dict(window__opens_at_epoch=400, run__checkpoint_epochs=1000))
        text = (self.out() / "progress.csv").read_bytes()
        self.assertTrue(text.startswith(whole), "lines are added, never changed")
        self.assertTrue(text.endswith(b"\n"))
        self.assertEqual(sorted(self.epochs()), [(replica, epoch) for replica in range(3) for epoch in range(1, 403)])
        self.assertEqual([row["stage"] for row in self.rows() if row["replica"] == "-1"],
                         ["begins", "begins", "writing results.h5", "ends"])
        self.assertEqual(sum(row["stage"] == "done" for row in self.rows()), 3)


class Finished(StatusTest):
    def test_a_run_that_is_finished(self):
        path = self.run_well(2, "out", **QUICK)
        done = self.status()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [f"{self.out()}: finished", "  grid       3 replicas: 3 done", f"  results    {path}"])
        self.assertEqual(self.status("--watch").stdout, done.stdout)
        rows = [row for row in self.rows() if row["replica"] == "0" and row["epoch"]]
        with h5py.File(path) as file:
            for name in COLUMNS[6:]:
                stored = file[f"replica/000000/training/{name}"][()]
                said = np.array([float(row[name]) for row in rows])
                np.testing.assert_allclose(said, stored, rtol=1e-6, err_msg=name)

    def test_a_new_run_begins_the_file_anew(self):
        self.run_well(2, "out", **QUICK)
        self.run_well(2, "out", "--overwrite", **QUICK | dict(grid__seed=[1]))
        self.assertEqual({replica for replica, _ in self.epochs()}, {0})

    def test_replicas_that_diverge_are_named(self):
        self.run_to_end(1, "out", **QUICK | dict(grid__learning_rate=[0.1, 1e30], grid__seed=[1]))
        said = self.status().stdout
        self.assertIn("2 replicas: 1 done, 1 diverged", said)
        self.assertRegex(said, r"not done +replica +1  diverged: a loss was not finite in epoch 1")
        self.run_to_end(1, "out", "--overwrite", **QUICK | dict(grid__learning_rate=[1e30], grid__seed=[1]))
        self.assertEqual(self.status().returncode, NO_RESULT)

    def test_slices_have_a_line_each(self):
        self.assertEqual(self.run_to_end(1, "out", "--slice", "0/2", **QUICK).returncode, 0)
        self.run_to_end(1, "out", "--slice", "1/2", run__max_walltime=1e-12, **QUICK)
        done = self.status()
        self.assertEqual(done.returncode, STOPPED)
        first, second = done.stdout.splitlines()[1:]
        self.assertRegex(first, "slice-0-of-2 +ready to be merged, 2 replicas: 2 done")
        self.assertRegex(second, "slice-1-of-2 +interrupted, 1 replica: 0 done, 1 waiting")
        self.assertIn("the slice is finished", self.status(folder=self.out() / "slice-0-of-2").stdout)


class Report(StatusTest):
    def test_of_a_run_that_was_killed(self):
        """What it has finished is on the page, which says that it is not all."""
        process = self.start(1, "out", **QUICK | dict(flatness__enabled=True, flatness__directions="all", window__length_epochs=20))
        self.addCleanup(self.end, process)
        self.assertTrue(wait_for(process, lambda: (self.out() / "work/000000/done.h5").exists()))
        kill_ranks(process)
        finish(process)
        done = subprocess.run(["/usr/bin/python3", SOURCE / "plots/report.py", self.out(), "--only", "figS02"], text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        page = (self.out() / "report.html").read_text()
        self.assertIn("The run was in progress, or stopped, when this page was made", page)
        self.assertRegex(page, "Of 3 replicas [12] finished")
        self.assertNotIn("<dd>cannot be read", page)
        self.assertNotIn('<ul class="warnings">', page)
        done = subprocess.run(["/usr/bin/python3", SOURCE / "plots/figures.py", self.out(), "--only", "figS02"], text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((self.out() / "figures/figS02.pdf").is_file())


class NoRun(StatusTest):
    def refused(self, words, *arguments, code=BAD_INPUT):
        done = subprocess.run([BINARY, "status", *arguments], text=True, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (code, "", 1), done.stderr)
        self.assertIn(words, done.stderr)

    def test_folders_that_hold_none(self):
        self.refused("there is no such folder; name the output folder of a run", self.out())
        self.out().mkdir()
        self.refused("neither results.h5 nor work/ of a run is here; name an output folder of flatsweep", self.out())
        self.refused("status wants one output folder")
        self.refused("status wants one output folder", "a", "b")
        self.assertIn("--watch goes with status", subprocess.run([BINARY, "inputs/grid.toml", "--watch"], text=True, capture_output=True).stderr)

    def test_damaged_files(self):
        self.killed(**LONG)
        for rubbish in ("rubbish\n", "replica,replicas,share\n-5,1,0.5\n", "replica,replicas,share\n0,9223372036854775807,0.5\n",
                        "replica,replicas,share\n0,1,1e300\n"):
            (self.out() / "work/plan.csv").write_text(rubbish)
            self.refused("work/plan.csv: it is damaged", self.out(), code=74)
        (self.out() / "work/plan.csv").unlink()
        self.assertEqual(self.status().returncode, STOPPED, "as where a job was killed before it had a plan")
        (self.out() / "progress.csv").unlink()
        os.mkfifo(self.out() / "progress.csv")
        self.refused("progress.csv: it is a pipe", self.out(), code=74)

    def test_a_run_goes_on_where_the_file_cannot_be_written(self):
        (self.out() / "progress.csv/in the way").mkdir(parents=True)
        done = self.run_to_end(2, "out", **QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("progress.csv: how far the run is can no longer be written there: Is a directory", done.stderr)


if __name__ == "__main__":
    unittest.main()
