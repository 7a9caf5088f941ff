"""Runs the flatsweep program as its users do, and compares results files. Shared by the tests beside it."""
import hashlib
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import h5py

SOURCE = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).with_name("small.toml")
BINARY = os.environ["FLATSWEEP_BINARY"]
MPIEXEC = os.environ.get("FLATSWEEP_MPIEXEC", "mpirun")
# Seconds that a run may take before it counts as hanging; a minute on a machine with nothing else to do. With sanitizers more.
PATIENCE = 300 * int(os.environ.get("FLATSWEEP_PATIENCE", "1"))

# What h5dump says of a dimension scale's place in the file, before its name.
ADDRESS = re.compile(r"(DATASET )\d+ ")

# Switches off what small.toml measures after training and PCA.
PCA_ALONE = {f"{table}__enabled": False for table in ("flatness", "first_mode", "curvature", "network_curvature", "dynamics",
                                                          "mlf", "filters", "nulls")}


class RunTest(unittest.TestCase):
    """A test with a folder of its own that starts runs."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="flatsweep-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    @classmethod
    def of_class(cls):
        """One whose folder is there until all tests of the class are over."""
        test = cls()
        test.setUp()
        cls.addClassCleanup(test.doCleanups)
        return test

    def command(self, ranks, output, *options, config=SMALL, **keys):
        """`keys`: configuration keys with __ for the dot, as in train__batch_size=50."""
        sets = [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        place = ["--output", str(self.folder / output)] if output else []
        return [*self.launcher(ranks), BINARY, str(config), *place, *options, *sets]

    def launcher(self, ranks):
        """One rank needs none, which takes longer than a small run."""
        return [MPIEXEC, "-n", str(ranks)] if ranks > 1 else []

    def start(self, *arguments, environment=None, **keys):
        return subprocess.Popen(self.command(*arguments, **keys), cwd=SOURCE, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    def run_to_end(self, *arguments, **keys):
        """mpirun does not sleep the second that other ranks have after the first that ends with an error: all of them end."""
        return finish(self.start(*arguments, environment={**os.environ, "OMPI_MCA_odls_base_sigkill_timeout": "0"}, **keys))

    def run_well(self, ranks, output, *options, **keys):
        """Runs, demands success, and returns the path of the results."""
        done = self.run_to_end(ranks, output, *options, **keys)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.results(output)

    def results(self, output):
        return self.folder / output / "results.h5"

    def assert_same_results(self, first, second):
        self.assertEqual(differences(first, second), [])


TRAILER_SIZE = 56


def stage_footer(file, content, origin=None):
    """The last 56 bytes of a stage file, as decision 0025 has it: length of the HDF5 file before them, its origin (which run, which
    build: by default those of the file that is there, or of the run's work/data.h5), its CRC-32, and a CRC-32 of these and of the file's place."""
    work = file.parent if file.parent.name == "work" else file.parent.parent
    origin = origin or origin_of(file if file.exists() else work / "data.h5")
    head = struct.pack("<8sQ32sI", b"FLATSWP3", len(content), origin, zlib.crc32(content))
    place = f"{file.parent.name}/{file.stem.removesuffix('-previous')}".encode()
    return head + struct.pack("<I", zlib.crc32(place + head))


def origin_of(file):
    """Run and build of a stage file, 16 bytes each."""
    return file.read_bytes()[-TRAILER_SIZE + 16:-8]


def toml(value):
    if isinstance(value, list):
        return "[" + ", ".join(f'"{v}"' if isinstance(v, str) else toml(v) for v in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def finish(process):
    """Waits for the end of a started run; one that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        kill_ranks(process)
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the run hangs: {process.args}\n{out}\n{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def messages(done):
    """What flatsweep itself wrote on stderr; mpirun adds a banner of its own."""
    return [line for line in done.stderr.splitlines() if line.startswith("flatsweep:")]


def ranks_of(process):
    """Process numbers of the ranks that this mpirun started, or of the one rank that runs without it."""
    if process.args[0] == BINARY:
        return [process.pid]
    return [int(pid) for file in Path(f"/proc/{process.pid}/task").glob("*/children") for pid in file.read_text().split()]


def kill_ranks(process, count=None):
    for pid in ranks_of(process)[:count]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def wait_for(process, condition, seconds=60):
    """True once the condition holds; False when the run ended before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    raise AssertionError("waited in vain")


def flip_a_byte(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def differences(first, second):
    """Where two results files differ in more than their provenance, as a diff; bits count, not values."""
    with tempfile.TemporaryDirectory(prefix="flatsweep-") as folder:
        texts = [Path(folder) / name for name in ("first", "second")]
        for results, text in zip((first, second), texts):
            text.write_text("\n".join([*structure(results), *contents(results), ""]))
        done = subprocess.run(["diff", "-U0", r"--show-function-line=\(DATASET\|GROUP\) ", *texts], stdout=subprocess.PIPE,
                              text=True)
    return done.stdout.splitlines()[:40]


def structure(results):
    """Groups, types, shapes, chunks, filters, dimension scales and attributes of all but the provenance, in h5dump's words."""
    dump = subprocess.run(["h5dump", "--onlyattr", "--properties", "--format=%.17g", results], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    after_name = dump.partition("\n")[2]
    without_provenance = re.sub(r'^   GROUP "provenance" \{\n.*?^   \}\n', "", after_name, flags=re.DOTALL | re.MULTILINE)
    return ADDRESS.sub(r"\1", without_provenance).splitlines()


def contents(results):
    """A checksum of the bits of every data set outside the provenance."""
    lines = []

    def add(name, node):
        if isinstance(node, h5py.Dataset) and not name.startswith("provenance/"):
            lines.append(f"{name}: {hashlib.sha256(node[()].tobytes()).hexdigest()}")

    with h5py.File(results) as file:
        file.visititems(add)
    return lines
