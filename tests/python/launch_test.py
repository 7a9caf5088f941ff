"""`flatsweep.run` starts the program, shows how far it is, and says why it failed."""
import contextlib
import fcntl
import io
import os
import pathlib
import pty
import re
import struct
import termios
import tomllib
import unittest

import numpy as np

from package_runs import BINARY, SMALL, PackageTest, flatsweep

from flatsweep import launch  # isort: skip, of the tree


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


class WithoutARun(unittest.TestCase):
    def test_the_bar_fits_a_narrow_terminal(self):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        with os.fdopen(theirs, "w") as screen:
            launch.show("3/4 replicas done, training 40 %, 2.00 replicas/min, about 30 s left", screen)
            shown = os.read(ours, 4096).decode()
        os.close(ours)
        self.assertEqual(shown, "\r\033[K[##################......] 3/4 replicas")
        self.assertEqual(len(shown), 4 + 39)

    def test_settings_are_numbers_texts_and_lists_of_any_kind(self):
        for value, expected in ((np.float32(0.25), 0.25), (np.array([1, 2]), [1, 2]), (np.bool_(True), True), (range(2), [0, 1]),
                                ("a \\ \"b\"\n\u00e9", "a \\ \"b\"\n\u00e9"), (pathlib.Path("a b"), "a b"), ({"fc1": "0.weight"}, {"fc1": "0.weight"})):
            self.assertEqual(tomllib.loads(f"x = {launch.toml(value)}")["x"], expected)
        with self.assertRaisesRegex(TypeError, "None is no value of a key"):
            launch.toml(None)


if __name__ == "__main__":
    unittest.main()
