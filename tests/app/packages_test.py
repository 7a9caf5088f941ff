"""What tools/lib.sh does about Debian's packages and about progress, with an apt-get that only pretends."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"

APT_GET = """\
echo "$*" >>"$CALLS"
[[ " $* " == *" -y "* && " $* " != *--download-only* ]] || exit 0
echo pmstatus:gone:50.0000:Installing
echo dlstatus:1:20:Retrieving
echo Setting up things
[[ $(grep -c -- "-y --no-install-recommends" "$CALLS") -gt $((1 + FAILURES)) ]] || { echo E: the postinst failed; exit 100; }
"""


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="flatsweep-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.calls, self.log = self.folder / "calls", self.folder / "build/packages.log"
        (self.folder / "tools").mkdir()
        shutil.copy(TOOLS / "lib.sh", self.folder / "tools")
        commands = {"apt-get": APT_GET, "dpkg-query": "exit 1\n", "dpkg": 'echo "dpkg $*" >>"$CALLS"\n', "sudo": '"$@"\n'}
        for name, text in commands.items():
            path = self.folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/usr/bin/env bash\n" + text)
            path.chmod(0o755)

    def shell(self, script, failures=0):
        path = self.folder / "tools/try-out"
        path.write_text('set -euo pipefail\nsource "$(dirname "$(readlink -f "$0")")/lib.sh"\n' + script)
        environment = os.environ | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(self.calls), "FAILURES": str(failures)}
        return subprocess.run(["bash", path], env=environment, capture_output=True, text=True)

    def test_the_log_is_appended_to_and_says_who_asked_for_what(self):
        for name in ("one", "two"):
            self.assertEqual(self.shell(f"ensure_packages {name}").returncode, 0)
        lines = self.log.read_text().splitlines()
        self.assertEqual([line.split(" tools/")[1] for line in lines if line.startswith("== ")], ["try-out: one", "try-out: two"])
        self.assertEqual([line for line in lines if "status:" in line], [])
        self.assertEqual(lines.count("Setting up things"), 2)

    def test_a_failed_installation_is_tried_once_more(self):
        done = self.shell("ensure_packages one", failures=1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("trying once more", done.stderr)
        self.assertEqual(sum(line == "dpkg --configure -a" for line in self.calls.read_text().splitlines()), 1)

    def test_the_messages_of_the_second_failure_stay(self):
        self.assertEqual(self.shell("ensure_packages earlier").returncode, 0)
        done = self.shell("ensure_packages one", failures=9)
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: the postinst failed", done.stderr)
        self.assertNotIn("earlier", done.stderr)
        self.assertIn("all of them in", done.stderr)
        self.assertEqual(self.shell("ensure_packages two").returncode, 0)
        self.assertEqual(self.log.read_text().count("E: the postinst failed"), 2)

    def test_progress_of_a_build_that_has_nothing_to_do_is_silent(self):
        step = next(line for line in (TOOLS / "build").read_text().splitlines() if line.startswith('  logged "$log"'))
        script = "log={}\nstep() {{\n{}\n}}\nstep printf '%s\\n' {}\n".format
        for lines, expected in (("'[1/2] cd x && cmake -P git_commit.cmake' 'ninja: no work to do.'", ""),
                                ("'[1/9] cd x' '[2/9] Building CXX object a.o' '[3/9] Linking CXX x'", "building: step 2 of 9\n")):
            self.assertEqual(self.shell(script(self.folder / "build.log", step, lines)).stderr, expected)


if __name__ == "__main__":
    unittest.main()
