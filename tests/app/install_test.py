"""What `cmake --install` puts down works for others: a project of its own finds the package, links a room and runs."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CMAKE = os.environ["FLATSWEEP_CMAKE"]


def run(*command):
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}"
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.prefix = Path(cls.folder.name) / "prefix"
        run(CMAKE, "--install", os.environ["FLATSWEEP_BUILD"], "--prefix", cls.prefix)

    def test_example_links_a_room_and_runs(self):
        build = Path(self.folder.name) / "build"
        run(CMAKE, "-G", "Ninja", "-S", SOURCE / "docs/examples/link", "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_BUILD_TYPE=Release")
        run(CMAKE, "--build", build)
        self.assertIn("period ~ distance^1.50", run(build / "fit"))

    def test_installed_program_runs(self):
        self.assertTrue(run(self.prefix / "bin/flatsweep", "--version").startswith("flatsweep 0."))

    def test_installed_python_package_is_whole(self):
        """The command finds the package of its own prefix, and the package the program."""
        self.assertIn("--only NAME", run(self.prefix / "bin/flatsweep-report", "--help"))
        folder = next(self.prefix.glob("lib/python*/*-packages"))
        program = f"import sys; sys.path.insert(0, '{folder}'); import flatsweep.launch as l; print(l.__file__, l.found_program(None))"
        file, binary = run("env", "-u", "FLATSWEEP_BINARY", "/usr/bin/python3", "-c", program).split()
        self.assertEqual((Path(file), Path(binary)), (folder / "flatsweep/launch.py", self.prefix / "bin/flatsweep"))

    def test_installed_package_names_no_folder_of_the_build(self):
        for file in self.prefix.rglob("*.cmake"):
            self.assertNotIn(str(SOURCE), file.read_text(), file)


if __name__ == "__main__":
    unittest.main()
