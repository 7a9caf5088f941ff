"""Runs the flatsweep program as its users do, and compares results files. Shared by the tests beside it."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy

SOURCE = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).with_name("small.toml")
BINARY = os.environ["FLATSWEEP_BINARY"]
MPIEXEC = os.environ.get("FLATSWEEP_MPIEXEC", "mpirun")
PATIENCE = 120   # seconds that a run may take before it counts as hanging

# Made by HDF5 for dimension scales; they hold addresses in the file, and what they say is compared by name.
REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}


class RunTest(unittest.TestCase):
    """A test with a folder of its own that starts runs."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="flatsweep-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def command(self, ranks, output, *options, config=SMALL, **keys):
        """`keys`: configuration keys with __ for the dot, as in train__batch_size=50."""
        sets = [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        place = ["--output", str(self.folder / output)] if output else []
        return [MPIEXEC, "-n", str(ranks), BINARY, str(config), *place, *options, *sets]

    def start(self, *arguments, **keys):
        return subprocess.Popen(self.command(*arguments, **keys), cwd=SOURCE, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_to_end(self, *arguments, **keys):
        return finish(self.start(*arguments, **keys))

    def run_well(self, ranks, output, *options, **keys):
        """Runs, demands success, and returns the path of the results."""
        done = self.run_to_end(ranks, output, *options, **keys)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.results(output)

    def results(self, output):
        return self.folder / output / "results.h5"

    def assert_same_results(self, first, second):
        self.assertEqual(differences(first, second), [])


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
    """Process numbers of the ranks that this mpirun started."""
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


def differences(first, second, ignore=("provenance",)):
    """Every place where two results files differ in more than their provenance; bits count, not values."""
    with h5py.File(first) as a, h5py.File(second) as b:
        return list(compare_groups(a, b, ignore))


def compare_groups(a, b, ignore=()):
    yield from compare_attributes(a, b)
    names = [sorted(set(group) - set(ignore)) for group in (a, b)]
    if names[0] != names[1]:
        yield f"{a.name}: holds {names[0]} and {names[1]}"
        return
    for name in names[0]:
        both_groups = isinstance(a[name], h5py.Group) and isinstance(b[name], h5py.Group)
        yield from (compare_groups if both_groups else compare_datasets)(a[name], b[name])


def compare_attributes(a, b):
    if list(a.attrs) != list(b.attrs):
        yield f"{a.name}: attributes {list(a.attrs)} and {list(b.attrs)}"
        return
    for name in set(a.attrs) - REFERENCES:
        values = [numpy.asarray(node.attrs[name]) for node in (a, b)]
        if values[0].dtype != values[1].dtype or values[0].tolist() != values[1].tolist() and not both_nan(*values):
            yield f"{a.name}: attribute {name} = {values[0]} and {values[1]}"


def both_nan(a, b):
    return a.dtype.kind == "f" and a.tobytes() == b.tobytes()


def properties(dataset):
    scales = [(axis.label, [scale.name for scale in axis.values()]) for axis in dataset.dims]
    return dataset.dtype, dataset.shape, dataset.chunks, dataset.fletcher32, scales


def compare_datasets(a, b):
    yield from compare_attributes(a, b)
    if properties(a) != properties(b):
        yield f"{a.name}: {properties(a)} and {properties(b)}"
    elif a[()].tobytes() != b[()].tobytes():
        yield f"{a.name}: values differ"
