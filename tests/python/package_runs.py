"""A small run for the tests of the Python package, made once a test program; and where the package is."""
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SOURCE = FOLDER.parents[1]
sys.path[:0] = [str(SOURCE / "python"), str(FOLDER.parent / "app")]
import matplotlib  # noqa: E402

matplotlib.use("Agg")
from flatsweep_runs import BINARY, SMALL, RunTest  # noqa: E402, F401, for the tests

import flatsweep  # noqa: E402

SETTINGS = {"grid.width": [8, 10], "grid.seed": [1, 2], "pca.layers": ["fc2"], "output.trajectory": True}


class PackageTest(RunTest):
    """`cls.run_of_four`: two widths and two seeds."""

    @classmethod
    def setUpClass(cls):
        cls.run_of_four = cls.of_class().package_run("four", settings=SETTINGS)
        cls.addClassCleanup(cls.run_of_four.close)

    def package_run(self, output, ranks=2, **options):
        return flatsweep.run(SMALL, ranks, output=self.folder / output, program=BINARY, progress=False, **options)
