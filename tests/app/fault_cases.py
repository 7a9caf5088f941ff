"""What is done to runs: kills at random moments and at chosen calls, failing disks, damaged files. Each case ends with the bits
of a run that nothing happened to, or raises AssertionError. For fault_injection.py."""
import os
import re
import shutil
import signal
import subprocess
import time
from collections import namedtuple

from fault_runs import (BAD_INPUT, BRIEF, DONE, IO_FAILED, STOPPED, STUDIES, Watch, copy_of, demand, phase, run, run_well,
                       start, wait_until_left)
from flatsweep_runs import differences, finish, messages, ranks_of

# One blow or case: what was done, where it hit, what came of it.
Case = namedtuple("Case", "study kind place outcome")

BLOWS = {
    "SIGKILL, one rank": (signal.SIGKILL, "one"), "SIGKILL, all ranks": (signal.SIGKILL, "all"),
    "SIGKILL, mpirun": (signal.SIGKILL, "mpirun"), "SIGTERM, one rank": (signal.SIGTERM, "one"),
    "SIGTERM, mpirun": (signal.SIGTERM, "mpirun"), "SIGUSR1, one rank": (signal.SIGUSR1, "one"),
    "SIGUSR1, mpirun": (signal.SIGUSR1, "mpirun")}


def say(text):
    print(text, flush=True)


# Kills at random moments.

class RandomKills:
    def __init__(self, folder, study, rng, most_ranks, keys=None):
        self.folder, self.study, self.rng, self.most_ranks = folder, study, rng, most_ranks
        self.keys = keys or STUDIES[study]
        self.reference = folder / "reference" / "results.h5"
        began = time.monotonic()
        run_well(self.reference.parent, 2, **self.keys)
        self.duration = time.monotonic() - began
        self.deck, self.cases, self.resumes, self.runs = [], [], 0, 0

    def go_on_until(self, count):
        while len(self.cases) < count:
            self.one_run(count)
        return self.cases

    def one_run(self, count):
        """Killed and resumed until it ends; the resume is killed, too."""
        output = self.folder / f"run{self.runs}"
        self.runs += 1
        watch, before = Watch(output, self.reference), len(self.cases)
        while not self.strike(output, watch, len(self.cases) < count):
            self.resumes += 1
        watch.end()
        shutil.rmtree(output)
        say(f"  {self.study}: run {self.runs} killed {len(self.cases) - before} times, same results")

    def strike(self, output, watch, strike):
        """True when the run came to its end."""
        process = start(output, self.rng.randint(1, self.most_ranks), **self.keys)
        if not strike or not self.wait(process, output):
            return self.ended(process, output)
        kind, ranks = self.draw(), ranks_of(process)
        self.send(process, ranks, *BLOWS[kind])
        code = finish(process).returncode
        wait_until_left(output, ranks)
        self.cases.append(Case(self.study, kind, phase(output), code))
        demand(code != DONE or (output / "results.h5").exists(), "code 0 without results")
        demand("SIGKILL" not in kind or code != STOPPED, "killed, but code", code)
        watch.look()
        return code == DONE

    def ended(self, process, output):
        done = finish(process)
        demand(done.returncode == DONE, "a run that nothing happened to ends with", done.returncode, done.stderr)
        wait_until_left(output)
        return True

    def draw(self):
        if not self.deck:
            self.deck = self.rng.sample(list(BLOWS), len(BLOWS))
        return self.deck.pop()

    def wait(self, process, output):
        """Until a moment of any kind, or (one in four) soon after results.h5 was begun. False when the run ended before."""
        end = time.monotonic() + self.rng.uniform(0.0, 0.5 * self.duration)
        if self.rng.random() < 0.25:
            while process.poll() is None and not list(output.glob("results.h5.partial*")):
                time.sleep(0.001)
            end = time.monotonic() + self.rng.uniform(0.0, 0.1)
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.001)
        return process.poll() is None

    def send(self, process, ranks, number, whom):
        if whom == "mpirun" or not ranks:
            return process.send_signal(number)
        for pid in ranks if whom == "all" else [self.rng.choice(ranks)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass


# Kills at chosen calls.

def reference_of(folder, name, **keys):
    output = folder / name
    if not (output / "results.h5").exists():
        run_well(output, **keys)
    return output / "results.h5"


def short(call, path, output):
    """'write results.h5.partial', without the names of units and layers."""
    place = path.removeprefix(str(output)).lstrip("/") or "the folder"
    return f"{call} {re.sub(r'work/[0-9]+', 'work/N', without_digits(place))}"


def without_digits(path):
    """Temporary names are new in every run."""
    return re.sub(r"(?<=[.]partial)-[0-9a-f]+", "", path)


def sample_of(calls, most):
    """Numbers of calls, from 1: all, but of a file with many writes (results.h5) `most` at even steps."""
    by_kind = {}
    for number, (call, path) in enumerate(calls, 1):
        by_kind.setdefault((call, without_digits(path)), []).append(number)
    chosen = []
    for numbers in by_kind.values():
        step = max(1.0, len(numbers) / most)
        chosen += [numbers[int(i * step)] for i in range(min(most, len(numbers)))]
    return sorted(chosen)


def begin_at_calls(folder, study, fault, name):
    """An undisturbed run of the study, and the calls of one in folder/name that harm will be done to."""
    keys = BRIEF[study]
    reference = reference_of(folder, f"brief-{study}", **keys)
    output = folder / name
    shutil.rmtree(output, ignore_errors=True)
    return keys, reference, output, fault.calls(output, output, **keys)


def kill_at_calls(folder, study, fault, rng, every=1, most=12):
    """Kills a run before a call that changes a file, or half-way through a write; half of the resumes are killed, too."""
    keys, reference, output, calls = begin_at_calls(folder, study, fault, "aimed")
    cases = []
    for number in sample_of(calls, most)[rng.randrange(every)::every]:
        for act in ("before", "half") if calls[number - 1][0] == "write" else ("before",):
            shutil.rmtree(output, ignore_errors=True)
            watch = Watch(output, reference)
            killed = [number] if rng.random() < 0.5 else [number, rng.randint(1, max(12, len(calls) - number))]
            for at in killed:
                code = run(output, environment=fault.environment(output, act, at), **keys).returncode
                if code == -signal.SIGKILL:   # the resumed run may have fewer calls
                    cases.append(Case(study, f"SIGKILL {act} a call", short(*calls[number - 1], output), code))
                watch.look()
            run_well(output, **keys)
            watch.end()
    return cases


def kill_one_rank_at_results(folder, fault, ranks=3, most=6):
    """Kills each of several ranks when rank 0, which writes for all, is at its calls on results.h5.partial. All units are done
    before."""
    keys = STUDIES["landscape"] | dict(network__width=24)   # directions of several chunks, which the ranks share
    reference = reference_of(folder, "several-chunks", **keys)
    ready = all_but_results(folder, fault, **keys)
    output = copy_of(ready, "several-ranks")
    calls = fault.calls(output, output / "results.h5.partial", ranks, 0, **keys)
    cases = []
    for number in sample_of(calls, most):
        for victim in range(ranks):
            output = copy_of(ready, "several-ranks")
            watch = Watch(output, reference)
            fatal = fault.environment(output / "results.h5.partial", "before", number, rank=0, victim=victim)
            code = run(output, ranks, fatal, **keys).returncode
            demand(code != DONE, "not killed")
            wait_until_left(output)
            cases.append(Case("landscape", f"SIGKILL of rank {victim} of {ranks}", short(*calls[number - 1], output), code))
            watch.look()
            run_well(output, ranks, **keys)
            watch.end()
    return cases


def all_but_results(folder, fault, name="all-done", **keys):
    """An output folder in which every unit is done."""
    output = folder / name
    if not output.exists():
        run(output, environment=fault.environment(output / "results.h5.partial", "before", 1), **keys)
    demand(len(list(output.glob("work/0*/done.h5"))) >= 1 and not (output / "results.h5").exists(), "not all done")
    return output


# Disks that are full or fail.

ADVICE = ("free space", "check the disk", "check the file system", "remove it by hand")

def demand_clear_failure(done, output, *words):
    said = messages(done)
    demand(done.returncode == IO_FAILED, "code", done.returncode, done.stderr)
    demand(len(said) >= 1 and str(output) in said[-1], "the message does not name the file:", done.stderr)
    demand(not words or any(word in said[-1] for word in words), "the message does not say what to do:", said[-1])


def fail_at_calls(folder, study, fault, rng, error, every=1, most=4):
    """From some call on the disk is full (ENOSPC), or one call fails (EIO). What fails is said, and nothing is lost."""
    keys, reference, output, calls = begin_at_calls(folder, study, fault, "failing")
    cases = []
    for number in sample_of(calls, most)[rng.randrange(every)::every]:
        shutil.rmtree(output, ignore_errors=True)
        watch = Watch(output, reference)
        count = 1 if error == "EIO" else None
        done = run(output, environment=fault.environment(output, error, number, count), **keys)
        place = short(*calls[number - 1], output)
        if done.returncode == DONE:   # a call whose failure does no harm, as removing a file
            watch.look()
        elif done.returncode == BAD_INPUT:   # before anything was begun: the folder cannot be made, take another
            demand(str(output) in done.stderr and "--output" in done.stderr, done.stderr)
        else:
            demand_clear_failure(done, output, *ADVICE)
        cases.append(Case(study, error, place, done.returncode))
        watch.look()
        run_well(output, **keys)
        watch.end()
    return cases


def limit_file_size(folder, fault, shares, ranks=0):
    """As ulimit -f does, to shares of the size of results.h5: a write fails half-way, and the kernel sends SIGXFSZ."""
    keys = BRIEF["landscape"]
    reference = reference_of(folder, "brief-landscape", **keys)
    cases = []
    for share in shares:
        size = int(share * reference.stat().st_size)
        output = folder / "limited"
        shutil.rmtree(output, ignore_errors=True)
        watch = Watch(output, reference)
        done = run(output, ranks, fault.environment(output, limit=size), **keys)
        demand_clear_failure(done, output, "ulimit -f")
        cases.append(Case("landscape", "RLIMIT_FSIZE", f"{share} of results.h5", done.returncode))
        watch.look()
        run_well(output, ranks, **keys)
        watch.end()
    return cases


def without_shared_memory(folder, fault, study, ranks=2):
    """Memory that the ranks share is refused to rank 0, while the others would have waited for it."""
    keys = BRIEF[study]
    reference = reference_of(folder, f"brief-{study}", **keys)
    cases = []
    for error in ("ENOSPC", "EIO"):
        output = folder / "without-shared-memory"
        shutil.rmtree(output, ignore_errors=True)
        done = run(output, ranks, fault.environment("/dev/shm/flatsweep", error, rank=0), **keys)
        demand(done.returncode == DONE, "code", done.returncode, done.stderr)
        demand("every rank keeps a copy of the images" in done.stderr, "not said:", done.stderr)
        demand(not differences(reference, output / "results.h5"), "other results")
        cases.append(Case(study, f"{error} for shared memory", "start", done.returncode))
    return cases


class SmallDisk:
    """A tmpfs of so many MiB. Needs root."""

    def __init__(self, place, size):
        self.place = place
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", place], check=True)

    def __enter__(self):
        return self.place

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.place], check=True)

    @staticmethod
    def allowed():
        return os.geteuid() == 0


def fill_the_disk(folder, rng, rounds, duration):
    """Another user fills the disk at a random moment of a run of two ranks."""
    keys = STUDIES["landscape"]
    reference = reference_of(folder, "several", **keys)
    cases = []
    with SmallDisk(folder / "disk", 200) as disk:
        for _ in range(rounds):
            output = disk / "out"
            shutil.rmtree(output, ignore_errors=True)
            watch = Watch(output, reference)
            process = start(output, 2, **keys)
            while process.poll() is None and not (output / "work/fingerprint.toml").exists():
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.6 * duration))
            fill(disk / "filler")
            where = phase(output)
            done = finish(process)
            if done.returncode != DONE:
                demand_clear_failure(done, output, "free space")
            cases.append(Case("landscape", "full tmpfs", where, done.returncode))
            watch.look()
            (disk / "filler").unlink()
            run_well(output, 2, **keys)
            watch.end()
    return cases


def fill(file):
    block = b"x" * 4096
    with open(file, "wb", buffering=0) as out:
        try:
            while out.write(block):
                pass
        except OSError:
            pass


def too_small_from_the_start(folder):
    keys = STUDIES["landscape"]
    with SmallDisk(folder / "tiny", 1) as disk:
        done = run(disk / "out", 2, **keys)
        demand(done.returncode == BAD_INPUT and "free some" in done.stderr, done.returncode, done.stderr)
    return [Case("landscape", "full tmpfs", "start", done.returncode)]
