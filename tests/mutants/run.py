#!/usr/bin/env python3
"""Do the tests notice faults? Puts single-line faults (mutants.txt) into the source, one at a time, builds and runs the tests that should
fail.

A mutant is killed when one of its tests fails, ends badly or takes ten times as long as without it; it survives when all pass. One that
does not build proves nothing. Every test is run without mutants first: one that fails then kills nothing, and ends the program.

A changed file is compiled by itself and linked before the libraries, whose own definitions then do not count: seconds, and the source is
left alone. Where that proves nothing (headers; files that are compiled several at a time, in which a call may be inlined) the source is
changed in place and put back, also after a signal; after a SIGKILL the next start puts it back first. Results stand in mutants/results.tsv
of the build folder: an interrupted run goes on where it was, and what was killed is not tried again. Exit code 1 when a mutant survives,
does not build or is no longer found.
"""
import argparse
import fcntl
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.txt")
HEAD = re.compile(r"^\[(?P<name>[\w-]+)\] (?P<file>\S+) : (?P<tests>.+)$")
TEST = re.compile(r"^(?P<name>[\w/]+(\.\d)?)(\{(?P<only>[^}]+)\})?$")


@dataclass
class Mutant:
    name: str
    file: Path
    tests: list
    old: str = ""
    new: str = ""
    room: str = field(init=False)

    def __post_init__(self):
        parts = self.file.parts
        self.room = parts[parts.index("flatsweep") + 1] if parts[0] == "include" else parts[1]

    def digest(self):
        return hashlib.sha256("\n".join([str(self.file), self.old, self.new]).encode()).hexdigest()[:12]

    def text(self):
        return (ROOT / self.file).read_text().replace(self.old, self.new)

    def places(self):
        path = ROOT / self.file
        return path.read_text().count(self.old) if path.is_file() else 0


def read_list():
    """Three lines a mutant: [name] file : tests, - what stands there (exactly once in the file), + what it becomes."""
    mutants = []
    for line in LIST.read_text().splitlines():
        if head := HEAD.match(line):
            mutants.append(Mutant(head["name"], Path(head["file"]), head["tests"].split()))
        elif line.startswith("- "):
            mutants[-1].old = line[2:]
        elif line.startswith("+"):
            mutants[-1].new = line[2:]
        elif line and not line.startswith("#"):
            sys.exit(f"{LIST}: what is this? {line}")
    if len({mutant.name for mutant in mutants}) < len(mutants):
        sys.exit(f"{LIST}: two mutants of one name")
    return mutants


class Build:
    """The build folder: its tests as ctest knows them."""

    def __init__(self, folder):
        self.folder = folder
        done = subprocess.run(["ctest", "--show-only=json-v1"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        self.known = {test["name"]: test for test in json.loads(done.stdout)["tests"]}
        self.seconds = {}  # what each test takes without a mutant
        self.compile_commands = {entry["file"]: entry["command"] for entry in json.loads((folder / "compile_commands.json").read_text())}
        self.beside = folder / "mutants/beside"  # objects and programs with one changed file
        self.sound = {}  # whether a test passes with this file compiled by itself, unchanged

    def find(self, test):
        match = TEST.match(test)
        entry = match and (self.known.get(match["name"]) or self.known.get(match["name"] + ".1"))
        if not entry:
            sys.exit(f"{LIST}: there is no test {test}; a test that CMake has not seen yet needs a configure first")
        return entry, match["only"]

    def targets(self, test):
        inside = [Path(word) for word in self.find(test)[0]["command"] if Path(word).parent == self.folder]
        return [path.name for path in inside] or ["flatsweep"]

    def make(self, targets):
        return subprocess.run(["cmake", "--build", self.folder, "-j", str(os.cpu_count()), "--target", *targets], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def compiled_alone(self, file):
        return str(ROOT / file) in self.compile_commands

    def compile(self, file, text, name="changed"):
        """The object of this text in place of the file's, or None where there is none: of a header, or of what does not compile."""
        here = self.compile_commands.get(str(ROOT / file))
        others = (c for f, c in self.compile_commands.items() if f"flatsweep_{file.parts[1]}.dir/Unity/" in f)
        command = here or next(others, None)
        if file.suffix != ".cpp" or not command:
            return None
        self.beside.mkdir(parents=True, exist_ok=True)
        source = self.beside / f"{name}-{file.name}"
        source.write_text(text)
        words = shlex.split(command)
        output = words.index("-o")
        words = words[:output] + ["-I", str((ROOT / file).parent), "-o", str(source) + ".o", "-c", str(source)]
        done = subprocess.run(words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Path(str(source) + ".o") if done.returncode == 0 else None

    def link(self, target, changed):
        """The program with this object first, and else as the source stands."""
        if self.make([target]).returncode != 0:
            return None
        command = subprocess.run(["ninja", "-t", "commands", "-s", target], cwd=self.folder, check=True, stdout=subprocess.PIPE,
                                 text=True).stdout.strip().splitlines()[-1]
        program = self.beside / target
        command = command.replace(f" -o {target} ", f" -Wl,-z,muldefs -o {program} ", 1).replace("c++ ", f"c++ {changed} ", 1)
        return program if subprocess.run(command, shell=True, cwd=self.folder, stdout=subprocess.DEVNULL).returncode == 0 else None

    def passes_with(self, test, changed):
        """Whether a test passes where this object replaces its file's; None where it cannot be linked."""
        target, = self.targets(test)
        program = self.link(target, changed)
        return program and self.passes(test, {str(self.folder / target): str(program)})

    def passes_alone(self, file, test):
        """The same of the file as it stands: beside others it is the very same object, else it may round otherwise."""
        if self.compiled_alone(file):
            return True
        if (file, test) not in self.sound:
            plain = self.compile(file, (ROOT / file).read_text(), "plain")
            self.sound[file, test] = bool(plain and self.passes_with(test, plain))
        return self.sound[file, test]

    def passes(self, test, replaced={}):
        """Within ten times what it took without a mutant.   @param replaced paths of programs by those in whose place they run"""
        entry, only = self.find(test)
        command = [replaced.get(word, word) for word in entry["command"]]
        if only:
            command += only.split(",") if command[-1] == "-v" else [f"--gtest_filter={only.replace(',', ':')}"]
        properties = {item["name"]: item["value"] for item in entry["properties"]}
        environment = os.environ | dict(item.split("=", 1) for item in properties.get("ENVIRONMENT", []))
        environment = {name: replaced.get(value, value) for name, value in environment.items()}
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=properties.get("WORKING_DIRECTORY", self.folder), env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            passed = process.wait(max(30.0, 10.0 * self.seconds.get(test, 60.0))) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        self.seconds.setdefault(test, time.monotonic() - begin)
        return passed


class Journal:
    """What stands in the build folder while the source is changed, and the results."""

    def __init__(self, build):
        self.folder = build / "mutants"
        self.folder.mkdir(exist_ok=True)
        self.lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("another run of the mutants is under way in this build folder")
        self.original, self.place = self.folder / "original", self.folder / "place"
        self.results = self.folder / "results.tsv"
        self.restore()

    def apply(self, mutant):
        text = (ROOT / mutant.file).read_text()
        self.original.write_text(text)
        self.place.write_text(str(mutant.file))
        (ROOT / mutant.file).write_text(mutant.text())

    def restore(self):
        if self.place.exists():
            (ROOT / self.place.read_text()).write_text(self.original.read_text())
            self.place.unlink()

    def known(self):
        if not self.results.exists():
            return {}
        rows = [line.split("\t") for line in self.results.read_text().splitlines()]
        return {digest: (verdict, by) for digest, _, verdict, by in rows}

    def record(self, mutant, verdict, by):
        with self.results.open("a") as file:
            file.write(f"{mutant.digest()}\t{mutant.name}\t{verdict}\t{by}\n")


def judge(mutant, build, journal):
    if changed := build.compile(mutant.file, mutant.text()):
        verdicts = []
        for test in mutant.tests:
            verdicts.append(build.passes_with(test, changed))
            if verdicts[-1] is False and build.passes_alone(mutant.file, test):
                return "killed", test
        if build.compiled_alone(mutant.file) and all(verdicts):
            return "survived", ""
    return judge_in_place(mutant, build, journal)


def judge_in_place(mutant, build, journal):
    journal.apply(mutant)
    try:
        for test in mutant.tests:
            made = build.make(build.targets(test))
            if made.returncode != 0:
                return "does not build", next((line for line in made.stdout.splitlines() if "error" in line), "")
            if not build.passes(test):
                return "killed", test
        return "survived", ""
    finally:
        journal.restore()


def check_tests(mutants, build):
    tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    made = build.make(sorted({target for test in tests for target in build.targets(test)}))
    if made.returncode != 0:
        sys.exit(made.stdout)
    for test in tests:
        print(f"{test} without a mutant", file=sys.stderr, flush=True)
        if not build.passes(test):
            sys.exit(f"{test} fails without a mutant")


def run(mutants, build, journal, options):
    known = {} if options.again else journal.known()
    left = [mutant for mutant in mutants if known.get(mutant.digest(), ("",))[0] != "killed" and mutant.places() == 1]
    if not options.trust:
        check_tests(left, build)
    for mutant in left:
        begin = time.monotonic()
        verdict, by = judge(mutant, build, journal)
        journal.record(mutant, verdict, by)
        print(f"{mutant.name}: {verdict} {by} ({time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True)


def complaints(mutants):
    """What would keep mutants from being tried, as far as it is seen without a build."""
    for mutant in mutants:
        if (places := mutant.places()) != 1:
            yield f"{mutant.name}: its text stands in {mutant.file} {places} times, not once: {mutant.old}"
        if mutant.old == mutant.new:
            yield f"{mutant.name}: it changes nothing"
        for test in mutant.tests:
            match = TEST.match(test)
            stem = match and ROOT / "tests" / re.sub(r"\.\d$", "", match["name"])
            if not stem or not any(stem.with_name(stem.name + end).is_file() for end in ("_test.cpp", "_test.py")):
                yield f"{mutant.name}: there is no test {test}"


def report(mutants, known):
    verdicts = []
    for mutant in mutants:
        verdict, by = known.get(mutant.digest(), ("not run", ""))
        if mutant.places() != 1:
            verdict, by = "not found", f"its text stands in {mutant.file} {mutant.places()} times"
        verdicts.append(verdict)
        print(f"{mutant.room:9} {mutant.name:44} {verdict:15} {by}")
    for verdict in dict.fromkeys(verdicts):
        print(f"{verdict}: {verdicts.count(verdict)} of {len(verdicts)}")
    return verdicts


def main():
    parser = argparse.ArgumentParser(prog="tools/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="mutants or rooms; all without")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help="a configured build folder")
    parser.add_argument("--again", action="store_true", help="try those that were killed, too")
    parser.add_argument("--trust", action="store_true", help="take it for granted that the tests pass without mutants")
    parser.add_argument("--report", action="store_true", help="show the results so far, run nothing")
    parser.add_argument("--check", action="store_true", help="only say which texts and tests are no longer there; needs no build")
    options = parser.parse_args()
    mutants = [m for m in read_list() if not options.names or m.name in options.names or m.room in options.names]
    if options.check:
        errors = list(complaints(mutants))
        print("\n".join([*errors, f"{len(mutants)} mutants, {len(errors)} complaints"]))
        return 1 if errors else 0
    build = options.build.resolve()
    journal = Journal(build)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    if not options.report:
        run(mutants, Build(build), journal, options)
    verdicts = report(mutants, journal.known())
    return 0 if all(verdict == "killed" for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
