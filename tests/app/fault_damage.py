"""Damages files of an output folder while no run is on it. The next run gives the right bits or says which file is to blame;
once that file is put right, it gives the right bits. For fault_injection.py."""
import os
import re
import shutil
import subprocess
import sys

from fault_cases import Case, all_but_results, reference_of, without_digits
from fault_runs import BAD_INPUT, BRIEF, DONE, IO_FAILED, STOPPED, copy_of, demand, run
from flatsweep_runs import BINARY, SOURCE, differences, flip_a_byte

sys.path.insert(0, str(SOURCE / "python"))
import flatsweep  # noqa: E402, of the tree

KEYS = BRIEF["landscape"]
PROGRESS = ["time", "replica", "stage", "fraction", "done", "epoch", "train_loss", "train_error", "test_loss", "test_error"]


def cut(file, other):
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])


def put_folder(file, other):
    file.unlink()
    file.mkdir()


def put_full_folder(file, other):
    put_folder(file, other)
    (file / "a file").write_text("in it")


DAMAGES = {
    "a byte flipped": lambda file, other: flip_a_byte(file),
    "cut to half": cut,
    "emptied": lambda file, other: file.write_bytes(b""),
    "other text in it": lambda file, other: file.write_text("something else altogether\n" * 40),
    "removed": lambda file, other: file.unlink(),
    "a folder in its place": put_folder,
    "a folder with a file in its place": put_full_folder,
    "another file in its place": lambda file, other: shutil.copy(other, file),
    "not readable": None}


class States:
    """Output folders of runs that were stopped at a place, and the reference."""

    def __init__(self, folder, fault):
        self.folder, self.fault = folder, fault
        self.reference = reference_of(folder, "brief-landscape", **KEYS)
        self.calls = fault.calls(folder / "damage-calls", folder / "damage-calls", **KEYS)

    def stopped_before(self, name):
        """Before this file of work/ is begun."""
        output = self.folder / f"stopped-{name.replace('/', '-')}"
        if not output.exists():
            paths = [without_digits(path.rpartition("damage-calls/work/")[2]) for call, path in self.calls]
            at = 1 + paths.index(name + ".partial")
            run(output, environment=self.fault.environment(output, "before", at), **KEYS)
        return output

    def all_done(self):
        output = self.folder / "brief-all-done"
        if not output.exists():
            run(output, environment=self.fault.environment(output / "results.h5.partial", "before", 1), **KEYS)
        return output

    def finished(self):
        return self.reference.parent


def targets(states):
    """(state, file, another file that a careless hand may put in its place)"""
    first, second = states.stopped_before("000000/window.h5"), states.stopped_before("000001/window.h5")
    window, done = states.stopped_before("000001/training.h5"), states.all_done()
    opened = states.stopped_before("000000/training.h5")
    yield second, "work/000001/checkpoint.h5", first / "work/000000/checkpoint.h5"
    yield second, "work/000001/checkpoint-previous.h5", first / "work/000000/checkpoint-previous.h5"
    yield window, "work/000001/window.h5", opened / "work/000000/window.h5"
    yield window, "work/000001/window.h5", window / "work/000001/checkpoint.h5"
    for name in ("training", "trajectory", "pca-fc2", "flatness-fc2", "dynamics-fc2", "filters-fc2", "done"):
        yield done, f"work/000001/{name}.h5", done / f"work/000000/{name}.h5"
    yield done, "work/000000/pca-fc2.h5", done / "work/000000/flatness-fc2.h5"
    yield done, "work/cross/pooled_pca-fc2-000000.h5", done / "work/000000/pca-fc2.h5"
    for name in ("config.toml", "work/fingerprint.toml", "lock", "log.txt", "progress.csv"):
        yield second, name, second / "work/000000/done.h5"
    for name in ("config.toml", "lock", "log.txt", "progress.csv", "results.h5"):
        yield states.finished(), name, done / "work/000000/pca-fc2.h5"


def damage_one(states, state, name, damage, other):
    output = copy_of(state, "damaged")
    file = output / name
    keys, environment = KEYS, None
    if DAMAGES[damage]:
        DAMAGES[damage](file, other)
    else:
        environment = states.fault.environment(file, "EACCES")
    look(output, environment)
    done = run(output, environment=environment, **keys)
    if done.returncode == DONE:
        outcome = "same results" if not done.stderr else "same results, with a warning"
    else:
        demand(done.returncode in (BAD_INPUT, IO_FAILED), damage, name, "code", done.returncode, done.stderr)
        demand(str(output) in done.stderr, damage, name, "the message names no file:", done.stderr)
        outcome = "refused, then same results"
        put_right(state, output, name, damage)
        done = run(output, **keys)
        demand(done.returncode == DONE, damage, name, "put right, but", done.returncode, done.stderr)
    demand(not reads_otherwise(states.reference, output / "results.h5"), damage, name, "SILENTLY WRONG",
           reads_otherwise(states.reference, output / "results.h5"))
    return Case("landscape", damage, name, outcome)


def look(output, environment):
    """Status and the Python package tell what they can, or which file is to blame."""
    done = subprocess.run([BINARY, "status", output], text=True, capture_output=True, env=os.environ | (environment or {}))
    demand(done.returncode in (DONE, STOPPED) or done.returncode in (BAD_INPUT, IO_FAILED) and str(output) in done.stderr, "status", done)
    try:
        with flatsweep.open(output) as seen:
            demand(list(seen.progress) == PROGRESS, "progress", list(seen.progress))
    except flatsweep.ResultsError as error:
        demand(str(output) in str(error), "no file is named:", error)


def put_right(state, output, name, damage):
    """What the message asks for: the file is removed; what says how the run was configured is restored."""
    file = output / name
    if DAMAGES[damage] is None:
        return demand(file.exists(), name, "was not readable, and is gone")
    if file.is_dir():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    if name in ("config.toml", "work/fingerprint.toml"):
        shutil.copy(state / name, file)


def reads_otherwise(reference, results):
    """Differences; a file that cannot be read is not silently wrong."""
    try:
        return differences(reference, results)
    except (OSError, subprocess.CalledProcessError, RuntimeError, KeyError):   # h5dump or h5py refuse it
        return []


def damage_files(folder, fault, rng, every=1):
    states = States(folder, fault)
    cases = [(state, name, damage, other) for state, name, other in targets(states) for damage in DAMAGES]
    return [damage_one(states, *case) for case in rng.sample(cases, len(cases) // every)]


def flip_bytes_of_results(folder, rng, count):
    """HDF5 notices every bit but those of texts (descriptions, units), which have no checksum, and of unused space."""
    reference = reference_of(folder, "brief-landscape", **KEYS)
    good = reference.read_bytes()
    altered = folder / "altered.h5"
    cases = []
    for _ in range(count):
        at = rng.randrange(len(good))
        altered.write_bytes(good[:at] + bytes([good[at] ^ 1 << rng.randrange(8)]) + good[at + 1:])
        outcome = "refused by HDF5"
        try:
            found = differences(reference, altered)
            lines = [line for line in found if re.match(r"[-+](?![-+])", line)]
            demand(all('"' in line for line in lines), "a number is silently wrong:", *lines)
            outcome = "a text altered" if found else "nothing read otherwise"
        except (OSError, subprocess.CalledProcessError, RuntimeError, KeyError):   # h5py or h5dump refuse
            pass
        cases.append(Case("landscape", "a bit flipped", "results.h5", outcome))
    return cases
