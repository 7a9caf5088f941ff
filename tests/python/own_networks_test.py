"""The page docs/own-networks.md, followed from top to bottom: its files are written and its commands run."""
import os
import re
import subprocess
import unittest
from pathlib import Path

import h5py
from package_runs import BINARY, SOURCE, RunTest

PAGE = SOURCE / "docs/own-networks.md"
FILE = re.compile(r"[Ss]ave as `([\w.]+)`:")


def steps(text):
    """("file", name, content) and ("command", words) in the order of the page."""
    name, block = None, []
    for line in [*text.splitlines(), "end"]:
        inside = line.startswith("    ") or (not line and block)
        if name and inside and not line.startswith("    $ "):
            block.append(line[4:])
        elif name and block:
            yield "file", name, "\n".join(block) + "\n"
            name, block = None, []
        if match := FILE.search(line):
            name = match[1]
        if line.startswith("    $ "):
            yield "command", line[6:]


class Page(RunTest):
    def test_every_step_works(self):
        (self.folder / "data").symlink_to(SOURCE / "data")
        commands = []
        for kind, *what in steps(PAGE.read_text(encoding="utf-8")):
            if kind == "file":
                (self.folder / what[0]).write_text(what[1], encoding="utf-8")
            else:
                commands.append(what[0])
                self.run_command(what[0])
        self.assertEqual(sum("flatsweep" in command for command in commands), 6)
        self.check_results()

    def run_command(self, command):
        paths = [str(Path(BINARY).parent), os.environ["PATH"]]
        environment = os.environ | {"PATH": ":".join(paths), "PYTHONPATH": str(SOURCE / "python")}
        done = subprocess.run(command.replace("python3", "/usr/bin/python3"), shell=True, cwd=self.folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")

    def check_results(self):
        with h5py.File(self.folder / "runs/recorded/results.h5") as file:
            self.assertEqual(file["replica/000000/pca/fc2"].attrs["window_iterations"], 120)
            self.assertIn("noise_strength", file["replica/000000/dynamics/fc2"])
        with h5py.File(self.folder / "runs/bases/results.h5") as file:
            self.assertEqual(sorted(file["replica/000000/bases/fc2"]), ["filters", "hessian", "random"])
        with h5py.File(self.folder / "runs/zoo/results.h5") as file:
            self.assertEqual(list(file["grid/learning_rate"]), [0.03, 0.1, 0.3])
        self.assertTrue((self.folder / "best.safetensors").exists())


if __name__ == "__main__":
    unittest.main()
