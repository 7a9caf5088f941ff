"""What the recorder of PyTorch networks writes and refuses."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional

PACKAGE = Path(__file__).resolve().parents[2] / "python"
sys.path.insert(0, str(PACKAGE))
from flatsweep.recorder import Recorder, UnsupportedNetwork  # noqa: E402


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.act, self.out = nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x):
        return self.out(x + self.act(self.first(x)))


class Functional(nn.Module):
    """Children in another order than they run, one activation used twice, flattened by a function."""

    def __init__(self, function=lambda x: x):
        super().__init__()
        self.out, self.act, self.hidden = nn.Linear(8, 3), nn.Tanh(), nn.Linear(8, 8)
        self.conv, self.function = nn.Conv2d(1, 2, 3, padding=1), function

    def forward(self, x):
        x = self.act(self.conv(x)).view(len(x), -1)
        return self.out(self.function(self.act(self.hidden(x))))


def mlp(dtype=torch.float32):
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).to(dtype)


def cnn():
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, stride=2), nn.SiLU(), nn.AvgPool2d(2), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(5, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Linear(6, 3))


def train(model, shape, steps, recorder, optimizer, each=lambda: None, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    for _ in range(steps):
        inputs = torch.randn((7, *shape), generator=generator, dtype=dtype)
        loss = functional.cross_entropy(model(inputs), torch.arange(7) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recorder.step(loss)
        each()


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), lr=0.1, **options)


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "run.h5"


class Recording(Scratch):
    def test_keeps_every_snapshot_bit_for_bit(self):
        for dtype in (torch.float32, torch.float64):
            model, kept = mlp(dtype), []
            optimizer = sgd(model)
            with Recorder(model, self.path, optimizer, batch_size=7, loss="cross-entropy") as recorder:
                train(model, (6,), 20, recorder, optimizer, dtype=dtype,
                      each=lambda: kept.append([p.detach().clone().numpy() for p in model.parameters()]))
            with h5py.File(self.path) as file:
                for i, name in enumerate(("fc1", "fc2", "fc3")):
                    rows = np.stack([snapshot[2 * i].ravel() for snapshot in kept])
                    np.testing.assert_array_equal(file[f"trajectory/{name}"], rows)
                    np.testing.assert_array_equal(file[f"weights/{name}"], kept[-1][2 * i])
                    np.testing.assert_array_equal(file[f"weights/{name}_bias"], kept[-1][2 * i + 1])
                    self.assertEqual(file[f"weights/{name}"].dtype, kept[0][0].dtype)
                np.testing.assert_array_equal(file["step"], np.arange(1, 21))
                np.testing.assert_array_equal(file["learning_rate"], np.full(20, 0.1))
                self.assertEqual(file["minibatch_loss"].shape, (20,))
        self.assertEqual(os.listdir(self.folder), ["run.h5"])

    def test_says_what_it_was_told(self):
        model = mlp()
        optimizer = sgd(model, momentum=0.9)
        with Recorder(model, self.path, optimizer, batch_size=7, loss=nn.CrossEntropyLoss()) as recorder:
            train(model, (1, 2, 3), 2, recorder, optimizer)
        with h5py.File(self.path) as file:
            facts = dict(file.attrs)
        self.assertEqual((facts["format"], facts["format_version"]), ("flatsweep-recording", 1))
        self.assertEqual(json.loads(facts["architecture"]), ["fc 5", "fc 4"])
        self.assertEqual(json.loads(facts["activations"]), ["relu", "tanh", "identity"])
        self.assertEqual(json.loads(facts["layers"]), ["fc1", "fc2", "fc3"])
        self.assertEqual(json.loads(facts["modules"]), ["1", "3", "5"])
        self.assertEqual((facts["optimizer"], facts["momentum"]), ("momentum", 0.9))
        self.assertEqual((facts["batch_size"], facts["loss"], facts["outputs"]), (7, "cross-entropy", 3))
        self.assertEqual(json.loads(facts["input_shape"]), [1, 2, 3])

    def test_leaves_out_what_it_was_not_told(self):
        model = mlp()
        with Recorder(model, self.path) as recorder:
            recorder.step()
        with h5py.File(self.path) as file:
            self.assertTrue({"optimizer", "momentum", "batch_size", "loss"}.isdisjoint(file.attrs))
            self.assertEqual(set(file), {"step", "trajectory", "weights"})

    def test_keeps_some_steps_of_some_layers(self):
        model = mlp()
        optimizer = sgd(model)
        with Recorder(model, self.path, optimizer, every=3, layers=["3", "fc3"]) as recorder:
            train(model, (6,), 10, recorder, optimizer)
        with h5py.File(self.path) as file:
            self.assertEqual(set(file["trajectory"]), {"fc2", "fc3"})
            np.testing.assert_array_equal(file["step"], [3, 6, 9])
            np.testing.assert_array_equal(file["trajectory/fc2"][-1], file["weights/fc2"][()].ravel())
            self.assertEqual((file.attrs["steps"], file.attrs["snapshots"]), (10, 3))

    def test_keeps_the_rates_of_a_schedule_and_of_adam(self):
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.4)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        with Recorder(model, self.path, optimizer) as recorder:
            train(model, (6,), 3, recorder, optimizer, each=schedule.step)
        with h5py.File(self.path) as file:
            np.testing.assert_allclose(file["learning_rate"], [0.4, 0.2, 0.1])
            self.assertEqual((file.attrs["optimizer"], file.attrs["adam_beta2"]), ("adam", 0.999))

    def test_writes_more_snapshots_than_fit_a_block(self):
        model = nn.Sequential(nn.Linear(1000, 300), nn.ReLU(), nn.Linear(300, 3))
        first = model[0].weight
        with Recorder(model, self.path, layers=["fc1"]) as recorder:
            for step in range(50):
                with torch.no_grad():
                    first.fill_(step)
                recorder.step()
        with h5py.File(self.path) as file:
            np.testing.assert_array_equal(file["trajectory/fc1"], np.arange(50.0)[:, None] * np.ones(300000, "f4"))

    def test_folds_normalisation_and_finds_order_and_shape(self):
        model = cnn()
        optimizer = sgd(model)
        modes = [module.training for module in model.modules()]
        with Recorder(model, self.path, optimizer) as recorder:
            train(model, (2, 14, 12), 5, recorder, optimizer)
        self.assertEqual([module.training for module in model.modules()], modes)
        inputs = torch.randn(9, 2, 14, 12)
        model.eval()
        with h5py.File(self.path) as file, torch.no_grad():
            self.assertEqual(json.loads(file.attrs["architecture"]),
                             ["conv 4 kernel 3 padding 1", "pool 2", "conv 5 kernel 3 stride 2", "average-pool 2", "fc 6"])
            self.assertEqual(json.loads(file.attrs["activations"]), ["relu", "silu", "gelu", "identity"])
            self.assertIn("1 (BatchNorm2d) is folded into 0", file.attrs["notes"])
            w = {name: torch.from_numpy(data[()]) for name, data in file["weights"].items()}
            x = functional.max_pool2d(functional.relu(functional.conv2d(inputs, w["conv1"], w["conv1_bias"], padding=1)), 2)
            x = functional.avg_pool2d(functional.silu(functional.conv2d(x, w["conv2"], w["conv2_bias"], stride=2)), 2)
            x = functional.gelu(functional.linear(x.flatten(1), w["fc1"], w["fc1_bias"]))
            torch.testing.assert_close(functional.linear(x, w["fc2"], w["fc2_bias"]), model(inputs), rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(file["trajectory/conv1"][-1], file["weights/conv1"][()].ravel())

    def test_finds_the_order_in_which_modules_run(self):
        model = Functional()
        optimizer = sgd(model)
        model.hidden, model.out = nn.Linear(2 * 4 * 4, 8), nn.Linear(8, 3)
        with Recorder(model, self.path) as recorder:
            train(model, (1, 4, 4), 1, recorder, optimizer)
        with h5py.File(self.path) as file:
            self.assertEqual(json.loads(file.attrs["modules"]), ["conv", "hidden", "out"])
            self.assertEqual(json.loads(file.attrs["activations"]), ["tanh", "tanh", "identity"])

    def test_takes_no_random_numbers(self):
        def after_training(record):
            model = cnn()
            optimizer = sgd(model)
            recorder = Recorder(model, self.path, optimizer) if record else NoRecorder()
            train(model, (2, 14, 12), 4, recorder, optimizer)
            return torch.cat([p.detach().ravel() for p in [*model.parameters(), *model.buffers()]])

        self.assertTrue(torch.equal(after_training(True), after_training(False)))


class NoRecorder:
    def step(self, loss=None):
        pass


class Ending(Scratch):
    def test_an_exception_leaves_no_file_and_the_old_one(self):
        self.path.write_text("old")
        with self.assertRaises(KeyboardInterrupt):
            with Recorder(mlp(), self.path) as recorder:
                recorder.step()
                raise KeyboardInterrupt
        self.assertEqual(self.path.read_text(), "old")
        self.assertEqual(os.listdir(self.folder), ["run.h5"])

    def test_closes_once_and_takes_no_more_steps(self):
        recorder = Recorder(mlp(), self.path)
        recorder.close()
        recorder.close()
        with self.assertRaisesRegex(RuntimeError, "the recorder is closed"):
            recorder.step()
        with h5py.File(self.path) as file:
            self.assertEqual((set(file), file.attrs["snapshots"]), ({"weights"}, 0))

    def test_a_killed_process_leaves_nothing(self):
        program = ("import sys, torch, time\nfrom flatsweep.recorder import Recorder\n"
                   "model = torch.nn.Linear(2000, 1000)\nrecorder = Recorder(model, sys.argv[1])\n"
                   "[recorder.step() for _ in range(10)]\nprint('ready', flush=True)\ntime.sleep(60)\n")
        with subprocess.Popen([sys.executable, "-c", program, self.path], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(PACKAGE)}) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGKILL)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_full_disk_is_an_error_and_leaves_nothing(self):
        model = nn.Linear(2000, 1000)
        recorder = Recorder(model, self.path)
        recorder.step()
        with open("/dev/full", "wb", buffering=0) as full:
            recorder.spool.file, own = full, recorder.spool.file
            own.close()
            with self.assertRaises(OSError):
                for _ in range(50):
                    recorder.step()
                recorder.close()
        self.assertEqual(os.listdir(self.folder), [])


class Refusals(Scratch):
    def refuse(self, model, shape, message):
        recorder = Recorder(model, self.path)
        model(torch.randn((3, *shape)))
        with self.assertRaisesRegex(UnsupportedNetwork, message):
            recorder.step()
        self.assertEqual(os.listdir(self.folder), [])

    def test_names_what_flatsweep_cannot_represent(self):
        conv = nn.Conv2d(2, 4, 3)

        def tail():
            return nn.Flatten(), nn.LazyLinear(3)

        for modules, message in (
                ([conv, nn.GroupNorm(2, 4), *tail()], r"1 \(GroupNorm\)"),
                ([nn.Conv2d(2, 4, 3, groups=2), *tail()], r"0 \(Conv2d\): groups"),
                ([nn.Conv2d(2, 4, (3, 1)), *tail()], r"0 \(Conv2d\): kernel_size"),
                ([nn.Conv2d(2, 4, 3, padding="same"), *tail()], r"0 \(Conv2d\): padding"),
                ([conv, nn.ReLU(), nn.BatchNorm2d(4), *tail()], r"2 \(BatchNorm2d\): only right behind"),
                ([conv, nn.BatchNorm2d(4, track_running_stats=False), *tail()], r"1 \(BatchNorm2d\): without running means"),
                ([conv, nn.AvgPool2d(2), nn.ReLU(), *tail()], r"2 \(ReLU\): it stands behind the pool"),
                ([conv, nn.MaxPool2d(2), nn.GELU(), *tail()], r"2 \(GELU\): it stands behind the pool"),
                ([conv, nn.MaxPool2d(3, stride=2), *tail()], r"1 \(MaxPool2d\): its squares must lie side by side"),
                ([conv, nn.MaxPool2d(2), nn.MaxPool2d(2), *tail()], r"2 \(MaxPool2d\): a pool stands behind a convolution"),
                ([conv, nn.AdaptiveAvgPool2d(2), *tail()], r"1 \(AdaptiveAvgPool2d\): only output_size = 1"),
                ([conv, nn.ReLU(), nn.Tanh(), *tail()], r"2 \(Tanh\): 0 has the activation relu already"),
                ([conv, nn.LeakyReLU(0.2), *tail()], r"1 \(LeakyReLU\): its slope is 0.2"),
                ([conv, nn.GELU(approximate="tanh"), *tail()], r"1 \(GELU\): its approximation"),
                ([nn.ReLU(), conv, *tail()], r"0 \(ReLU\): it stands before the first layer"),
                ([conv, *tail(), nn.ReLU()], r"2 \(Linear\): it is the output layer, and relu"),
                ([conv, *tail(), nn.Softmax(1)], r"3 \(Softmax\): there is no such layer"),
                ([conv], r"the model \(Sequential\): its last layer must be fully connected")):
            with self.subTest(message):
                model = nn.Sequential(*modules)
                model(torch.randn(3, 2, 9, 9))
                self.refuse(model, (2, 9, 9), message)

    def test_sees_what_is_not_in_the_modules(self):
        self.refuse(Residual(), (6,), "something else than its modules one after another: fc 6, fc 3; .* nn.ReLU")
        model = Functional(torch.sin)
        model.hidden = nn.Linear(2 * 4 * 4, 8)
        self.refuse(model, (1, 4, 4), "something else than its modules")

    def test_sees_shared_and_unused_weights(self):
        shared = nn.Linear(6, 6)
        self.refuse(nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(6, 3)), (6,), r"0 \(Linear\): it is used twice")
        model = mlp()
        model.unused = nn.Linear(2, 2)
        model.forward = lambda x: nn.Sequential(*list(model)[:-1])(x)
        self.refuse(model, (6,), r"unused\.weight: no layer of the list uses it")

    def test_says_what_is_wrong_with_its_arguments(self):
        model = mlp()
        for arguments, error, message in (
                ({"every": 0}, ValueError, "every = 0 must be a whole number of 1 or more"),
                ({"batch_size": 2.5}, ValueError, "batch_size = 2.5"),
                ({"loss": "hinge"}, ValueError, "'cross-entropy', 'square'"),
                ({"layers": ["fc9"]}, ValueError, r"there is no 'fc9'; the layers are fc1 \(1\), fc2 \(3\), fc3 \(5\)")):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                Recorder(model, self.path, **arguments).step()
        with self.assertRaisesRegex(FileNotFoundError, "make it before recording"):
            Recorder(model, self.folder / "absent" / "run.h5")
        with self.assertRaisesRegex(RuntimeError, "call the model once before the first step"):
            Recorder(cnn(), self.path).step()


if __name__ == "__main__":
    unittest.main()
