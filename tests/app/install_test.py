"""What `cmake --install` puts down works for others: a project of its own finds the package, links a room and runs."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CMAKE = os.environ["FLATSWEEP_CMAKE"]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
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

    def test_what_is_installed_is_enough_for_a_first_run_and_a_figure(self):
        """In a copy of share/flatsweep, with the commands of the prefix and nothing of the source tree."""
        place = Path(self.folder.name) / "first"
        shutil.copytree(self.prefix / "share/flatsweep", place)
        self.assertTrue((place / "jobs/grid.sbatch").is_file())
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLATSWEEP_", "PYTHONPATH"))}
        words = ["window.opens_at_epoch=2", "data.train_limit=200", "grid.seed=[1]", "flatness.directions=12", "flatness.fit_last=20", "nulls.enabled=false"]
        run(self.prefix / "bin/flatsweep", "inputs/quickstart.toml", *(part for word in words for part in ("--set", word)), cwd=place, env=environment)
        run(self.prefix / "bin/flatsweep-figures", "runs/quickstart/results.h5", "--only", "fig1a", cwd=place, env=environment)
        self.assertGreater((place / "runs/quickstart/figures/fig1a.png").stat().st_size, 10000)
        folder = next(self.prefix.glob("lib/python*/*-packages"))
        program = f"import sys; sys.path.insert(0, '{folder}'); import flatsweep; print(len(flatsweep.open('runs/quickstart')))"
        self.assertEqual(run("/usr/bin/python3", "-c", program, cwd=place, env=environment), "1\n")

    def test_installed_pages_and_completion(self):
        for page in ("README.md", "SUPPORT.md", "docs/tutorial.md", "docs/science/nulls.md"):
            self.assertTrue((self.prefix / "share/doc/flatsweep" / page).is_file(), page)
        for command in ("flatsweep", "mpirun", "srun"):
            file = self.prefix / "share/bash-completion/completions" / command
            self.assertIn("_flatsweep", run("bash", "-c", f"source {file}; complete -p {command}"))

    def test_installed_package_names_no_folder_of_the_build(self):
        for file in self.prefix.rglob("*.cmake"):
            self.assertNotIn(str(SOURCE), file.read_text(), file)


if __name__ == "__main__":
    unittest.main()
