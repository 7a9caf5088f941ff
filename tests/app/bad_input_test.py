"""Bad input stops the program before any work: exit code 2, one message for all ranks, nothing left behind."""
import gzip
import os
import shutil
import struct
import subprocess
import unittest

import numpy

from flatsweep_runs import BINARY, SMALL, SOURCE, RunTest, messages

BAD_INPUT = 2


def write_idx(file, array, magic=None):
    array = numpy.asarray(array, numpy.uint8)
    magic = 0x800 + array.ndim if magic is None else magic
    file.write_bytes(struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.tobytes())


class BadInputTest(RunTest):
    ranks = 2

    def refused(self, expected, *options, **keys):
        done = self.run_to_end(self.ranks, "out", *options, **keys)
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn(expected, messages(done)[0])
        self.assertLessEqual(len(done.stdout.splitlines()), 1, "no more than the version was printed before")
        self.assertFalse((self.folder / "out").exists())


class DataFiles(BadInputTest):
    def setUp(self):
        super().setUp()
        self.set = self.folder / "data" / "tiny"
        self.set.mkdir(parents=True)
        self.make_set()

    def make_set(self):
        rng = numpy.random.default_rng(1)
        for part, count in (("train", 60), ("t10k", 30)):
            write_idx(self.set / f"{part}-images-idx3-ubyte", rng.integers(0, 256, (count, 5, 4)))
            write_idx(self.set / f"{part}-labels-idx1-ubyte", rng.permutation(numpy.arange(count) % 10))

    def keys(self):
        return dict(data__root=self.folder / "data", data__name="tiny", data__train_limit=0, data__test_limit=0,
                    train__batch_size=10)

    def refused_with(self, change, expected):
        self.make_set()
        change()
        self.refused(expected, **self.keys())

    def test_a_good_set_of_another_image_size_runs(self):
        self.run_well(self.ranks, "out", **self.keys())

    def test_a_good_set_in_cifar_form_runs(self):
        folder = self.folder / "data" / "tiny-cifar"
        folder.mkdir()
        rng = numpy.random.default_rng(1)
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
            records = rng.integers(0, 256, (12, 3073), numpy.uint8)
            records[:, 0] %= 10
            (folder / name).write_bytes(records.tobytes())
        self.run_well(self.ranks, "out", **self.keys() | dict(data__name="tiny-cifar"))

    def test_a_missing_file(self):
        self.refused_with((self.set / "t10k-labels-idx1-ubyte").unlink, "t10k-labels-idx1-ubyte: no such file (plain or .gz); tools/get-data brings mnist, fashion-mnist and cifar-10")

    def test_a_missing_set(self):
        root = self.folder / "data"
        self.refused(f"bring the set with: tools/get-data mnist --root {root}, or point data.root at a folder that holds mnist/",
                     **self.keys() | dict(data__name="mnist"))

    def test_a_file_cut_short(self):
        file = self.set / "train-images-idx3-ubyte"
        for length, expected in ((1000, "the file is cut short: 984 bytes of data, expected 1200"), (7, "ends within its header")):
            self.refused_with(lambda: file.write_bytes(file.read_bytes()[:length]), expected)

    def test_a_file_too_long(self):
        file = self.set / "train-labels-idx1-ubyte"
        self.refused_with(lambda: file.write_bytes(file.read_bytes() + b"x"), "the file is longer than its header says")

    def test_a_damaged_gzip_stream(self):
        def replace_by_half_a_stream():
            plain = self.set / "train-images-idx3-ubyte"
            packed = gzip.compress(plain.read_bytes(), mtime=0)
            plain.unlink()
            (self.set / "train-images-idx3-ubyte.gz").write_bytes(packed[:len(packed) // 2])
        self.refused_with(replace_by_half_a_stream, "train-images-idx3-ubyte.gz: the ")

    def test_a_wrong_magic_number(self):
        file = self.set / "train-images-idx3-ubyte"
        self.refused_with(lambda: write_idx(file, numpy.zeros((60, 5, 4)), magic=0x00000A03), "wrong magic number 0x00000a03")

    def test_labels_in_place_of_images(self):
        file = self.set / "train-images-idx3-ubyte"
        self.refused_with(lambda: write_idx(file, numpy.zeros(60)), "this is a file of labels, expected images")

    def test_images_and_labels_that_do_not_belong_together(self):
        self.refused_with(lambda: write_idx(self.set / "t10k-labels-idx1-ubyte", numpy.zeros(29)), "29 labels for 30 images")

    def test_a_label_out_of_range(self):
        self.refused_with(lambda: write_idx(self.set / "train-labels-idx1-ubyte", numpy.full(60, 10)), "no training image has label 0, and the largest is 10")
        self.refused_with(lambda: write_idx(self.set / "t10k-labels-idx1-ubyte", numpy.full(30, 10)), "label 10 is out of range, expected 0 to 9")


    def refused_in_a_dry_run(self, change, *expected):
        self.make_set()
        change()
        for options in (["--dry-run"], []):
            self.refused(expected[0], *options, **self.keys())
        done = self.run_to_end(1, None, "--dry-run", **self.keys())
        for words in expected:
            self.assertIn(words, done.stderr)

    def test_a_dry_run_looks_at_all_of_the_data(self):
        own = "write the file anew; docs/configuration.md says under [data] what it must hold"
        images, labels = self.set / "train-images-idx3-ubyte", self.set / "train-labels-idx1-ubyte"
        self.refused_in_a_dry_run(lambda: images.write_bytes(images.read_bytes()[:1000]), "984 bytes of data, expected 1200", own)
        self.refused_in_a_dry_run(lambda: write_idx(labels, numpy.r_[numpy.zeros(59), 10]), "no training image has label 1", own)
        self.refused_in_a_dry_run(lambda: labels.write_bytes(labels.read_bytes() + b"x"), "longer than its header says", own)

    def test_a_label_out_of_range_behind_the_limit(self):
        write_idx(self.set / "train-labels-idx1-ubyte", numpy.r_[numpy.zeros(59), 10])
        self.refused("no training image has label 1", **self.keys() | dict(data__train_limit=20))

    def test_what_to_do_about_a_damaged_set_depends_on_the_set(self):
        for name, advice in (("mnist", "bring the set again with: tools/get-data mnist --root"), ("cifar-10", "tools/get-data cifar10"),
                             ("mnist-sample", "take the file anew from flatsweep's repository"), ("own", "write the file anew")):
            folder = self.folder / "data" / name
            shutil.copytree(self.set, folder)
            (folder / "t10k-labels-idx1-ubyte").write_bytes(b"x")
            self.refused(advice, **self.keys() | dict(data__name=name))

    def test_files_under_the_names_of_other_sources_are_found_and_named(self):
        wanted = "train-images-idx3-ubyte"
        for name in ("train-images.idx3-ubyte", "train_images_idx3_ubyte.gz", "Train-Images-IDX3-ubyte"):
            self.make_set()
            (self.set / wanted).rename(self.set / name)
            self.refused(f"there is {name}: rename it {wanted}", **self.keys())
            (self.set / name).unlink()
        self.make_set()
        (self.set / wanted).rename(self.set / "train-images-idx3-ubyte.zip")
        self.refused(f"there is {wanted}.zip: unpack it and name it {wanted}", **self.keys())
        (self.set / f"{wanted}.zip").rename(self.folder / "images")
        (self.set / wanted).mkdir()
        self.refused(f"{wanted} is a folder, and a file is wanted", **self.keys())
        (self.folder / "images").rename(self.set / wanted / wanted)
        self.refused(f"{wanted} is a folder: move the file {wanted}/{wanted} out of it", **self.keys())
        self.refused('there is the folder tiny: set data.name = "tiny"', **self.keys() | dict(data__name="Tiny"))


class Configuration(BadInputTest):
    ranks = 3

    def test_an_unknown_key(self):
        self.refused("train.batchsize is not a key that flatsweep knows; did you mean train.batch_size?", train__batchsize=10)

    def test_a_key_of_the_file_is_found_by_line_and_column(self):
        config = self.folder / "bad.toml"
        config.write_text("[train]\n\nbatch_size = -3\n")
        self.refused(f"{config}:3:14: train.batch_size = -3 must be 1 or more", config=config)

    def test_a_batch_larger_than_the_set(self):
        self.refused("batch_size = 1001 is larger than the training set of 1000 samples", grid__batch_size=[10, 1001])

    def test_a_layer_that_one_network_of_the_grid_lacks(self):
        self.refused("there is no layer 'fc3' in this network; it has fc1, fc2", pca__layers=["fc3"], grid__hidden_layers=[2, 1])

    def test_a_layer_that_a_convolution_network_lacks(self):
        self.refused("there is no layer 'fc2' in this network; it has conv1, conv2, fc1", network__architecture="cnn-s1b")

    def test_a_malformed_layer(self):
        config = self.folder / "bad.toml"
        config.write_text('[network]\narchitecture = ["conv 4 kernel 3", "pool"]\n')
        self.refused(f'{config}:2:36: network.architecture[1]: "pool" is not a layer; write', config=config)

    def test_layers_that_do_not_fit_the_images(self):
        self.refused('network.architecture with images of 28 x 28: "conv 4 kernel 30" does not fit its input of 28 x 28',
                     network__architecture=["conv 4 kernel 30"], pca__layers=["conv1"])

    def test_an_axis_of_the_mlp_for_another_architecture(self):
        self.refused('grid.width = [ 6, 8 ] does nothing where network.architecture is not "mlp"; remove one of the two',
                     network__architecture="lenet5", pca__layers=["conv1"], grid__width=[6, 8])

    def test_a_missing_file(self):
        self.refused("no-such.toml: the configuration file cannot be read", config="no-such.toml")

    def test_an_unknown_option(self):
        self.refused("unrecognised option '--outptu'; see flatsweep --help", "--outptu", "x")


class Output(BadInputTest):
    # Permission bits do not bind the superuser; nobody can make a folder below a file.
    def test_an_output_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("x")
        done = self.run_to_end(self.ranks, "file/out")
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        self.assertIn("file/out: the output folder cannot be made: Not a directory; choose another with --output", done.stderr)
        self.assertEqual((self.folder / "file").read_text(), "x")


class SeveralSingleCopies(RunTest):
    """A launcher of another MPI starts programs that each believe to be alone; one in a shell of such a step is no such thing."""

    def start_one(self, *options, **variables):
        command = [BINARY, str(SMALL), "--output", str(self.folder / "out"), "--set", "run.max_walltime=1e-12", "--overwrite", *options]
        return subprocess.run(command, cwd=SOURCE, env=os.environ | variables, capture_output=True, text=True)

    def test_refused_where_they_would_write_to_one_folder(self):
        for count, own in (("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"), ("PMI_SIZE", "PMI_RANK")):
            done = self.start_one(**{count: "4", own: "3"})
            self.assertEqual(done.returncode, 71, done.stderr)
            self.assertIn("every copy is alone", done.stderr)
            self.assertFalse((self.folder / "out").exists())
            self.assertEqual(self.start_one("--dry-run", **{count: "4", own: "3"}).returncode, 0)
            self.assertEqual(self.start_one("--dry-run", **{count: "4"}).returncode, 0)

    def test_one_in_a_shell_of_the_step_runs(self):
        done = self.start_one(SLURM_STEP_NUM_TASKS="4", SLURM_PROCID="0")
        self.assertEqual(done.returncode, 75, done.stderr)   # by the wall time that was asked for

    def script(self, name, *lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o755)
        return path

    def test_copy_0_is_known_by_the_process_that_started_its_script(self):
        """As `srun -n 2 job.sh` starts it, whose variables say the same in a shell where somebody types."""
        command = f'{BINARY} {SMALL} --output {self.folder / "out"} --set run.max_walltime=1e-12 --overwrite'
        job = self.script("job.sh", "#!/bin/sh", command, "exit $?")
        environment = os.environ | dict(SLURM_STEP_NUM_TASKS="2", SLURM_PROCID="0")
        for words, code in ((f"{job}", 71), (f"bash -c '{job}; exit $?'", 71), (f"bash --norc -i <<<'{command}'", 75)):
            with self.subTest(words):
                step = self.script("slurmstepd", "#!/bin/bash", words, "exit $?")  # a process is called as its script
                done = subprocess.run([step], cwd=SOURCE, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual("every copy is alone (SLURM_STEP_NUM_TASKS=2)" in done.stderr, code == 71)


if __name__ == "__main__":
    unittest.main()
