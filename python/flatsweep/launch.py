"""Starts the program and shows how far it is."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from .opening import open as open_run
from .runs import Run

NAME = "flatsweep"
LINE = re.compile(r"(?P<done>\d+)/(?P<all>\d+) replicas done(?:, (?P<stage>[^,]*?) (?P<percent>\d+) %)?(?P<rest>.*)")
MEANINGS = {2: "bad input", 70: "no replica is done", 71: "the parallel environment failed", 74: "input or output failed",
            75: "stopped early; resume=True goes on"}
BAR = 24  # characters


class RunError(Exception):
    """The program ended without results; its own words, and `code`, its exit code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"flatsweep ended with {code} ({MEANINGS.get(code, 'see docs/reliability.md, exit codes')}): {words or 'it said nothing'}")
        self.code = code


def run(config: str | os.PathLike[str], ranks: int = 1, *, output: str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None, resume: bool = False, overwrite: bool = False,
        program: str | os.PathLike[str] | None = None, launcher: Sequence[str] = ("mpirun", "-n"),
        progress: bool = True) -> Run:
    """Runs a configuration on `ranks` MPI ranks, waits for its end, and opens the results.

    `output`: the folder of the results; by default runs/<name of the configuration>. `settings`: keys in place of those of
    the configuration, as {"grid.seed": [1, 2, 3]}. `resume`: go on with a run that was stopped; `overwrite`: replace a finished one.
    `program`: the binary; by default $FLATSWEEP_BINARY, the one that was built or installed with
    this package, or that in $PATH. `launcher`: what stands
    before the number of ranks, as ("srun", "-n"). `progress`: a bar on stderr.

    Raises RunError where the program ends without results, and FileNotFoundError where there is no program or no launcher.
    An interrupt stops the program early: it writes checkpoints, and `resume=True` goes on.
    """
    folder = pathlib.Path(output) if output is not None else pathlib.Path("runs") / pathlib.Path(config).stem
    command = [*launcher, str(ranks), found_program(program), os.fspath(config), "--output", os.fspath(folder)]
    command += [word for key, value in (settings or {}).items() for word in ("--set", f"{key}={toml(value)}")]
    command += ["--resume"] * resume + ["--overwrite"] * overwrite
    code, words = carry_out(command, environment(ranks), sys.stderr if progress else None)
    if code not in (0, 70):
        raise RunError(code, words)
    try:
        return open_run(folder)
    except Exception:
        raise RunError(code, words) from None


def found_program(given: str | os.PathLike[str] | None) -> str:
    named = given or os.environ.get("FLATSWEEP_BINARY")
    if named and not pathlib.Path(named).is_file():
        raise FileNotFoundError(f"there is no program {named}")
    for program in (named, *beside(pathlib.Path(__file__).resolve()), shutil.which(NAME)):
        if program and pathlib.Path(program).is_file():
            return os.fspath(program)
    raise FileNotFoundError(f"there is no program {NAME} in $PATH or beside this package; build it (tools/build release {NAME}), or "
                            "give program=")


def beside(file: pathlib.Path) -> list[pathlib.Path]:
    """Where the program is in the source tree, and below the prefix of lib/python3.11/dist-packages/flatsweep."""
    above = list(file.parents)
    return [folder / place / NAME for folder, place in zip(above[2:5:2], ("build/release", "bin"))]


def toml(value: Any) -> str:
    """Numbers and arrays of numpy, ranges and other sequences are taken, too.

    >>> toml([1, 2]), toml(["sgd", "adam"]), toml("sgd"), toml(True), toml(range(2))
    ('[1, 2]', '["sgd", "adam"]', '"sgd"', 'true', '[0, 1]')
    >>> toml(np.array([0.5, 2.0])), toml(np.int64(3)), toml({"fc1": 'a"b'})
    ('[0.5, 2.0]', '3', '{"fc1" = "a\\\\"b"}')
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, os.PathLike)):
        return json.dumps(os.fspath(value), ensure_ascii=False)  # TOML takes all of JSON's escapes
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(str(key))} = {toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(map(toml, value)) + "]"
    raise TypeError(f"{value!r} is no value of a key: flatsweep takes numbers, texts, True, False, and lists of them")


def environment(ranks: int) -> dict[str, str]:
    """Open MPI refuses more ranks than cores, and to run as root, unless it is told to."""
    changed = dict(os.environ)
    if ranks > (os.cpu_count() or 1):
        changed.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    if os.geteuid() == 0:
        changed |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return changed


def carry_out(command: list[str], environment: dict[str, str], screen: IO[str] | None) -> tuple[int, str]:
    """Exit code, and what the program said on stderr. The program has a terminal of its own: to a file it tells how far it
    is every ten seconds only."""
    ours, theirs = pty.openpty()
    with tempfile.TemporaryFile("w+", errors="replace") as said, os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=said, env=environment)
        finally:
            os.close(theirs)
        try:
            shown = ""
            for line in lines(terminal):
                if screen is not None and line != shown and LINE.search(line):
                    show(line, screen)
                    shown = line
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            if screen is not None:
                print("\r\033[K", end="", file=screen, flush=True)
        said.seek(0)
        own = [line.removeprefix(f"{NAME}: ").strip() for line in said if line.startswith(f"{NAME}: ")]
    return code, "; ".join(own)


def lines(terminal: IO[bytes]) -> Iterator[str]:
    """What is written on the terminal, line by line; a line that is written over another one counts as one of its own."""
    rest = b""
    while True:
        try:
            block = terminal.read(4096)
        except OSError:  # the other end is closed
            block = b""
        if not block:
            return
        *whole, rest = re.split(rb"[\r\n]+", rest + block)
        yield from (line.decode("utf-8", "replace").replace("\033[K", "") for line in whole)
        if LINE.search(shown := rest.decode("utf-8", "replace")):
            yield shown.replace("\033[K", "")


def show(line: str, screen: IO[str]) -> None:
    match = LINE.search(line)
    if match is not None:
        print(f"\r\033[K{bar(match)[:places(screen)]}", end="", file=screen, flush=True)


def places(screen: IO[str]) -> int | None:
    """On one line of the terminal; None where it is none, or does not say."""
    try:
        columns = os.get_terminal_size(screen.fileno()).columns
    except (OSError, ValueError, AttributeError):  # notebooks have a screen without a file
        return None
    return columns - 1 if columns > 1 else None


def bar(match: re.Match[str]) -> str:
    """
    >>> bar(LINE.search("3/4 replicas done, training 40 %, 2.00 replicas/min, about 30 s left"))
    '[##################......] 3/4 replicas, training 40 %, 2.00 replicas/min, about 30 s left'
    """
    done, count = int(match["done"]), int(match["all"])
    filled = BAR * done // max(count, 1)
    stage = f", {match['stage']} {match['percent']} %" if match["stage"] else ""
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{count} replicas{stage}{match['rest']}"
