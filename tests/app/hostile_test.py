"""Input made to break the program: files that are no files, stage files with a right checksum and wrong contents, numbers at the ends
of their types. It is refused or done again, within bounds of time and memory; nothing crashes, hangs or reads other files."""
import io
import os
import resource
import signal
import socket
import struct
import subprocess
import unittest

import h5py
import numpy

from flatsweep_runs import BINARY, PATIENCE, PCA_ALONE, SMALL, SOURCE, TRAILER_SIZE, RunTest, messages, stage_footer, toml

DONE, BAD_INPUT, IO_FAILED, STOPPED = 0, 2, 74, 75
TINY = PCA_ALONE | dict(data__train_limit=200, data__test_limit=50, network__width=10, window__opens_at_epoch=1, window__length_epochs=1)
MEMORY = 16 << 30


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class HostileTest(RunTest):
    def call(self, *words, stdout=subprocess.PIPE, seconds=PATIENCE):
        """One rank without a launcher, its time and memory bounded."""
        return subprocess.run([BINARY, *map(str, words)], cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=seconds, preexec_fn=limits, encoding="utf-8", errors="replace")

    def run_tiny(self, output, *options, **keys):
        sets = [word for key, value in (TINY | keys).items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        return self.call(SMALL, "--output", self.folder / output, *options, *sets)

    def refused(self, done, *words, codes=(BAD_INPUT, IO_FAILED)):
        self.assertIn(done.returncode, codes, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return messages(done)[0]


# What stands in the place of a file.

def put_pipe(path):
    os.mkfifo(path)


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # the address of a socket is short
        made.bind(path.name)
        os.chdir(here)


KINDS = {"a pipe": put_pipe, "a folder": lambda path: path.mkdir(), "a socket": put_socket,
         "a device": lambda path: path.symlink_to("/dev/zero"), "symbolic links": lambda path: path.symlink_to(path.name)}


class FilesThatAreNone(HostileTest):
    def each_kind(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for words, put in KINDS.items():
            put(path)
            yield words
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()

    def test_as_configuration(self):
        path = self.folder / "run.toml"
        for words in self.each_kind(path):
            self.refused(self.call(path, "--dry-run"), f"{path}: the configuration file cannot be read", words, codes=(BAD_INPUT,))

    def test_as_a_file_of_data(self):
        folder = self.folder / "data/own"
        folder.mkdir(parents=True)
        (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 3) + bytes(3))
        path = folder / "train-images-idx3-ubyte"
        for words in self.each_kind(path):
            done = self.run_tiny("out", "--dry-run", data__name="own", data__root=str(self.folder / "data"))
            self.refused(done, "train-images-idx3-ubyte", "no such file" if words == "a folder" else words)

    def test_in_the_output_folder(self):
        for name in ("results.h5", "log.txt", "config.toml", "work/fingerprint.toml", "work/data.h5"):
            for words, put in KINDS.items():
                with self.subTest(words, name=name):
                    self.assertEqual(self.run_tiny("out", "--overwrite", run__max_walltime=1e-12).returncode, STOPPED)
                    path = self.folder / "out" / name
                    path.unlink(missing_ok=True)
                    put(path)
                    done = self.run_tiny("out", "--resume")
                    if done.returncode != DONE:  # what is written anew may take the place
                        self.refused(done, path.name)
                    subprocess.run(["rm", "-rf", self.folder / "out"], check=True)

    def test_as_a_slice(self):
        path = self.folder / "slice"
        for words in self.each_kind(path):
            self.refused(self.call("merge", path), str(path))


class CommandLine(HostileTest):
    def test_what_cannot_be_printed_is_told(self):
        with open("/dev/full", "w") as full:
            for words in (["--version"], ["--help"], [SMALL, "--dry-run"]):
                self.refused(self.call(*words, stdout=full), "the standard output cannot be written", codes=(IO_FAILED,))

    def test_ranks_beyond_any_machine(self):
        for ranks in (2147483647, 99999999999999999999, -1):
            self.refused(self.call(SMALL, "--dry-run", "--ranks", ranks), "--ranks", codes=(BAD_INPUT,))
        self.assertEqual(self.call(SMALL, "--dry-run", "--ranks", 1000000).returncode, DONE)

    def test_a_key_of_many_parts(self):
        config = self.folder / "run.toml"
        config.write_text("a" + ".a" * 100000 + " = 1\n")
        self.refused(self.call(config, "--dry-run"), f"{config}:1:16: a key of more than 8 parts", codes=(BAD_INPUT,))

    def test_names_are_shown_as_they_are_written(self):
        for name, shown in (("a\nflatsweep: done", "a\\u000Aflatsweep: done"), ("\x1b[2J", "\\u001B[2J"), ("../x", "../x")):
            self.refused(self.call(SMALL, "--dry-run", "--set", f"data.name={name}"), shown, codes=(BAD_INPUT,))

    def test_counts_beyond_what_there_is_are_cut_to_it(self):
        done = self.run_tiny("out", "--dry-run", pooled_pca__enabled=True, pooled_pca__directions=2147483647,
                             grid__seed=[1, 2])
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertNotIn("GiB of results", done.stdout)

    def test_grids_as_long_as_they_may_be(self):
        config = self.folder / "run.toml"
        for axis in ("seed", "batch_size"):
            values = ", ".join(str(1 + number % 200 if axis == "batch_size" else number) for number in range(200 if axis == "batch_size" else 100000))
            config.write_text(f"[data]\nname = \"mnist-sample\"\n[grid]\n{axis} = [{values}]\n")
            self.assertEqual(self.call(config, "--dry-run").returncode, DONE)

    def test_a_stop_is_heeded_while_noise_is_measured(self):
        sets = dict(study="noise", noise__minibatches=100000, noise__epochs=10, train__learning_rate=0.1, network__width=3,
                    data__train_limit=200, data__test_limit=50, train__batch_size=20)
        words = [word for key, value in sets.items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        run = subprocess.Popen([BINARY, str(SMALL), "--output", str(self.folder / "out"), *words], cwd=SOURCE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not (self.folder / "out/work/data.h5").exists():
            self.assertIsNone(run.poll())
        run.send_signal(signal.SIGTERM)
        self.assertIn(run.wait(PATIENCE), (75, -signal.SIGTERM))
        run.communicate()


# What a stage file may hold under a right checksum. Each gets the open file and the name of a data set in it.

def replaced(file, name, **arguments):
    """The data set made anew, otherwise."""
    del file[name]
    return file.create_dataset(name, **arguments)


def null_space(file, name):
    del file[name]
    file[name] = h5py.Empty("f8")


def cycle(file, name):
    file["again"] = file["/"]


def cycle_below(file, name):
    group = file.create_group("around")
    group["and_around"] = group


def cycle_of_many(file, name):
    for one in "abcdefgh":
        file.create_group(one)
    for one in "abcdefgh":
        for other in "abcdefgh":
            file[f"{one}/{other}"] = file[other]


def external_storage(file, name):
    shape = file[name].shape
    replaced(file, name, shape=shape, dtype="f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file, name):
    shape = file[name].shape
    layout = h5py.VirtualLayout(shape=shape, dtype="f8")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape=shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def huge(file, name):
    replaced(file, name, shape=(1 << 40, 1 << 10), dtype="f8", chunks=(1024, 128), fletcher32=True)


def overflowing(file, name):
    replaced(file, name, shape=(1 << 32, 1 << 32, 0), dtype="f8")


def packed(file, name):
    replaced(file, name, data=file[name][()], compression="gzip", chunks=True)


def deep(file, name):
    group = file
    for _ in range(2000):
        group = group.create_group("g")


def labels_of(file, name, labels, dtype=h5py.string_dtype()):
    del file[name].attrs["DIMENSION_LABELS"]
    if labels is not None:
        file[name].attrs.create("DIMENSION_LABELS", labels, dtype=dtype)


def of_type(dtype):
    def change(file, name):
        replaced(file, name, shape=file[name].shape, dtype=dtype)
    return change


def attribute(value):
    def change(file, name):
        file[name].attrs["hostile"] = value
    return change


def link(made):
    def change(file, name):
        file["elsewhere"] = made
    return change


def soft_in_place(file, name):
    file.move(name, "moved")
    file[name] = h5py.SoftLink("/moved")


CONTENTS = {
    "scalar": lambda file, name: replaced(file, name, data=1.0),
    "null space": null_space,
    "no elements": lambda file, name: replaced(file, name, shape=(0,), dtype="f8"),
    "no elements of two axes": lambda file, name: replaced(file, name, shape=(0, 5), dtype="f8"),
    "nine axes": lambda file, name: replaced(file, name, data=numpy.zeros((1,) * 9)),
    "another length": lambda file, name: replaced(file, name, data=numpy.zeros(3)),
    "absent": lambda file, name: file.__delitem__(name),
    "a group": lambda file, name: (file.__delitem__(name), file.create_group(name)),
    "a type": lambda file, name: (file.__delitem__(name), file.__setitem__(name, numpy.dtype("f8"))),
    "cycle": cycle, "cycle below": cycle_below, "cycle of many": cycle_of_many,
    "twice": lambda file, name: file.__setitem__("again", file[name]),
    "soft link": link(h5py.SoftLink("/")), "dangling link": link(h5py.SoftLink("/nowhere")),
    "soft link in its place": soft_in_place,
    "link to itself": link(h5py.SoftLink("/elsewhere")),
    "link to another file": link(h5py.ExternalLink("/etc/passwd", "/")),
    "link to a pipe": link(h5py.ExternalLink("/dev/zero", "/x")),
    "storage in another file": external_storage, "virtual": virtual, "huge": huge, "overflowing": overflowing,
    "packed": packed, "unwritten": lambda file, name: replaced(file, name, shape=file[name].shape, dtype="f8"),
    "contiguous": lambda file, name: replaced(file, name, data=file[name][()]),
    "deep": deep,
    "compound": of_type(numpy.dtype([("a", "f8"), ("b", "i4")])), "texts of any length": of_type(h5py.string_dtype()),
    "lists of any length": of_type(h5py.vlen_dtype(numpy.float64)), "enumeration": of_type(h5py.enum_dtype({"a": 1})),
    "flags": of_type("?"), "references": of_type(h5py.ref_dtype), "other byte order": of_type(">f8"), "half": of_type("f2"),
    "arrays": of_type(numpy.dtype(("f8", (3,)))), "opaque": of_type(numpy.dtype("V8")), "long texts": of_type("S100000000"),
    "labels absent": lambda file, name: labels_of(file, name, None),
    "labels too many": lambda file, name: labels_of(file, name, ["a"] * 1000),
    "labels of numbers": lambda file, name: labels_of(file, name, [1.0], "f8"),
    "labels of one text": lambda file, name: labels_of(file, name, "a"),
    "labels without text": lambda file, name: labels_of(file, name, [""]),
    "empty attribute": attribute(h5py.Empty("f8")), "attribute of pairs": attribute(numpy.zeros((2, 2))),
    "attribute of a record": attribute(numpy.zeros(1, [("a", "f8")])), "attribute of whole numbers": attribute(numpy.arange(3)),
    "attribute of texts": attribute(["a", "b"]), "attribute of a fixed text": attribute(numpy.bytes_("a")),
    "attribute of a reference": lambda file, name: file[name].attrs.create("r", file.ref, dtype=h5py.ref_dtype),
}


def changed(content, change, name):
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file, name)
    return buffer.getvalue()


def find(content, wanted):
    """The first data set of that name."""
    found = []
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, node: found.append(name) if name.rpartition("/")[2] == wanted else None)
    return found[0]


class StageFiles(HostileTest):
    """A slice leaves its stage files; one of each unit is made hostile, and the slice is resumed."""

    def slice(self, units, *options):
        return self.run_tiny("out", "--slice", "0/2", *options, grid__seed=list(range(2 * units)))

    def resume_with(self, stage, contents):
        """`contents`: for every unit what makes new contents of the old."""
        done = self.slice(len(contents))
        self.assertEqual(done.returncode, DONE, done.stderr)
        folder = self.folder / "out/slice-0-of-2/work"
        files = [folder / f"{2 * number:06d}/{stage}.h5" for number in range(len(contents))]
        before = [file.read_bytes() for file in files]
        for file, old, (name, make) in zip(files, before, contents.items()):
            with self.subTest(name):
                new = make(old[:-TRAILER_SIZE])
                file.write_bytes(new + stage_footer(file, new))
        done = self.slice(len(contents), "--resume")
        self.assertEqual(done.returncode, DONE, done.stderr)
        for number, (file, old, name) in enumerate(zip(files, before, contents)):
            with self.subTest(name):
                told = [line for line in messages(done) if str(file) in line]
                self.assertEqual(len(told), 1, done.stderr)
                self.assertIn("it is removed and that part of the work is done again", told[0])
                self.assertEqual(file.read_bytes(), old)

    def made(self, wanted, contents=None):
        return {name: lambda old, change=change: changed(old, change, find(old, wanted))
                for name, change in (contents or CONTENTS).items()}

    def test_of_the_pca(self):
        self.resume_with("pca-fc2", self.made("mean"))

    def test_of_training(self):
        self.resume_with("training", self.made("train_loss", {name: CONTENTS[name] for name in (
            "scalar", "null space", "no elements", "absent", "cycle", "link to another file", "other byte order", "huge")})
            | self.made("fc2", {"weights of another length": lambda file, name: replaced(file, name, data=numpy.zeros(3, "f4"))}))

    def test_that_are_no_hdf5(self):
        def garbage(old):
            return numpy.random.default_rng(1).bytes(10000)

        def empty(old):
            buffer = io.BytesIO()
            h5py.File(buffer, "w").close()
            return buffer.getvalue()

        self.resume_with("pca-fc2", {"garbage": garbage, "nothing": lambda old: b"", "zeros": lambda old: bytes(10000),
                                     "half": lambda old: old[:len(old) // 2], "the signature": lambda old: old[:8],
                                     "empty": empty, "an old stage": lambda old: struct.pack("<Q", 0) + old})


if __name__ == "__main__":
    unittest.main()
