"""What tools/check-source, tools/check-headers and tools/tidy share: who includes whom, names that only one file has, and a
record of what has passed already."""
import hashlib
import json
import os
import re
import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# At the beginning of a line, where clang-format puts what belongs to a namespace and nothing else.
FUNCTION = re.compile(r"^(?:\[\[\w+\]\] )?(?!return|namespace|using|struct|class|enum|static_assert|[A-Z_]+\()"
                      r"\w[\w:<>,&*\[\] ]*?[\w>&*\]] +[&*]?(\w+)\(")
TYPE = re.compile(r"^(?:struct|class|enum class|enum|union|concept) +(\w+)")
CONSTANT = re.compile(r"^(?:inline |static |constexpr |const |thread_local )+[^=({]*?\b(\w+)(?:\[[^\]]*\])*(?: *=|\{|\(|;)")
TEMPLATE = re.compile(r"^template *<[^>]*(?:<[^>]*>[^>]*)*> *")


class Includes:
    """What a file includes, directly or not, itself included: our own files, and the names of the others."""

    def __init__(self):
        self.known = {}

    def closure(self, path):
        if path not in self.known:
            self.known[path] = ({path}, set())  # for circles
            files, others = {path}, set()
            for kind, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
                folders = (path.parent, ROOT / "include", ROOT / "src", ROOT / "tests")
                ours = [folder / name for folder in folders if (folder / name).is_file()]
                if kind == '"' and ours:
                    more, other = self.closure(ours[0].resolve())
                    files, others = files | more, others | other
                else:
                    others.add(name)
            self.known[path] = (files, others)
        return self.known[path]

    def digest(self, path, conditions):
        """Of all that a verdict on the file depends on: its text, our headers' texts, and `conditions`, another text."""
        total = hashlib.sha256(conditions.encode())
        for file in sorted(self.closure(path)[0]):
            total.update(file.read_bytes())
        return total.hexdigest()


def functions_at_top(lines):
    """Numbers and names of those that the numbered lines define or declare."""
    for number, line in lines:
        match = FUNCTION.match(TEMPLATE.sub("", line))
        if match and "operator" not in line:
            yield number, match.group(1)


def anonymous_lines(path):
    """Numbered lines of anonymous namespaces; the brace that ends one of a single line bears no comment."""
    lines, begin = path.read_text(encoding="utf-8").splitlines(), None
    for i, line in enumerate(lines):
        if line == "namespace {":
            begin = i
        elif line == "}  // namespace" or (line == "}" and i - 2 == begin):
            begin = None
        elif begin is not None:
            yield i + 1, line


def hidden_names(path):
    """Functions, types and constants of the file's anonymous namespaces, but aliases, which may be told twice."""
    lines = [(number, TEMPLATE.sub("", line)) for number, line in anonymous_lines(path)]
    others = (pattern.match(line) for _, line in lines for pattern in (TYPE, CONSTANT))
    return {name for _, name in functions_at_top(lines)} | {match.group(1) for match in others if match}


def common_flags(build):
    """Definitions and folders of headers that the files of a build folder are compiled with."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = iter(shlex.split(entry["command"]))
        for word in words:
            if word == "-isystem":
                found[word, next(words)] = None
            elif word.startswith("-I") or word.startswith("-D") and "=" not in word:
                found[(word,)] = None
    return ["-std=c++20", *(word for words in found for word in words)]


class Passed:
    """Files that have passed, each with the digest of all that the verdict depends on; kept in the file `record`."""

    def __init__(self, record, digest_of):
        self.record, self.digest_of, self.lock = record, digest_of, threading.Lock()
        self.known = json.loads(record.read_text()) if record.is_file() else {}

    def left_of(self, paths):
        return [path for path in paths if self.known.get(path.relative_to(ROOT).as_posix()) != self.digest_of(path)]

    def add(self, digests):
        """@param digests of the texts that were looked at, which may have changed since"""
        with self.lock:
            self.known |= {path.relative_to(ROOT).as_posix(): digest for path, digest in digests.items()}
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self.known, indent=0, sort_keys=True))


def in_parallel(work, items):
    """What `work` returns for each item; as many at a time as this process may use cores (`taskset`)."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(work, items))
