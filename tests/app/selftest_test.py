"""`flatsweep --selftest`: complete and passed on any number of ranks, and no success where a check fails."""
import os
import subprocess
import unittest

from flatsweep_runs import BINARY, MPIEXEC, RunTest, messages

# One row, at least, of every kind of check.
ROWS = ["Philox4x32-10", "queue: units handed out exactly once", "parallel HDF5", "images in memory", "LAPACK dsyevd",
        "SLEPc Krylov-Schur", "Hessian of fc2, closed form against second differences", "Hessian, matrix-free against closed form",
        "zero eigenvalues of the output layer", "negative eigenvalues of the Hessian of ln L", "hidden units in another order: loss",
        "hidden units in another order: eigenvalues", "weights times 1.7", "width of parabolas", "ln L - ln L_0 at the crossings",
        "variance of SGD on a quadratic", "momentum 0.9",
        "variance of SGD between eigenvectors of H", "second differences of fc2 along the basis hessian", "alpha^2 C (m + 1)/6", "(D/T^2) sum (T-t) S(t)",
        "variance fraction of mode 1", "cosine content of mode 1", "long random walk"]


class SelfTest(RunTest):
    def command(self, ranks, output, *options):
        return [MPIEXEC, "-n", str(ranks), BINARY, "--selftest", "--output", str(self.folder / output), *options]

    def verdicts(self, done):
        """Verdict by name of the check, from the table."""
        lines = done.stdout.splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith("check "))
        at = lines[begin].index("verdict")
        rows = [line for line in lines[begin + 1:] if not line.startswith("all ")]
        return {line[:66].rstrip(): line[at:].split()[0] for line in rows}

    def test_passes_on_one_to_three_ranks(self):
        for ranks in (1, 2, 3):
            with self.subTest(ranks=ranks):
                done = self.run_to_end(ranks, "out")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                verdicts = self.verdicts(done)
                self.assertEqual(set(verdicts.values()), {"ok"})
                for row in ROWS:
                    self.assertTrue(any(row in name for name in verdicts), row)
                self.assertIn(f"all {len(verdicts)} checks passed on {ranks} rank", done.stdout)
                self.assertRegex(done.stdout, r"memory that the ranks of a node share works; /dev/shm, .* (MiB|GiB) free")
                solver = "ScaLAPACK pdsyevd" if ranks > 1 else "LAPACK dsyevd, n = 1500"
                self.assertTrue(any(solver in name for name in verdicts))
        self.assertEqual(list((self.folder / "out").iterdir()), [], "nothing is left behind")

    def test_one_copy_started_by_hand_in_a_step_of_several_tasks(self):
        """What a shell in a step of Slurm has in its environment; no launcher started this program."""
        environment = os.environ | dict(SLURM_STEP_NUM_TASKS="4", SLURM_PROCID="0")
        done = subprocess.run([BINARY, "--selftest", "--output", str(self.folder)], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_solver_that_may_not_work_fails_it(self):
        """PETSc's own options take the eigensolver's iterations away; all other checks are still made."""
        done = self.run_to_end(2, "out", "--", "-eps_max_it", "1", "-eps_ncv", "12")
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)
        failed = [name for name, verdict in self.verdicts(done).items() if verdict == "FAILED"]
        self.assertTrue(failed)
        self.assertTrue(all("eigen-solvers" in name or "curvature" in name for name in failed), failed)
        self.assertIn("eigenpairs in 1 iterations", done.stderr)
        self.assertIn("checks failed on 2 ranks: eigen-solvers", messages(done)[-1])

    def test_a_folder_that_cannot_be_written_fails_it(self):
        (self.folder / "plain").write_text("a file in the folder's place")
        done = self.run_to_end(2, "plain")
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)
        self.assertEqual({name for name, verdict in self.verdicts(done).items() if verdict == "FAILED"},
                         {"files: stopped by an error, see the warning"})
        self.assertIn("choose another with --output", done.stderr)


if __name__ == "__main__":
    unittest.main()
