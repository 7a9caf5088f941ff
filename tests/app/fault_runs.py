"""Runs under fire: what is killed or made to fail, and what must hold of an output folder at every moment. For fault_injection.py."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from flatsweep_runs import (BINARY, MPIEXEC, SMALL, SOURCE, TRAILER_SIZE, differences, finish, origin_of, stage_footer,
                            toml)

DONE, BAD_INPUT, IO_FAILED, STOPPED, KILLED = 0, 2, 74, 75, 137

# Teams of one rank: then the bits are the same for any number of ranks.
SOLO = dict(run__team_size=1)
# Small grids of a few seconds on two cores, with many checkpoints and data sets that several ranks write.
STUDIES = dict(
    landscape=SOLO | dict(grid__batch_size=[10, 20], grid__seed=[1, 2], network__width=16, window__opens_at_epoch=60, window__length_epochs=2,
                          run__checkpoint_epochs=2, output__trajectory=True, pooled_pca__enabled=True,
                          **{f"{table}__enabled": False for table in ("first_mode", "curvature", "network_curvature", "mlf",
                                                                      "nulls")}),
    continual=SOLO | dict(study="continual", grid__seed=[1, 2], window__opens_at_epoch=6, window__length_epochs=3, train__batch_size=10,
                          train__optimizer="momentum", train__learning_rate=0.02, continual__tasks=[[0, 1], [2, 3], [4, 5]],
                          continual__methods=["none", "ldc", "ewc"], continual__constraint_counts=[20], continual__epochs=100,
                          continual__strength=[0.0, 10.0], run__checkpoint_seconds=0.02),
    noise=SOLO | dict(study="noise", train__learning_rate=0.3, grid__noise_method=["gd", "flatness-detecting", "isotropic"],
                      grid__noise_amplitude=[1.0, 2.0], noise__epochs=150, noise__sgd_epochs=2, noise__modes=20,
                      noise__renew_epochs=20, noise__loss_levels=[2.0, 0.1], run__checkpoint_seconds=0.02))

# One or two replicas of a second: every call that changes a file can be tried.
BRIEF = dict(
    landscape=SOLO | dict(grid__seed=[1, 2], data__train_limit=200, window__opens_at_epoch=3, run__checkpoint_epochs=1,
                          output__trajectory=True, pooled_pca__enabled=True, mlf__enabled=False, nulls__enabled=False,
                          curvature__enabled=False, network_curvature__enabled=False, first_mode__enabled=False),
    continual=STUDIES["continual"] | dict(grid__seed=[1], continual__epochs=4, run__checkpoint_seconds=0.0001,
                                          window__opens_at_epoch=2, window__length_epochs=2),
    noise=STUDIES["noise"] | dict(grid__noise_method=["flatness-detecting"], grid__noise_amplitude=[1.0], noise__epochs=8,
                                  noise__renew_epochs=3, run__checkpoint_seconds=0.0001))


def command(output, ranks=0, *, mode="--resume", **keys):
    """Without ranks the program is started by itself, which is quicker."""
    sets = [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={quoted(value)}")]
    launcher = [MPIEXEC, "-n", str(ranks)] if ranks else []
    return [*launcher, BINARY, str(SMALL), "--output", str(output), mode, *sets]


def quoted(value):
    return f'"{value}"' if isinstance(value, str) else toml(value)


def start(output, ranks=0, environment=None, **keys):
    return subprocess.Popen(command(output, ranks, **keys), cwd=SOURCE, stdin=subprocess.DEVNULL, text=True, errors="replace",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | (environment or {}))


def run(output, ranks=0, environment=None, **keys):
    return finish(start(output, ranks, environment, **keys))


def demand(condition, *words):
    if not condition:
        raise AssertionError(" ".join(map(str, words)))


def run_well(output, ranks=0, **keys):
    done = run(output, ranks, **keys)
    demand(done.returncode == DONE, "code", done.returncode, done.stdout, done.stderr)
    return done


class Fault:
    """What fault.c does to one run."""

    def __init__(self, folder):
        self.object = Path(folder) / "fault.so"
        source = Path(__file__).with_name("fault.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", source, "-o", self.object, "-ldl"], check=True)

    def environment(self, under, act=None, at=1, count=None, rank=None, victim=None, log=None, limit=None, call=None,
                    no_blocks=None):
        words = dict(FAULT_UNDER=under, FAULT_DO=act, FAULT_AT=at if act else None, FAULT_FOR=count, FAULT_RANK=rank, FAULT_VICTIM=victim,
                     FAULT_LOG=log, FAULT_LIMIT=limit, FAULT_CALL=call, FAULT_NO_BLOCKS=no_blocks)
        return dict(LD_PRELOAD=str(self.object)) | {k: str(v) for k, v in words.items() if v is not None}

    def calls(self, output, under, ranks=0, rank=None, **keys):
        """(name, path) of every call of a run that nothing happens to."""
        log = Path(str(output) + ".calls")
        log.unlink(missing_ok=True)
        done = run(output, ranks, self.environment(under, rank=rank, log=log), **keys)
        demand(done.returncode == DONE, done.stderr)
        if not log.exists():
            return []   # a rank that leaves writing to others
        return [tuple(line.split()[1:3]) for line in log.read_text().splitlines()]


def kept(file):
    """Stage files that are not replaced or removed before the unit is done."""
    return not re.match(r"checkpoint|window|modes|path-\d+-checkpoint", file.name)


def footer_is_right(file):
    data = file.read_bytes()
    return len(data) >= TRAILER_SIZE and data[-TRAILER_SIZE:] == stage_footer(file, data[:-TRAILER_SIZE], origin_of(file))


class Watch:
    """Looks at an output folder after every blow: nothing half-written under a final name, nothing finished lost."""

    def __init__(self, output, reference):
        self.output, self.reference = Path(output), reference
        self.finished = {}   # stage files seen: checksum
        self.looks = 0

    def look(self):
        self.looks += 1
        results = self.output / "results.h5"
        if results.exists():
            demand(not differences(self.reference, results), "results.h5 differs:", differences(self.reference, results))
            return
        files = {file: file.read_bytes() for file in self.output.glob("work/*/*.h5")}
        for file, data in files.items():
            demand(footer_is_right(file), "half a file under a final name:", file, len(data))
        sums = {file: hashlib.sha256(data).hexdigest() for file, data in files.items() if kept(file)}
        for file, before in self.finished.items():
            demand(file in sums, "finished work is lost:", file)
            demand(sums[file] == before, "finished work has changed:", file)
        self.finished = sums

    def end(self):
        """After the run that ended with 0."""
        demand((self.output / "results.h5").exists(), "no results")
        self.look()
        left = sorted(path.name for path in self.output.iterdir())
        demand(left == ["config.toml", "lock", "log.txt", "progress.csv", "results.h5"], "left behind:", left)


def phase(output):
    """Where the run was when it ended."""
    if not (output / "work/fingerprint.toml").exists():
        return "results complete" if (output / "results.h5").exists() else "start"
    if (output / "results.h5").exists():
        return "results complete"
    if list(output.glob("results.h5.partial*")):
        return "writing results.h5"
    if list(output.glob("work/*/*.partial*")):
        return "writing a file in work/"
    units = list(output.glob("work/0*"))
    if units and all((unit / "done.h5").exists() for unit in units):
        return "between replicas"
    if any((unit / "training.h5").exists() and not (unit / "done.h5").exists() for unit in units):
        return "analysis"
    return "training"


def wait_until_left(output, ranks=(), seconds=60):
    """Until the ranks are gone and nobody holds the folder: mpirun may end before they do."""
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in ranks) or is_locked(Path(output) / "lock"):
        demand(time.monotonic() < end, "processes outlive their mpirun by", seconds, "s:", *ranks)
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_locked(file):
    if not file.exists():
        return False
    with open(file, "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def copy_of(folder, name):
    """A fresh copy of an output folder, beside it."""
    copy = Path(folder).with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return copy
