"""`flatsweep.run` starts the program, shows how far it is, and says why it failed."""
import contextlib
import io
import re
import unittest

from package_runs import BINARY, SMALL, PackageTest, flatsweep


class Launch(PackageTest):
    def test_runs_with_other_settings_and_opens_the_results(self):
        self.assertEqual(self.run_of_four.grid.width.tolist(), [8, 8, 10, 10])
        self.assertEqual(self.run_of_four.config["output"]["trajectory"], True)
        self.assertEqual(self.run_of_four.file["provenance"].attrs["mpi_ranks"], 2)

    def test_shows_a_bar(self):
        with contextlib.redirect_stderr(io.StringIO()) as screen:
            flatsweep.run(SMALL, 1, output=self.folder / "bar", program=BINARY, settings={"grid.seed": list(range(12))}).close()
        bars = [int(done) for done in re.findall(r"\[[#.]{24}\] (\d+)/12 replicas", screen.getvalue())]
        self.assertGreater(len(bars), 1)
        self.assertEqual(bars, sorted(bars))
        self.assertTrue(screen.getvalue().endswith("\r\033[K"), "the bar is gone at the end")

    def test_bad_input_is_told_in_the_programs_words(self):
        with self.assertRaisesRegex(flatsweep.RunError, r"ended with 2 \(bad input\): .*grid.width\[1\] = 0 must be 1 or more") as caught:
            self.package_run("bad", settings={"grid.width": [8, 0]})
        self.assertEqual(caught.exception.code, 2)

    def test_finished_results_are_not_replaced_unasked(self):
        with self.assertRaisesRegex(flatsweep.RunError, "overwrite"):
            flatsweep.run(SMALL, output=self.run_of_four.results.path.parent, program=BINARY, progress=False)

    def test_a_program_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "there is no program /nowhere"):
            flatsweep.run(SMALL, program="/nowhere")


if __name__ == "__main__":
    unittest.main()
