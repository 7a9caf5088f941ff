"""The notebooks of docs/notebooks run from top to bottom."""
import os
import unittest

import nbformat
from nbclient import NotebookClient
from package_runs import BINARY, SOURCE, PackageTest, flatsweep

# As inputs/quickstart.toml, shorter.
SHORT = {"data.train_limit": 1000, "data.test_limit": 200, "window.opens_at_epoch": 5, "window.length_epochs": 3}
DRAWS = ("run.plot.", "plt.", ".plot.line")


class Notebooks(PackageTest):
    def test_every_notebook_runs(self):
        for name in ("inputs", "data"):
            (self.folder / name).symlink_to(SOURCE / name)
        flatsweep.run(SOURCE / "inputs/quickstart.toml", 2, output=self.folder / "runs/quickstart", settings=SHORT, program=BINARY,
                      progress=False).close()
        os.environ |= {"FLATSWEEP_BINARY": BINARY, "PYTHONPATH": str(SOURCE / "python"), "IPYTHONDIR": str(self.folder),
                       "JUPYTER_RUNTIME_DIR": str(self.folder), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        notebooks = sorted((SOURCE / "docs/notebooks").glob("*.ipynb"))
        self.assertEqual(len(notebooks), 3)
        for path in notebooks:
            with self.subTest(path.name):
                self.check(path)

    def check(self, path):
        notebook = nbformat.read(path, as_version=4)
        self.assertEqual([cell for cell in notebook.cells if cell.get("outputs")], [], "notebooks are kept without outputs")
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(self.folder)}}).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        warned = [output["text"] for output in outputs if output.get("name") == "stderr"]
        self.assertEqual([text for text in warned if "replicas" not in text and text.strip("\r\033[K")], [])
        drawn = sum("image/png" in output.get("data", {}) for output in outputs)
        self.assertEqual(drawn, sum(any(word in cell.source for word in DRAWS) for cell in notebook.cells if cell.cell_type == "code"),
                         "one picture for every cell that draws")


if __name__ == "__main__":
    unittest.main()
