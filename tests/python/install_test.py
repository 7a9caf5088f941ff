"""The package installs without a network into a virtual environment with the system's packages, and is whole there."""
import shutil
import subprocess
import sys
import tomllib
import unittest

from package_runs import BINARY, SOURCE, PackageTest

KINDS = (".py", ".typed", ".js", ".css")


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


class Install(PackageTest):
    def test_pip_installs_it_without_a_network(self):
        source, place = self.folder / "python", self.folder / "venv"
        shutil.copytree(SOURCE / "python", source, ignore=shutil.ignore_patterns("__pycache__"))
        call(sys.executable, "-m", "venv", "--system-site-packages", place)
        call(place / "bin/pip", "install", "--no-index", "--no-build-isolation", "--no-deps", source)
        elsewhere = {"cwd": self.folder / "venv", "env": {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}}
        program = f"import flatsweep; print(flatsweep.__file__); print(flatsweep.open({str(self.run_of_four.results.path)!r}).grid.shape[0])"
        path, rows = call(place / "bin/python", "-c", program, **elsewhere).split()
        self.assertTrue(path.startswith(str(place)))
        self.assertEqual(rows, "4")
        installed = {file.relative_to(place) for file in place.rglob("site-packages/flatsweep/**/*") if file.suffix in KINDS}
        self.assertEqual(len(installed), sum(file.suffix in KINDS for file in (SOURCE / "python/flatsweep").rglob("*")))
        output = self.folder / "a.html"
        call(place / "bin/flatsweep-report", self.run_of_four.results.path, "--only", "figS02", "--output", output, **elsewhere)
        self.assertIn("figS02", output.read_text(encoding="utf-8"))

    def test_its_version_is_the_programs(self):
        version = tomllib.loads((SOURCE / "python/pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        self.assertTrue(call(BINARY, "--version").startswith(f"flatsweep {version} "))


if __name__ == "__main__":
    unittest.main()
