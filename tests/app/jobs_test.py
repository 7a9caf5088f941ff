"""The job scripts of jobs/, with commands in Slurm's place: signals, requeue, resume, slices. The scripts themselves are the
ones that a user submits; srun is mpirun here, squeue and scontrol say and do what Slurm would for one running job."""
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from flatsweep_runs import BINARY, MPIEXEC, SMALL, SOURCE, RunTest, finish, wait_for

JOB, ARRAY = "4711", "4700"
STOPPED, BAD_INPUT = 75, 2
LONG = dict(grid__batch_size=[10, 20], grid__seed=[1, 2], window__opens_at_epoch=150, window__length_epochs=10, run__checkpoint_epochs=10,
            mlf__enabled=False, nulls__enabled=False, first_mode__enabled=False)

# srun's options are dropped but for the number of tasks; it passes signals on to the ranks, as mpirun does.
SRUN = f"""#!/bin/bash
ranks=$SLURM_NTASKS
while [[ $1 == -* ]]; do
  case $1 in --ntasks=*) ranks=${{1#*=}} ;; esac
  echo "$1" >>"$SLURM_CALLS/srun"
  shift
done
exec {MPIEXEC} -n "$ranks" "$@"
"""
# The state that a test chose for the job.
SQUEUE = """#!/bin/bash
echo "$*" >>"$SLURM_CALLS/squeue"
cat "$SLURM_CALLS/state"
"""
SCONTROL = """#!/bin/bash
echo "$*" >>"$SLURM_CALLS/scontrol"
"""


class Job(RunTest):
    """Plays Slurm for one job after another."""

    def setUp(self):
        super().setUp()
        self.calls = self.folder / "calls"
        commands = self.folder / "bin"
        for folder in (self.calls, commands):
            folder.mkdir()
        for name, text in dict(srun=SRUN, squeue=SQUEUE, scontrol=SCONTROL).items():
            (commands / name).write_text(text)
            (commands / name).chmod(0o755)
        self.environment = dict(os.environ, PATH=f"{commands}:{os.environ['PATH']}", SLURM_CALLS=str(self.calls),
                                SLURM_JOB_ID=JOB, FLATSWEEP=BINARY)
        self.set_state("RUNNING")

    def set_state(self, state):
        (self.calls / "state").write_text(state + "\n")

    def called(self, command):
        file = self.calls / command
        return file.read_text().splitlines() if file.exists() else []

    def submit(self, script, ranks, *arguments, **environment):
        """Starts the script as Slurm's batch shell would, in a process group of its own."""
        return subprocess.Popen(["bash", SOURCE / "jobs" / script, *arguments], cwd=SOURCE, stdin=subprocess.DEVNULL,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                env=self.environment | dict(SLURM_NTASKS=str(ranks)) | environment)

    def study(self, output, *options, **keys):
        """The arguments of a script: what stands behind the program's name on a command line, ranks apart."""
        return self.command(1, output, *options, **keys)[1:]


def warn(process, number, condition):
    """Sends the batch shell a signal once the condition holds, as `--signal=B:` does."""
    assert wait_for(process, condition)
    process.send_signal(number)
    return finish(process)


class Grid(Job):
    def checkpoints(self):
        return list((self.folder / "out").glob("**/checkpoint.h5"))

    def finished(self):
        return list((self.folder / "out").glob("**/done.h5"))

    def test_warned_requeued_and_finished_it_has_the_bits_of_an_undisturbed_run(self):
        whole = self.run_well(2, "whole", **LONG)
        arguments = self.study("out", **LONG)
        for condition, number in ((self.checkpoints, signal.SIGUSR1), (self.finished, signal.SIGTERM)):
            done = warn(self.submit("grid.sbatch", 2, *arguments), number, condition)
            self.assertEqual(done.returncode, STOPPED, done.stdout + done.stderr)
            self.assertFalse(self.results("out").exists())
        self.assertEqual(self.called("scontrol"), [f"requeue {JOB}"] * 2)
        self.assertIn(f"--jobs={JOB}", self.called("squeue")[0])
        done = finish(self.submit("grid.sbatch", 3, *arguments))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(self.called("scontrol")), 2, "a job that is done is not requeued")
        self.assert_same_results(whole, self.results("out"))
        self.assertIn("--mpi=pmix", self.called("srun"))

    def test_a_cancelled_job_does_not_come_back(self):
        self.set_state("COMPLETING")
        done = warn(self.submit("grid.sbatch", 2, *self.study("out", **LONG)), signal.SIGTERM, self.checkpoints)
        self.assertEqual(done.returncode, STOPPED, done.stdout + done.stderr)
        self.assertEqual(self.called("scontrol"), [])

    def test_bad_input_is_not_tried_again(self):
        done = finish(self.submit("grid.sbatch", 2, *self.study("out", train__batch_size=0)))
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)
        self.assertEqual(self.called("scontrol"), [])

    def test_killed_ranks_are_no_success(self):
        process = self.submit("grid.sbatch", 2, *self.study("out", **LONG))
        self.assertTrue(wait_for(process, self.checkpoints))
        for pid in descendants(process.pid):
            if os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(BINARY):
                os.kill(pid, signal.SIGKILL)
                break
        done = finish(process)
        self.assertNotIn(done.returncode, (0, STOPPED), done.stdout + done.stderr)
        self.assertEqual(self.called("scontrol"), [])
        done = finish(self.submit("grid.sbatch", 2, *self.study("out", **LONG)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def descendants(pid):
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from descendants(child)


class Array(Job):
    def element(self, index, **keys):
        return self.submit("array.sbatch", 1, *self.study("out", **(LONG | keys)), SLICES="3", SLURM_ARRAY_JOB_ID=ARRAY,
                           SLURM_ARRAY_TASK_ID=str(index), SLURM_JOB_ID=ARRAY)

    def test_elements_merge_to_the_whole(self):
        whole = self.run_well(2, "whole", run__team_size=1, **LONG)
        slices = [self.folder / f"out/slice-{index}-of-3" for index in range(3)]
        stopped = warn(self.element(0, run__team_size=1), signal.SIGUSR1, lambda: list(slices[0].glob("work/*/checkpoint.h5")))
        self.assertEqual(stopped.returncode, STOPPED, stopped.stdout + stopped.stderr)
        self.assertEqual(self.called("scontrol"), [f"requeue {ARRAY}_0"], "one element, not the array")
        for process in [self.element(index, run__team_size=1) for index in range(3)]:
            done = finish(process)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        subprocess.run([BINARY, "merge", *slices], check=True, stdout=subprocess.DEVNULL, cwd=SOURCE)
        self.assert_same_results(whole, self.results("out"))


class Others(Job):
    def test_the_self_test(self):
        done = finish(self.submit("selftest.sbatch", 2, "--output", str(self.folder)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("checks passed on 2 ranks", done.stdout)
        done = finish(self.submit("selftest.sbatch", 2, "--output", str(self.folder), "--", "-eps_max_it", "1", "-eps_ncv", "12"))
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)

    def test_scaling_prints_a_row_for_every_number_of_ranks(self):
        self.environment["SLURM_JOB_ID"] = job = f"test-{os.getpid()}-{time.time_ns()}"
        results = SOURCE / "runs" / f"scaling-{job}"
        self.addCleanup(subprocess.run, ["rm", "-r", "-f", results])
        for scaling, seeds in (("strong", [3, 3, 3]), ("weak", [1, 2, 3])):
            done = finish(self.submit("scaling.sbatch", 3, str(SMALL), SCALING=scaling))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            rows = [line.split() for line in done.stdout.splitlines() if line[:6].strip().isdigit()]
            self.assertEqual([[int(row[0]), int(row[1])] for row in rows], [[n, s] for n, s in zip([1, 2, 3], seeds)])
            self.assertEqual(rows[0][3:], ["1.00", "100", "%"])
        done = finish(self.submit("scaling.sbatch", 2, str(SMALL), "--set", "train.batch_size=0"))
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
