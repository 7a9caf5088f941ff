"""The table of tools/figure: every figure of the paper is there, and what it names can be run and drawn."""
import contextlib
import importlib.machinery
import importlib.util
import io
import struct
import subprocess
import sys
import unittest
from unittest import mock

from flatsweep_runs import BINARY, SOURCE, RunTest

sys.path.insert(0, str(SOURCE / "python"))
from flatsweep.plot.registry import FIGURES  # noqa: E402, of the tree

# Figures of the SI; S9C shows a network and no numbers.
PAPER = ["1", "2", "2D", "S1A", "S1B", *(f"S{number}" for number in range(2, 9)), "S9A", "S9B", "S9D",
         *(f"S{number}" for number in range(10, 14)), *(f"S14{panel}" for panel in "ABCD"), "S15", "S16"]


def load_tool():
    loader = importlib.machinery.SourceFileLoader("figure", str(SOURCE / "tools/figure"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("figure", loader))
    loader.exec_module(module)
    return module


def empty_file(path, size, head=b"", labels=b"", step=1):
    """As large as the real one, but almost without blocks on the disk; the labels stand `step` bytes apart behind the head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(head)
        for number, label in enumerate(labels):
            file.seek(len(head) + number * step)
            file.write(bytes([label]))
        file.truncate(size)


def empty_data(root):
    """What a dry run looks at of MNIST and CIFAR-10: headers, sizes and labels, of every class some."""
    classes = bytes(range(10))
    for name, count in (("train", 60000), ("t10k", 10000)):
        empty_file(root / f"mnist/{name}-images-idx3-ubyte", 16 + 784 * count, struct.pack(">4I", 2051, count, 28, 28))
        empty_file(root / f"mnist/{name}-labels-idx1-ubyte", 8 + count, struct.pack(">2I", 2049, count), classes * (count // 10))
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        empty_file(root / f"cifar-10/{name}.bin", 10000 * 3073, labels=classes * 20, step=3073)


class FigureTable(RunTest):
    tool = load_tool()
    table = tool.load_table()

    def test_every_figure_of_the_paper_is_found_by_its_name(self):
        found = {name for figure, entry in self.table["figure"].items() for name in (figure, *entry.get("also", []))}
        self.assertEqual([name for name in PAPER if name not in found], [])
        for name, expected in (("S08", ["S8"]), ("figS09a", ["S9A"]), ("s14d", ["S14C"]), ("2d", ["2D"]), ("S9", ["S9A", "S9D"]),
                               ("S1", ["S1A", "S1B"]), ("fig2_profiles", ["2"]), ("fig_held_out", ["held-out"])):
            self.assertEqual(self.tool.find(self.table, name), expected)
        for name in ("S17", "S", "3", ""):
            self.assertRaises(self.tool.Unknown, self.tool.find, self.table, name)

    def test_every_figure_that_can_be_drawn_has_its_runs(self):
        entries = self.table["figure"].values()
        self.assertEqual({name for entry in entries for name in entry["draw"]}, set(FIGURES))
        self.assertEqual({run for entry in entries for run in entry["run"]}, set(self.table["run"]))
        inputs = {run["input"] for run in self.table["run"].values()}
        self.assertEqual(inputs, {path.name for path in (SOURCE / "inputs").glob("*.toml")} - {"foreign.toml", "quickstart.toml", "teacher.toml"})

    def test_every_run_passes_a_dry_run(self):
        empty_data(self.folder)
        for name, run in self.table["run"].items():
            sets = [word for key in (f'data.root="{self.folder}"', *run.get("set", [])) for word in ("--set", key)]
            done = subprocess.run([BINARY, f"inputs/{run['input']}", "--dry-run", *sets], cwd=SOURCE, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertIn("data      " + {"mnist": "mnist:", "cifar10": "cifar-10:", "none": "teacher:"}[run["data"]], done.stdout)

    def test_a_dry_run_brings_no_data_and_builds_nothing(self):
        options = self.tool.parse(["S8", "--dry-run"])
        for there, expected in ((True, ["tools/run"]), (False, [])):
            with mock.patch.object(self.tool, "PROGRAM", self.folder / "flatsweep"), mock.patch.object(self.tool, "call") as call:
                (self.folder / "flatsweep").touch() if there else (self.folder / "flatsweep").unlink()
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    self.tool.run(options)
            self.assertEqual([words.args[0] for words in call.call_args_list], expected)
            self.assertEqual("tools/run inputs/figS08.toml" in said.getvalue(), not there)

    def test_the_list_names_run_and_picture(self):
        done = subprocess.run([SOURCE / "tools/figure", "--list"], capture_output=True, text=True, check=True)
        minutes = str(self.table["run"]["figS08"]["minutes"])
        self.assertIn(["S8", minutes, "mnist", "runs/figS08/figures/figS08.png", "inputs/figS08.toml"],
                      [line.split() for line in done.stdout.splitlines()])
        done = subprocess.run([SOURCE / "tools/figure", "S17"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, "figure: there is no figure 'S17'; tools/figure --list shows all\n"))


if __name__ == "__main__":
    unittest.main()
