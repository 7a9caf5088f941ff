"""What is added to a finished run, or to one that was stopped, has the bits of one run that was asked for all of it at once."""
import gzip
import signal
import subprocess
import unittest

import h5py
import numpy
import scipy.sparse.linalg
import torch

from flatsweep_runs import BINARY, PCA_ALONE, SOURCE, RunTest, finish, messages, toml, wait_for

BAD_INPUT, STOPPED = 2, 75
# Teams of one, so that nothing depends on who does what.
GRID = PCA_ALONE | dict(run__team_size=1, grid__seed=[1, 2])
# The curvature of fc1 costs its number of weights.
NARROW = GRID | dict(network__width=4, data__train_limit=400)
MORE = dict(flatness__enabled=True, curvature__enabled=True, pca__layers=["fc2", "fc1"], curvature__dense_limit=600)


class Later(RunTest):
    """A test with runs that others go on from."""
    def start_command(self, name, ranks, output, *options, **keys):
        sets = [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={toml(value)}")]
        command = [*self.launcher(ranks), BINARY, name, str(self.folder / output), *options, *sets]
        return subprocess.Popen(command, cwd=SOURCE, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def start_analyse(self, *arguments, **keys):
        return self.start_command("analyse", *arguments, **keys)

    def analyse(self, *arguments, **keys):
        return finish(self.start_analyse(*arguments, **keys))

    def analyse_well(self, *arguments, **keys):
        done = self.analyse(*arguments, **keys)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def assert_refused(self, done, *parts):
        self.assertEqual(done.returncode, BAD_INPUT, done.stdout + done.stderr)
        self.assertEqual(len(messages(done)), 1, done.stderr)
        for part in parts:
            self.assertIn(part, messages(done)[0])


class Analyse(Later):
    def mark(self, output):
        """Changes what the first replica's training curves say: only training again would put it right."""
        with h5py.File(self.results(output), "r+") as file:
            file["replica/000000/training/test_loss"][0] = 77.0

    def assert_marked(self, output, replica="000000"):
        with h5py.File(self.results(output), "r+") as file:
            curve = file[f"replica/{replica}/training/test_loss"]
            self.assertEqual(curve[0], 77.0, "the replica was trained again")

    def test_a_dry_run_says_what_would_be_added(self):
        results = self.run_well(2, "out", **GRID)
        before = results.read_bytes()
        done = self.analyse_well(1, "out", "--dry-run", **MORE | dict(grid__seed=[1, 2, 3]))
        self.assertIn("trained   2 of 3 replicas already, 1 to train", done.stdout)
        for line in ("flatness fc2 of 3 replicas", "curvature fc1 of 3 replicas", "pca fc1 of 3 replicas", "pca fc2 of 1 replica"):
            self.assertIn(f"added     {line}\n", done.stdout)
        self.assertRegex(done.stdout, r"estimate  .+ on one rank")
        self.assertIn("added     nothing", self.analyse_well(1, "out", "--dry-run").stdout)
        self.assert_refused(self.analyse(1, "out", "--dry-run", train__batch_size=20), "train.batch_size")
        self.assertEqual(results.read_bytes(), before)
        self.assertFalse((self.folder / "out/work").exists())

    def test_analyses_and_layers_are_added_to_a_finished_run(self):
        both = self.run_well(2, "both", **NARROW | MORE)
        self.run_well(2, "out", **NARROW)
        done = self.analyse_well(2, "out", **MORE)
        self.assertEqual(done.stderr, "")
        self.assert_same_results(both, self.results("out"))
        self.assertFalse((self.folder / "out/work").exists())
        self.assertIn("nothing to do", self.analyse_well(1, "out", **MORE).stdout)

    def test_no_replica_is_trained_again(self):
        self.run_well(1, "out", **GRID)
        self.mark("out")
        self.analyse_well(1, "out", flatness__enabled=True, grid__seed=[3, 1, 2])
        self.assert_marked("out", "000001")

    def test_replicas_are_added_and_known_by_their_keys(self):
        grown = dict(grid__seed=[0, 1, 2], grid__batch_size=[25, 50], grid__psi_assumed=[3.0, 4.0], flatness__enabled=True,
                     pooled_pca__enabled=True, flatness__directions=9)
        both = self.run_well(2, "both", **NARROW | grown)
        self.run_well(2, "out", **NARROW | dict(flatness__enabled=True, pooled_pca__enabled=True))
        self.mark("out")
        self.analyse_well(2, "out", **grown)
        with h5py.File(both) as whole, h5py.File(self.results("out"), "r+") as file:
            for replica in ("000007", "000010"):   # B = 50, seed 1, with either psi
                self.assertEqual(file[f"replica/{replica}/training/test_loss"][0], 77.0)
                file[f"replica/{replica}/training/test_loss"][0] = whole[f"replica/{replica}/training/test_loss"][0]
        self.assert_same_results(both, self.results("out"))

    def test_flatness_does_not_depend_on_the_other_directions(self):
        few = self.run_well(1, "out", **GRID | dict(flatness__enabled=True, flatness__directions=5, grid__seed=[1],
                                                    flatness__spacing="leading"))
        with h5py.File(few) as file:
            before = {name: data[()] for name, data in file["replica/000000/flatness/fc2"].items()}
        self.analyse_well(1, "out", flatness__directions=12)
        with h5py.File(few) as file:
            after = file["replica/000000/flatness/fc2"]
            places = [list(after["direction"][()]).index(direction) for direction in before["direction"]]
            self.assertGreater(len(after["direction"]), len(places))
            for name in ("left", "right", "flatness", "slope", "curvature", "loss_curvature"):
                self.assertEqual([*after[name][()][places]], [*before[name]], name)

    def test_what_cannot_be_added_is_refused_by_its_key(self):
        self.run_well(1, "out", **GRID | dict(flatness__enabled=True))
        before = self.results("out").read_bytes()
        for key, value, parts in (
                ("train__batch_size", 100, ["train.batch_size", "grid.batch_size = [50, 100]"]),
                ("train__momentum", 0.5, ["train.momentum was 0.9 and would be 0.5", "trained anew"]),
                ("window__length_epochs", 3, ["window.length_epochs was 2 and would be 3"]),
                ("data__train_limit", 500, ["data.train_limit"]),
                ("grid__seed", [2, 3], ["grid.seed", "replicas with 1", "grid.seed = [1, 2, 3]"]),
                ("pca__layers", ["fc1"], ["pca.layers", "fc2"]),
                ("flatness__enabled", False, ["flatness.enabled"]),
                ("flatness__enabld", True, ["flatness.enabled"])):
            with self.subTest(key):
                self.assert_refused(self.analyse(1, "out", **{key: value}), *parts)
        self.assert_refused(self.analyse(1, "nowhere", flatness__enabled=True), "no results are here")
        self.assert_refused(self.analyse(1, "out", "--resume"), "--resume")
        self.assert_refused(self.analyse(1, "out", "--output", "other"), "--output")
        self.assert_refused(self.analyse(1, "out", "--", "-eps_max_it", "7"), "PETSc options")
        self.assertEqual(before, self.results("out").read_bytes())
        self.assertFalse((self.folder / "out/work").exists())

    def test_results_without_the_state_of_the_window_are_trained_again(self):
        whole = self.run_well(1, "whole", **GRID | dict(filters__enabled=True))
        self.run_well(1, "out", **GRID)
        with h5py.File(self.results("out"), "r+") as file:
            for replica in file["replica"].values():
                del replica["window_start"]
        done = self.analyse_well(1, "out", filters__enabled=True)
        self.assertIn("2 replicas are trained again", done.stderr)
        self.assert_same_results(whole, self.results("out"))

    def test_a_stopped_addition_goes_on_and_the_results_stay_whole(self):
        long = GRID | dict(window__length_epochs=20)
        more = dict(flatness__enabled=True, flatness__directions="all", grid__seed=[1, 2, 3])
        both = self.run_well(1, "both", **long | more)
        results = self.run_well(1, "out", **long)
        before = results.read_bytes()
        for go_on in (lambda: self.start_analyse(1, "out", **more), lambda: self.start(1, "out", "--resume", **long | more)):
            process = self.start_analyse(1, "out", **more)
            self.assertTrue(wait_for(process, lambda: list((self.folder / "out/work").glob("*/flatness-fc2.h5"))))
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(finish(process).returncode, STOPPED)
            self.assertEqual(results.read_bytes(), before)
            self.assert_refused(self.analyse(1, "out", **more | dict(flatness__directions=3)), "unfinished run")
            done = finish(go_on())
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assert_same_results(both, results)
            results.write_bytes(before)

    def test_a_run_that_was_stopped_is_resumed_with_more(self):
        long = GRID | dict(window__length_epochs=20, flatness__enabled=True, flatness__directions="all")
        more = dict(filters__enabled=True, pca__directions=7, grid__seed=[1, 2, 3])
        both = self.run_well(1, "both", **long | more)
        process = self.start(1, "out", **long)
        self.assertTrue(wait_for(process, lambda: list((self.folder / "out/work").glob("*/flatness-fc2.h5"))))
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(finish(process).returncode, STOPPED)
        for keys, parts in ((dict(train__batch_size=10), ["train.batch_size"]), (dict(grid__seed=[3, 1, 2]), ["grid"])):
            self.assert_refused(self.run_to_end(1, "out", "--resume", **long | keys), "another configuration", *parts)
        process = self.start(1, "out", "--resume", **long | more)
        done = finish(process)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assert_same_results(both, self.results("out"))

    def test_diverged_replicas_stay_diverged(self):
        grid = GRID | dict(grid__learning_rate=[0.1, 1e6], grid__seed=[1])
        both = self.run_well(1, "both", **grid | dict(filters__enabled=True))
        self.run_well(1, "out", **grid)
        self.analyse_well(1, "out", filters__enabled=True)
        self.assert_same_results(both, self.results("out"))


def same(first, second):
    """Bits of all below two groups, and their attributes."""
    names = []
    first.visit(names.append)
    others = []
    second.visit(others.append)
    if sorted(names) != sorted(others):
        return False
    for name in names:
        one, other = first[name], second[name]
        if isinstance(one, h5py.Dataset):
            if one.shape != other.shape or one[()].tobytes() != other[()].tobytes():
                return False
        elif {k: str(v) for k, v in one.attrs.items()} != {k: str(v) for k, v in other.attrs.items()}:
            return False
    return True


EPOCHS = dict(at_epochs__epochs=[0, 2, 3, 5], train__optimizer="adam", train__learning_rate=0.01)


class AtEpochs(Later):
    def test_states_are_those_that_training_went_through(self):
        kept = self.run_well(2, "out", **GRID | EPOCHS)
        with h5py.File(kept) as file:
            for replica in file["replica"].values():
                states = replica["states"]
                self.assertEqual(sorted(states), ["000000", "000002", "000003", "000005"])
                self.assertEqual([state.attrs["optimizer_steps"] for state in states.values()], [0, 40, 60, 100])
                self.assertTrue(same(states["000003"], replica["window_start"]))
                last = [replica["weights"][name][()].ravel() for name in ("fc1", "fc1_bias", "fc2", "fc2_bias", "fc3", "fc3_bias")]
                self.assertEqual(states["000005/weights"][()].tobytes(), numpy.concatenate(last).tobytes())
                first = states["000000/weights"]
                self.assertLess(abs(first[:6272]).max(), 1.0)
                self.assertEqual(sorted(states["000000"]), ["parameter", "weights"])
                self.assertEqual(sorted(states["000002"]),
                                 ["optimizer_first", "optimizer_second", "parameter", "previous_gradient", "weights"])

    def test_states_asked_for_later_are_the_same(self):
        kept = self.run_well(1, "both", **GRID | EPOCHS)
        self.run_well(2, "out", **GRID | EPOCHS | dict(at_epochs__epochs=[2]))
        self.analyse_well(2, "out", "--at-epoch", "5", "--at-epoch", "0", "--at-epoch", "3")
        self.assert_same_results(kept, self.results("out"))
        self.assert_refused(self.analyse(1, "out", at_epochs__epochs=[2, 5]), "at_epochs.epochs", "epoch 0")
        self.assert_refused(self.analyse(1, "out", "--at-epoch", "6"), "at_epochs.epochs has 6", "5 epochs")

    def test_a_fork_goes_on_as_the_run_did(self):
        origin = self.run_well(2, "out", **GRID | EPOCHS | dict(at_epochs__epochs=[2, 4]))
        done = finish(self.start_command("fork", 1, "out", "--replica", "1", "--epoch", "2"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(origin) as file, h5py.File(self.results("out-replica-1-epoch-2")) as fork:
            self.assertTrue(same(file["replica/000001"], fork["replica/000000"]))
            self.assertEqual(fork["grid/seed"][()].tolist(), [2])
        options = ("--replica", "1", "--epoch", "2", "--output", str(self.folder / "other"))
        done = finish(self.start_command("fork", 1, "out", *options, train__learning_rate=0.02, train__optimizer="momentum",
                                         grid__seed=[2, 7]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(origin) as file, h5py.File(self.results("other")) as fork:
            before = file["replica/000001/training/train_loss"][()]
            for replica in fork["replica"].values():
                after = replica["training/train_loss"][()]
                self.assertEqual(after[:2].tolist(), before[:2].tolist())
                self.assertTrue((after[2:] != before[2:]).all())
        # The state is within the run's window: that of the fork opens there, and its training ends two epochs later.
        done = finish(self.start_command("fork", 1, "out", "--epoch", "4", "--output", str(self.folder / "late"), at_epochs__epochs=[4, 6]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(self.results("late")) as fork:
            attributes = fork["replica/000000"].attrs
            self.assertEqual((attributes["window_first_epoch"], attributes["epochs_trained"]), (4, 6))
            self.assertEqual(fork["replica/000000/states/000006"].attrs["epoch"], 6)
        # A fork is a run: it is added to like any other.
        self.assertEqual(self.analyse(1, "other", filters__enabled=True).returncode, 0)

    def test_forks_that_cannot_be(self):
        self.run_well(1, "out", **GRID | EPOCHS | dict(at_epochs__epochs=[2]))
        fork = lambda *options, **keys: finish(self.start_command("fork", 1, "out", *options, **keys))
        self.assert_refused(fork("--epoch", "1"), "no state of replica 0 after epoch 1", "after epochs 2, 3 were kept")
        self.assert_refused(fork("--epoch", "2", "--replica", "2"), "no replica 2", "from 0 to 1")
        self.assert_refused(fork("--epoch", "2", network__width=9), "a fork keeps the network")
        self.assert_refused(fork("--epoch", "2", "--resume", fork__digest="0" * 32), "another configuration")
        self.assert_refused(fork("--epoch", "2", "--overwrite", fork__digest="0" * 32), "another one than this run was begun from")
        self.run_well(1, "unsolved", **GRID | EPOCHS | dict(at_epochs__epochs=[2], window__start="zero-error"))
        self.assert_refused(finish(self.start_command("fork", 1, "unsolved", "--epoch", "2")), "no state of replica 0", "it is unsolved")
        self.assert_refused(fork(), "--epoch")
        self.assert_refused(self.run_to_end(1, "x", "--epoch", "3"), "goes with fork")


# One minibatch, so that its order does not matter.
FULL_BATCH = dict(data__train_limit=100, train__batch_size=100, window__length_epochs=4, grid__seed=[1], train__learning_rate=0.5,
                  flatness__enabled=True, flatness__directions="all", at_epochs__epochs=[0, 3, 7], flatness_at_epochs__enabled=True,
                  flatness_at_epochs__directions=3, flatness_at_epochs__along="both", curvature_at_epochs__enabled=True, curvature_at_epochs__trace_products=6600,
                  curvature_at_epochs__tolerance=1e-6)


class AnalysesAtEpochs(Later):
    def test_numbers_are_those_of_automatic_differentiation(self):
        results = self.run_well(1, "out", **GRID | FULL_BATCH)
        data = SOURCE / "data/mnist-sample"
        images = numpy.frombuffer(gzip.decompress((data / "train-images-idx3-ubyte.gz").read_bytes())[16:], numpy.uint8)
        labels = numpy.frombuffer(gzip.decompress((data / "train-labels-idx1-ubyte.gz").read_bytes())[8:], numpy.uint8)
        problem = Problem(images.reshape(-1, 784)[:100] / 255.0, labels[:100])
        with h5py.File(results) as file:
            replica = file["replica/000000"]
            found = replica["curvature_at_epochs"]
            self.assertEqual(found["epoch"][()].tolist(), [0, 3, 7])
            self.assertEqual(found.attrs["two_over_learning_rate"], 4.0)
            for row, state in enumerate(("000000", "000003", "000007")):
                expected = problem.at(replica["states"][state]["weights"][()])
                for name, value in expected.items():
                    self.assertLess(abs(found[name][row] / value - 1.0), 1e-3, (name, state))
            # One minibatch has no scatter.
            self.assertTrue(numpy.isnan(found["batch_sharpness_error"][()]).all())
            at_epochs, at_the_end = replica["flatness_at_epochs/fc2"], replica["flatness/fc2"]
            directions = at_epochs["direction"][()].tolist()
            self.assertGreater(len(directions), 1)
            for name in ("left", "right", "flatness", "slope", "loss_curvature"):
                self.assertEqual(at_epochs[name][2].tobytes(), at_the_end[name][()][directions].tobytes(), name)
            self.assertFalse((at_epochs["slope"][0] == at_epochs["slope"][2]).any())

    def test_they_are_added_later_with_the_same_bits(self):
        small = dict(curvature_at_epochs__trace_products=60, train__learning_rate=0.1)
        both = self.run_well(1, "both", **GRID | FULL_BATCH | small | dict(train__batch_size=20))
        alone = {key: value for key, value in FULL_BATCH.items() if "at_epochs" not in key}
        self.run_well(1, "out", **GRID | alone | dict(train__batch_size=20, train__learning_rate=0.1, at_epochs__epochs=[3]))
        keys = {key: value for key, value in (FULL_BATCH | small).items() if "e_at_epochs" in key or "s_at_epochs" in key}
        self.analyse_well(1, "out", "--at-epoch", "0", "--at-epoch", "7", **keys)
        self.assert_same_results(both, self.results("out"))
        with h5py.File(both) as file:
            found = file["replica/000000/curvature_at_epochs"]
            self.assertTrue((found["batch_sharpness_error"][()] > 0.0).all())
            self.assertLess(found["loss"][2], found["loss"][0])


# Windows of two epochs of 20 iterations; 64 weights.
WINDOWS = GRID | dict(grid__seed=[1], train__optimizer="momentum", train__learning_rate=0.05, window__length_epochs=2, at_epochs__epochs=[0, 3, 5],
                      flatness_at_epochs__enabled=True, flatness_at_epochs__along="both", flatness_at_epochs__directions=8, flatness__enabled=True)
OF_STATES = ("left", "right", "flatness", "slope", "loss_curvature")


class LocalDirections(Later):
    """Principal directions of windows that begin at the epochs."""

    def setUp(self):
        super().setUp()
        self.results_file = self.run_well(1, "out", **WINDOWS)

    def local(self, file, name):
        return file[f"replica/000000/flatness_at_epochs/fc2/local_{name}"][()]

    def test_at_the_opening_of_the_window_they_are_those_of_the_run(self):
        with h5py.File(self.results_file) as file:
            replica, row = file["replica/000000"], 1
            found = replica["flatness_at_epochs/fc2"]
            self.assertEqual((replica.attrs["window_first_epoch"], found["epoch"][row]), (3, 3))
            numbers, pca = found["direction"][()], replica["pca/fc2"]
            self.assertEqual(self.local(file, "directions")[row].tobytes(), pca["directions"][()][numbers].tobytes())
            self.assertEqual(self.local(file, "variance")[row].tobytes(), pca["variance"][()][numbers].tobytes())
            self.assertEqual((self.local(file, "moving")[row], self.local(file, "rounding_variance")[row]),
                             (pca.attrs["moving"], pca.attrs["rounding_variance"]))
            for name in OF_STATES:
                self.assertEqual(self.local(file, name)[row].tobytes(), found[name][row].tobytes(), name)
                self.assertNotEqual(self.local(file, name)[0].tobytes(), found[name][0].tobytes(), name)

    def test_at_other_epochs_they_are_those_of_runs_whose_window_opens_there(self):
        with h5py.File(self.results_file) as file:
            numbers = file["replica/000000/flatness_at_epochs/fc2/direction"][()]
            for row, epoch in ((0, 0), (2, 5)):
                other = self.run_well(1, f"from{epoch}", **WINDOWS | dict(window__opens_at_epoch=epoch, at_epochs__epochs=[epoch]))
                with h5py.File(other) as there:
                    pca, found = there["replica/000000/pca/fc2"], there["replica/000000/flatness_at_epochs/fc2"]
                    self.assertEqual(self.local(file, "directions")[row].tobytes(), pca["directions"][()][numbers].tobytes())
                    for name in OF_STATES:
                        self.assertEqual(self.local(file, name)[row].tobytes(), found[name][0].tobytes(), name)

    def test_a_window_that_is_trained_anew_for_every_pass_gives_the_same(self):
        streamed = self.run_well(1, "streamed", **WINDOWS | dict(run__memory_per_rank=1e-9))
        self.assert_same_results(self.results_file, streamed)

    def test_they_alone_leave_the_run_as_it_is(self):
        alone = self.run_well(2, "alone", **WINDOWS | dict(flatness_at_epochs__along="local", run__team_size=2))
        with h5py.File(self.results_file) as file, h5py.File(alone) as other:
            for name in ("training", "weights", "states", "window_start"):
                self.assertTrue(same(file["replica/000000"][name], other["replica/000000"][name]), name)
            self.assertEqual(set(file["replica/000000/flatness_at_epochs/fc2"]) - set(other["replica/000000/flatness_at_epochs/fc2"]), set(OF_STATES))
            numpy.testing.assert_allclose(self.local(other, "variance"), self.local(file, "variance"), rtol=1e-6, atol=1e-12)

    def test_they_are_asked_for_later_and_have_a_price(self):
        alone = {key: value for key, value in WINDOWS.items() if "flatness_at_epochs" not in key}
        self.run_well(1, "later", **alone)
        keys = {key: value for key, value in WINDOWS.items() if "flatness_at_epochs" in key}
        dry = self.analyse(1, "later", "--dry-run", **keys)
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.analyse_well(1, "later", **keys)
        self.assert_same_results(self.results_file, self.results("later"))


class Problem:
    """Cross-entropy of the reference network's shape by PyTorch in double precision, without flatsweep's code."""

    def __init__(self, images, labels, width=8):
        self.images, self.labels = torch.tensor(images), torch.tensor(labels.astype(numpy.int64))
        sizes = [images.shape[1], width, width, 10]
        self.shapes = [shape for a, b in zip(sizes, sizes[1:]) for shape in ((b, a), (b,))]

    def logits(self, vector, images):
        parts, first = [], 0
        for shape in self.shapes:
            size = int(numpy.prod(shape))
            parts.append(vector[first:first + size].reshape(shape))
            first += size
        x = images
        for i in range(0, len(parts), 2):
            x = x @ parts[i].T + parts[i + 1]
            x = torch.relu(x) if i + 2 < len(parts) else x
        return x

    def loss(self, vector):
        return torch.nn.functional.cross_entropy(self.logits(vector, self.images), self.labels)

    def at(self, weights):
        vector = torch.tensor(weights.astype(float), requires_grad=True)
        loss = self.loss(vector)
        gradient, = torch.autograd.grad(loss, vector, create_graph=True)

        def product(v):
            return torch.autograd.grad(gradient @ torch.as_tensor(v), vector, retain_graph=True)[0]

        g = gradient.detach()
        hessian = scipy.sparse.linalg.LinearOperator((len(g), len(g)), matvec=lambda v: product(v.ravel()).numpy(), dtype=float)
        leading = scipy.sparse.linalg.eigsh(hessian, 1, which="LA", tol=1e-8, return_eigenvectors=False)[0]
        return dict(loss=loss.item(), gradient_norm=g.norm().item(), leading_eigenvalue=leading, trace=self.trace(weights),
                    batch_sharpness=(g @ product(g) / (g @ g)).item())

    def trace(self, weights):
        """Of the Gauss-Newton matrix, which has the Hessian's diagonal: logits are linear in every single weight, between kinks."""
        total = 0.0
        for image in self.images:
            vector = torch.tensor(weights.astype(float), requires_grad=True)
            logits = self.logits(vector, image[None])[0]
            jacobian = torch.stack([torch.autograd.grad(logit, vector, retain_graph=True)[0] for logit in logits])
            p = torch.softmax(logits, 0).detach()
            total += ((p[:, None] * jacobian ** 2).sum() - ((p @ jacobian) ** 2).sum()).item()
        return total / len(self.images)


if __name__ == "__main__":
    unittest.main()
