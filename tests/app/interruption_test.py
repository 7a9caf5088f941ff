"""What a run says when it is stopped or finds damage, and that it goes on with --resume and ends with the bits of an undisturbed
run. fault_injection_test.py kills at random moments and at chosen calls, and takes the disk away."""
import gzip
import io
import os
import random
import re
import shutil
import signal
import time
import unittest
import unittest.mock
from pathlib import Path

import h5py

from flatsweep_runs import (BINARY, PCA_ALONE, SOURCE, TRAILER_SIZE, RunTest, finish, flip_a_byte, kill_ranks, messages, ranks_of, stage_footer,
                            wait_for)

BAD_INPUT, IO_FAILED, STOPPED = 2, 74, 75
RESUMABLE = "finished work and checkpoints are on disk, go on with --resume"
# What asks a run to stop, one way or another.
STOP_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2]


def stop_message(number):
    return f"flatsweep: stopped by {signal.Signals(number).name}; {RESUMABLE}"


def catches(pid, number):
    """Whether the program has come to its first line, which sets a handler for the signal."""
    try:
        if Path(f"/proc/{pid}/exe").resolve() != Path(BINARY).resolve():
            return False   # what starts it has handlers of its own
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(int(re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)[1], 16) >> (number - 1) & 1)

# Two seconds on two cores, with many checkpoints and two stages after training.
QUICK = PCA_ALONE | dict(flatness__enabled=True, data__train_limit=300, grid__batch_size=[10, 20], grid__seed=[1, 2],
                         window__opens_at_epoch=150, run__checkpoint_epochs=10)

CONVOLUTION = PCA_ALONE | dict(network__architecture=["conv 4 kernel 3 padding 1", "pool 2", "conv 6 kernel 3", "pool 2"],
                               pca__layers=["conv1", "conv2"], flatness__enabled=True, data__train_limit=100,
                               train__batch_size=10, grid__seed=[1, 2], window__opens_at_epoch=60, run__checkpoint_epochs=10)


class Undisturbed(RunTest):
    """One run from beginning to end, for all tests to compare with."""

    def setUp(self):
        super().setUp()
        self.path = self.run_well(2, "undisturbed", **QUICK)


def setUpModule():
    global undisturbed
    undisturbed = Undisturbed()
    unittest.addModuleCleanup(undisturbed.doCleanups)
    undisturbed.setUp()


class InterruptedTest(RunTest):
    def work(self):
        return self.folder / "out" / "work"

    def checkpoints(self):
        return list(self.work().glob("*/checkpoint.h5"))

    def assert_complete(self):
        left = sorted(path.name for path in (self.folder / "out").iterdir())
        self.assertEqual(left, ["config.toml", "lock", "log.txt", "progress.csv", "results.h5"])


class ConvolutionNetworks(InterruptedTest):
    def kill_when(self, condition):
        process = self.start(2, "out", "--resume", **CONVOLUTION)
        self.assertTrue(wait_for(process, condition))
        kill_ranks(process)
        self.assertEqual(finish(process).returncode, 137)

    def test_sigkill_in_training_and_between_two_layers(self):
        self.kill_when(self.checkpoints)
        self.kill_when(lambda: list(self.work().glob("*/pca-conv1.h5")))
        resumed = self.run_well(3, "out", "--resume", **CONVOLUTION)
        self.assert_same_results(self.run_well(1, "whole", **CONVOLUTION), resumed)
        self.assert_complete()


class EarlySignals(InterruptedTest):
    """From the program's first line on a signal stops it with 75, or, where there is nothing to save, ends it. One rank
    has no mpirun, which is slow to start and keeps signals for itself."""

    def test_every_signal_in_the_first_second(self):
        rng = random.Random(1)
        for number in STOP_SIGNALS:
            for delay in (0.0, rng.uniform(0.0, 0.3)):
                with self.subTest(signal=number, delay=delay):
                    process = self.start(1, "out", "--overwrite")
                    self.assertTrue(wait_for(process, lambda: catches(process.pid, number)))
                    time.sleep(delay)
                    process.send_signal(number)
                    done = finish(process)
                    self.assertEqual(done.returncode, STOPPED, done.stderr)
                    self.assertEqual(len(messages(done)), 1, done.stderr)
                    self.assertIn(f"stopped by {signal.Signals(number).name}", done.stderr)
                    self.assertNotIn("stopped", done.stdout)

    def test_one_rank_of_two_before_mpi_is_up(self):
        process = self.start(2, "out", "--resume", **QUICK)
        self.assertTrue(wait_for(process, lambda: any(catches(pid, signal.SIGTERM) for pid in ranks_of(process))))
        pid = next(pid for pid in ranks_of(process) if catches(pid, signal.SIGTERM))
        os.kill(pid, signal.SIGTERM)
        done = finish(process)
        self.assertEqual(done.returncode, STOPPED, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assert_same_results(undisturbed.path, self.run_well(2, "out", "--resume", **QUICK))

    def test_a_dry_run_has_nothing_to_save(self):
        process = self.start(1, "out", "--overwrite", "--dry-run")
        self.assertTrue(wait_for(process, lambda: catches(process.pid, signal.SIGTERM)))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(finish(process).returncode, -signal.SIGTERM)


class Stops(InterruptedTest):
    def test_sigusr1_to_mpirun(self):
        done = self.stop_by(signal.SIGUSR1, QUICK)
        self.assertEqual(done.returncode, STOPPED, done.stderr)
        self.assertEqual(messages(done), [stop_message(signal.SIGUSR1)])
        log = (self.folder / "out" / "log.txt").read_text()
        self.assertEqual((done.stdout + log).count("stopped by SIGUSR1"), 1, "once on the terminal, once in the log")
        self.assert_same_results(undisturbed.path, self.run_well(2, "out", "--resume", **QUICK))
        self.assert_complete()

    def test_sigterm_to_mpirun(self):
        """It reaches the ranks a second later; mpirun ends with 1 whatever they return, and may not pass on what they say."""
        done = self.stop_by(signal.SIGTERM, QUICK | dict(window__opens_at_epoch=1000000))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(messages(done), ([], [stop_message(signal.SIGTERM)]))

    def stop_by(self, number, keys):
        process = self.start(2, "out", **keys)
        self.assertTrue(wait_for(process, self.checkpoints))
        process.send_signal(number)
        done = finish(process)
        self.assertFalse(self.results("out").exists())
        return done

    def test_a_signal_to_one_rank_stops_all(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU):
            shutil.rmtree(self.folder / "out", ignore_errors=True)  # checkpoints that are waited for are this run's
            process = self.start(2, "out", **QUICK)
            self.assertTrue(wait_for(process, self.checkpoints))
            os.kill(ranks_of(process)[1], number)
            done = finish(process)
            self.assertEqual(done.returncode, STOPPED, done.stderr)
            self.assertEqual(messages(done), [stop_message(number)])
        self.assert_same_results(undisturbed.path, self.run_well(2, "out", "--resume", **QUICK))

    def test_the_wall_time_limit(self):
        for limit in (1e-12, 2e-5):   # at once, and after 72 ms
            done = self.run_to_end(2, "out", "--resume", run__max_walltime=limit, **QUICK)
            self.assertEqual(done.returncode, STOPPED, done.stderr)
            self.assertEqual(messages(done), [f"flatsweep: stopped, as run.max_walltime = {limit:g} hours are over; {RESUMABLE}"])
            self.assertFalse(self.results("out").exists())
        self.assert_same_results(undisturbed.path, self.run_well(1, "out", "--resume", **QUICK))


class Damage(InterruptedTest):
    """Files in work/ whose bytes changed while the run was stopped."""

    def stop_when(self, condition):
        process = self.start(2, "out", **QUICK)
        self.assertTrue(wait_for(process, condition))
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(finish(process).returncode, STOPPED)

    def damage(self, files):
        self.assertTrue(files)
        for file in files:
            flip_a_byte(file)
        return len(files)

    def resume_and_compare(self, warnings):
        done = self.run_to_end(2, "out", "--resume", **QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages(done)), warnings, done.stderr)
        self.assertTrue(all("warning" in line and "done again" in line for line in messages(done)), done.stderr)
        self.assert_same_results(undisturbed.path, self.results("out"))

    def test_the_newest_checkpoint(self):
        self.stop_when(lambda: len(list(self.work().glob("*/checkpoint-previous.h5"))) == 2)
        self.resume_and_compare(self.damage(self.checkpoints()))

    def test_every_file_of_finished_replicas(self):
        self.stop_when(lambda: list(self.work().glob("*/done.h5")))
        unit = next(self.work().glob("*/done.h5")).parent
        for stage in ("training", "pca-fc2", "flatness-fc2"):
            self.damage([unit / f"{stage}.h5"])
        self.resume_and_compare(3)


class OtherThanBefore(InterruptedTest):
    """What is resumed was made with other data, or was finished and is damaged."""

    def refused(self, code, name, words, **keys):
        done = self.run_to_end(2, "out", "--resume", **QUICK, **keys)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for word in (str(self.folder / "out" / name), words, "--overwrite"):
            self.assertIn(word, done.stderr)

    def copy_with_another_label(self):
        root = self.folder / "data"
        shutil.copytree(SOURCE / "data/mnist-sample", root / "mnist-sample")
        labels = root / "mnist-sample/train-labels-idx1-ubyte.gz"
        content = bytearray(gzip.decompress(labels.read_bytes()))
        content[8] = (content[8] + 1) % 10
        labels.write_bytes(gzip.compress(bytes(content)))
        return str(root)

    def test_other_data_under_the_same_name(self):
        self.assertEqual(self.run_to_end(2, "out", run__max_walltime=1e-12, **QUICK).returncode, STOPPED)
        self.refused(BAD_INPUT, "work/data", "was begun with other data than are found now", data__root=self.copy_with_another_label())
        self.assert_same_results(undisturbed.path, self.run_well(2, "out", "--resume", **QUICK))

    def test_another_build_is_told(self):
        self.assertEqual(self.run_to_end(2, "out", run__max_walltime=1e-12, **QUICK).returncode, STOPPED)
        file = self.work() / "data.h5"
        content = io.BytesIO(file.read_bytes()[:-TRAILER_SIZE])
        with h5py.File(content, "r+") as record:
            record.attrs["build"] = "flatsweep 0.0.9 on an abacus"
        file.write_bytes(content.getvalue() + stage_footer(file, content.getvalue()))
        done = self.run_to_end(2, "out", "--resume", **QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn("this run was begun by flatsweep 0.0.9 on an abacus and goes on with flatsweep 0.", done.stderr)
        self.assert_same_results(undisturbed.path, self.results("out"))

    def test_other_petsc_options(self):
        """They change numbers, whether they come behind -- or from the environment, and belong to the run as its configuration does."""
        self.assertEqual(self.run_to_end(2, "out", run__max_walltime=1e-12, **QUICK).returncode, STOPPED)
        with unittest.mock.patch.dict(os.environ, PETSC_OPTIONS="-eps_max_it 1 -malloc_debug no"):
            self.refused(BAD_INPUT, "work/data", "other PETSc options: they were none, now they are '-eps_max_it 1'")
        self.assert_same_results(undisturbed.path, self.run_well(2, "out", "--resume", **QUICK))
        with unittest.mock.patch.dict(os.environ, PETSC_OPTIONS="-eps_max_it 1"):
            self.refused(BAD_INPUT, "results.h5", "other PETSc options")

    def test_petsc_options_are_recorded_and_what_was_not_used_is_named(self):
        with unittest.mock.patch.dict(os.environ, PETSC_OPTIONS="-eps_tool 1"):
            done = self.run_to_end(2, "out", **QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line for line in messages(done) if "-eps_tool 1 was not used" in line], messages(done))
        self.assertEqual(len(messages(done)), 1)
        self.assert_same_results(undisturbed.path, self.results("out"))
        for results, options in ((self.results("out"), "-eps_tool 1"), (undisturbed.path, "")):
            with h5py.File(results) as file:
                self.assertEqual(file["provenance"].attrs["petsc_options"], options)
                self.assertIn("flatsweep 0.", file["provenance"].attrs["builds"])

    def test_results_of_another_configuration(self):
        """The file itself says what it was made with, whatever config.toml says."""
        shutil.copytree(undisturbed.folder / "undisturbed", self.folder / "out")
        with h5py.File(self.results("out"), "r+") as file:
            file.attrs["config"] = file.attrs["config"].replace("batch_size = 50", "batch_size = 51") + "# altered"
        self.refused(BAD_INPUT, "results.h5", "of another configuration")

    def test_results_that_cannot_be_read(self):
        shutil.copytree(undisturbed.folder / "undisturbed", self.folder / "out")
        content = bytearray(self.results("out").read_bytes())
        content[0] ^= 1
        self.results("out").write_bytes(content)
        self.refused(IO_FAILED, "results.h5", "the results of a finished run are damaged")
        self.assertEqual(self.results("out").read_bytes(), content)


class Failure(InterruptedTest):
    def test_a_rank_that_cannot_write_is_what_the_user_hears_of(self):
        """The other rank is only asked to stop, and says nothing."""
        self.assertEqual(self.run_to_end(2, "out", run__max_walltime=1e-12, **QUICK).returncode, STOPPED)
        (self.work() / "000001").write_text("a file in place of the replica's folder")
        done = self.run_to_end(2, "out", "--resume", **QUICK)
        self.assertEqual(done.returncode, IO_FAILED, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn("work/000001", done.stderr)


if __name__ == "__main__":
    unittest.main()
