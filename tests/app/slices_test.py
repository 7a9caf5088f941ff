"""A grid run in slices and merged has the bits of one run of the whole; what cannot be merged is refused with a reason."""
import gzip
import io
import os
import shutil
import signal
import subprocess
import unittest
import unittest.mock

import h5py

from flatsweep_runs import (BINARY, MPIEXEC, SOURCE, TRAILER_SIZE, RunTest, finish, flip_a_byte, messages, stage_footer,
                            wait_for)

# Six units, twelve replicas: psi shares its training. Units of teams of one, so that nothing depends on the slicing.
GRID = dict(grid__batch_size=[10, 25], grid__seed=[1, 2, 3], grid__psi_assumed=[3.0, 4.0], run__team_size=1, mlf__enabled=False,
            nulls__enabled=False, first_mode__enabled=False)
BAD_INPUT, STOPPED = 2, 75


class Slices(RunTest):
    def slice(self, index, count, *options, ranks=1, output="out", **keys):
        return self.run_to_end(ranks, output, "--slice", f"{index}/{count}", *options, **(GRID | keys))

    def run_slices(self, count, **keys):
        for index in range(count):
            done = self.slice(index, count, **keys)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(f"slice {index}/{count} is finished", done.stdout)
        return sorted((self.folder / "out").glob("slice-*"))

    def merge(self, folders, *options, ranks=2):
        command = [MPIEXEC, "-n", str(ranks), BINARY, "merge", *map(str, folders), *options]
        return finish(subprocess.Popen(command, cwd=SOURCE, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE))

    def assert_refused(self, done, *parts):
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for part in parts:
            self.assertIn(part, messages(done)[0])

    def test_merged_slices_have_the_bits_of_one_run(self):
        whole = self.run_well(2, "whole", **GRID)
        slices = self.run_slices(4)   # of two, two, one and one unit
        self.assertEqual([len(list(s.glob("work/0*/done.h5"))) for s in slices], [2, 2, 1, 1])
        self.assertFalse(any((s / "results.h5").exists() for s in slices))
        for ranks in (1, 3):
            done = self.merge(slices, "--overwrite", ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assert_same_results(whole, self.results("out"))
        with h5py.File(self.results("out")) as file:
            self.assertEqual(file["provenance"].attrs["queue"], "merged from 4 slices")
        self.assertFalse((self.folder / "out/work").exists())
        self.assertTrue(all((s / "work").exists() for s in slices), "what was merged is the user's to remove")
        self.assert_refused(self.merge(slices), "there are results already; use --overwrite")

    def test_an_interrupted_slice_is_missed_and_resumed(self):
        whole = self.run_well(2, "whole", **GRID, window__opens_at_epoch=60)
        self.assertEqual(self.slice(0, 2, window__opens_at_epoch=60).returncode, 0)
        process = self.start(1, "out", "--slice", "1/2", **GRID, window__opens_at_epoch=60)
        folders = [self.folder / f"out/slice-{index}-of-2" for index in (0, 1)]
        self.assertTrue(wait_for(process, lambda: list(folders[1].glob("work/*/done.h5"))))
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(finish(process).returncode, STOPPED)
        self.assert_refused(self.merge(folders), "of 6 replicas to train are not finished", "--resume")
        self.assertEqual(self.slice(1, 2, "--resume", window__opens_at_epoch=60).returncode, 0)
        self.assertEqual(self.slice(1, 2, "--resume", window__opens_at_epoch=60).returncode, 0, "nothing is left to do")
        self.assertEqual(self.merge(folders).returncode, 0)
        self.assert_same_results(whole, self.results("out"))

    def other_data(self):
        """The same images, but one pixel of one of them."""
        root = self.folder / "data"
        shutil.copytree(SOURCE / "data/mnist-sample", root / "mnist-sample")
        images = root / "mnist-sample/train-images-idx3-ubyte.gz"
        contents = bytearray(gzip.decompress(images.read_bytes()))
        contents[500] ^= 1
        images.write_bytes(gzip.compress(contents))
        return root

    def test_what_cannot_be_merged(self):
        slices = self.run_slices(2)
        self.assert_refused(self.merge([self.folder]), "no slice of a grid is here")
        self.assert_refused(self.merge(slices[:1]), "3 of 6 replicas to train are not finished",
                            "(000001, 000006, 000008)")
        self.assert_refused(self.merge(slices, "--output", str(slices[0]) + "/"), "cannot go where a slice is")
        self.assert_refused(self.merge(slices, "--set", "train.momentum=0.5"), "another configuration", "momentum")
        self.assert_refused(self.merge(slices, "--set", f'data.root="{self.other_data()}"'), "was trained on other data")
        self.assert_refused(self.merge([slices[0], slices[0]]), "3 of 6 replicas")
        self.assertEqual(self.merge([*slices, slices[0]]).returncode, 0, "twice the same does no harm")

    def test_a_damaged_slice_is_not_merged(self):
        slices = self.run_slices(2)
        flip_a_byte(next(slices[1].glob("work/*/pca-fc2.h5")))
        done = self.merge(slices)
        self.assertEqual(done.returncode, 74, done.stdout + done.stderr)
        self.assertIn("pca-fc2.h5", done.stderr)
        self.assertFalse(self.results("out").exists())
        self.assertEqual(self.slice(1, 2, "--resume").returncode, 0)
        self.assertEqual(self.merge(slices, "--resume").returncode, 0)
        self.assert_same_results(self.run_well(2, "whole", **GRID), self.results("out"))
        self.assertIn("finished already", self.merge(slices, "--resume").stdout)
        content = bytearray(self.results("out").read_bytes())
        content[0] ^= 1
        self.results("out").write_bytes(content)
        done = self.merge(slices, "--resume")
        self.assertEqual(done.returncode, 74, done.stdout + done.stderr)
        self.assertIn("the results of a finished run are damaged", done.stderr)

    def test_slices_of_another_build_or_other_petsc_options(self):
        """The first is a warning, as of a resumed run; the second are other numbers."""
        slices = self.run_slices(2)
        file = slices[1] / "work/data.h5"
        content = io.BytesIO(file.read_bytes()[:-TRAILER_SIZE])
        with h5py.File(content, "r+") as record:
            record.attrs["build"] = record.attrs["builds"] = "flatsweep 0.0.9 on an abacus"
        file.write_bytes(content.getvalue() + stage_footer(file, content.getvalue()))
        done = self.merge(slices)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for part in (str(slices[1]), "was run by flatsweep 0.0.9 on an abacus and is merged by flatsweep 0.", "may round differently"):
            self.assertIn(part, messages(done)[0])
        with h5py.File(self.results("out")) as merged:
            builds = merged["provenance"].attrs["builds"].splitlines()
        self.assertEqual((len(builds), builds[1]), (2, "flatsweep 0.0.9 on an abacus"))
        with unittest.mock.patch.dict(os.environ, PETSC_OPTIONS="-eps_max_it 7"):
            self.assertEqual(self.slice(1, 2, "--overwrite").returncode, 0)
        self.assert_refused(self.merge(slices, "--overwrite"), str(slices[1]), "other PETSc options ('-eps_max_it 7')")

    def test_an_empty_slice(self):
        self.assert_refused(self.slice(6, 7), "--slice 6/7: the grid has 6 replicas to train")
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
