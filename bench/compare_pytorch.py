#!/usr/bin/python3
"""Times flatsweep and PyTorch side by side: the same work, in alternation, one thread each.

    bench/compare_pytorch.py [--only NAME ... | --all] [--repeats N] [--json FILE] [--binary PATH] [--data DIR]

A new comparison is one function that prepares PyTorch's side, with the decorator @work. See README.md.
"""

import os

# Before numpy and torch load their BLAS. A preset core type would slow OpenBLAS on both sides.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import argparse
import ctypes
import functools
import gzip
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import torch
from scipy.optimize import toms748
from torch import nn
from torch.nn.functional import cross_entropy, linear, max_pool2d

from counted_work import Timing, UnequalWork, count, fastest, refuse_unequal, timed

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIRECTIONS = 2500
FASTEST_OF = 5  # repetitions of a training on either side
ALPHA, BATCH = 0.1, 50
FLATNESS_TOLERANCE = 1e-4  # flatsweep's own
STEPS, WARM_UP = 100, 20  # of a convolutional network
WORKS = {}
PROGRAMS = {}  # our side of the works that flatsweep_bench does not do
SHAPES = {  # mlp_epoch with another minibatch or width: done when named, or with --all
    "mlp_epoch_b10": {"batch": 10},
    "mlp_epoch_b500": {"batch": 500},
    "mlp_epoch_h20": {"width": 20},
    "mlp_epoch_h200": {"width": 200},
}


class CompareError(Exception):
    """What went wrong and what to do, in one sentence."""


def work(function):
    """Registers `function(data) -> {variant: timer}`; timer(report) gives a Timing of the work that our side did.

    `report` is our side's line of JSON, for what PyTorch must match (evaluations per direction); its "work" must equal
    what is counted here. The fastest variant counts.
    """
    WORKS[function.__name__] = function
    return function


def by_program(run):
    """Our side is `run(binary, data) -> report`, the program itself, in place of flatsweep_bench."""

    def register(function):
        PROGRAMS[function.__name__] = run
        return work(function)

    return register


def keep_freed_memory():
    """Stops glibc from giving PyTorch's buffers back to the system after each step: the page faults of taking them
    again made its convolutions five times slower. 32 MiB is the largest threshold that glibc takes."""
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    libc = ctypes.CDLL(None)
    if not (libc.mallopt(m_mmap_threshold, 32 << 20) and libc.mallopt(m_trim_threshold, 1 << 30)):
        raise CompareError("mallopt refused its settings; PyTorch would not be at its best")


# --- the works, PyTorch's side -----------------------------------------------------------------------------


class Mlp(nn.Module):
    def __init__(self, width=50):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, width), nn.Linear(width, width), nn.Linear(width, 10)

    def forward(self, images, labels):
        hidden = torch.relu_(self.fc2(torch.relu_(self.fc1(images))))
        return cross_entropy(self.fc3(hidden), labels)


def sgd_step(network, parameters, images, labels):
    """Forward, backward, update, and nothing else."""
    gradients = torch.autograd.grad(network(images, labels), parameters)
    with torch.no_grad():
        torch._foreach_add_(parameters, gradients, alpha=-ALPHA)
    count(steps=1, samples=len(labels))


def sgd_epoch(network, images, labels, size):
    """One pass over the set in a new order, minibatches gathered from it."""
    parameters = list(network.parameters())
    for batch in torch.randperm(len(images)).split(size):
        sgd_step(network, parameters, images.index_select(0, batch), labels.index_select(0, batch))


def mlp(data, width=50, batch=BATCH):
    """SGD epoch of 784-H-H-10 over all images."""
    images, labels = data.train()
    variants = {"eager": Mlp(width), "TorchScript": torch.jit.script(Mlp(width))}
    for network in variants.values():
        sgd_epoch(network, images[:5000], labels[:5000], batch)  # TorchScript specialises on its first calls

    def timer(network):
        return lambda report: fastest(lambda: sgd_epoch(network, images, labels, batch), FASTEST_OF)

    return {name: timer(network) for name, network in variants.items()}


@work
def mlp_epoch(data):
    """SGD epoch of 784-50-50-10, B = 50, alpha = 0.1."""
    return mlp(data)


WORKS.update((name, functools.partial(mlp, **shape)) for name, shape in SHAPES.items())


class CnnS1b(nn.Module):
    """Max-pooling before ReLU: they commute, and PyTorch is faster so."""

    planes = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 5, padding=2)
        self.fc1 = nn.Linear(1568, 10)

    def forward(self, images, labels):
        hidden = torch.relu_(max_pool2d(self.conv1(images), 2))
        hidden = torch.relu_(max_pool2d(self.conv2(hidden), 2))
        return cross_entropy(self.fc1(hidden.flatten(1)), labels)


class LeNet5(nn.Module):
    planes = (3, 32, 32)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images, labels):
        hidden = torch.relu_(max_pool2d(self.conv1(images), 2))
        hidden = torch.relu_(max_pool2d(self.conv2(hidden), 2))
        hidden = torch.relu_(self.fc2(torch.relu_(self.fc1(hidden.flatten(1)))))
        return cross_entropy(self.fc3(hidden), labels)


def in_planes(rows, planes):
    return rows.view(-1, *planes)


def channels_last(rows, planes):
    """Rows that hold (y, x, channel), without a copy."""
    channels, height, width = planes
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)


def of_one_step(timing, images):
    one = timing.per("steps")
    return Timing(one.seconds, {**one.work, "images": images, "fastest_of": timing.work["fastest_of"]})


def convolution_step(kind, images, labels):
    """Mean time of an SGD step, B = 50, minibatches gathered from rows of pixels."""

    def steps(network, layout, count):
        parameters = list(network.parameters())
        for batch in torch.randint(len(images), (count, BATCH)):
            pixels = layout(images.index_select(0, batch), kind.planes)
            sgd_step(network, parameters, pixels, labels.index_select(0, batch))

    def timer(network, layout):
        steps(network, layout, WARM_UP)
        return lambda report: of_one_step(fastest(lambda: steps(network, layout, STEPS), FASTEST_OF), len(images))

    last = kind().to(memory_format=torch.channels_last)
    return {
        "eager": timer(kind(), in_planes),
        "TorchScript": timer(torch.jit.script(kind()), in_planes),
        "eager, channels_last": timer(last, channels_last),
        "TorchScript, channels_last": timer(torch.jit.script(last), channels_last),
    }


@work
def lenet5_step(data):
    """SGD step of LeNet-5, B = 50, from 20,000 images the size of CIFAR-10's."""
    del data
    return convolution_step(LeNet5, torch.rand(20_000, 3072), torch.randint(10, (20_000,)))


@work
def s1b_step(data):
    """SGD step of the network of Fig S1B, B = 50, from 10,000 images of MNIST."""
    return convolution_step(CnnS1b, *(part[:10_000] for part in data.train()))


def all_directions(loss, evaluations=10):
    """A timer for all directions: the time of a few evaluations, scaled to as many as a scalar root finder takes where our side searched."""

    def timer(report):
        with torch.no_grad():
            one = timed(lambda: [loss(0.01 * step).item() for step in range(evaluations)]).per("evaluations")
        each = report["scalar_evaluations_per_direction"]
        return Timing(one.seconds * each * DIRECTIONS, {"directions": DIRECTIONS, "samples": one.work["samples"]})

    return timer


def flatness(data, cached):
    images, labels = data.train()
    network = Mlp()
    direction = torch.randn(50, 50)
    direction /= direction.norm()
    with torch.no_grad():
        cache = torch.relu_(network.fc1(images))

    def loss(theta):
        hidden = cache if cached else torch.relu_(network.fc1(images))
        hidden = torch.relu_(linear(hidden, network.fc2.weight + theta * direction, network.fc2.bias))
        count(evaluations=1, samples=len(labels))
        return cross_entropy(network.fc3(hidden), labels)

    with torch.no_grad():
        loss(0.0)
    return {"eager": all_directions(loss)}


@work
def flatness_cached(data):
    """Loss along all 2500 directions of fc2 over all images, from the cached input of fc2."""
    return flatness(data, cached=True)


@work
def flatness_full(data):
    """The same, each evaluation a whole forward pass."""
    return flatness(data, cached=False)


def numpy_modes(trajectory):
    """Principal directions of snapshots as rows, as columns, least variance first."""
    centred = trajectory.astype(np.float64)
    centred -= centred.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    count(snapshots=len(centred), weights=centred.shape[1], modes=len(values))
    return vectors


@work
def pca(data):
    """All modes of a 12000 x 2500 trajectory: float32 snapshots, covariance and eigenvectors in double."""
    del data
    steps = np.random.default_rng(0).standard_normal((12_000, DIRECTIONS), dtype=np.float32)
    trajectory = np.cumsum(steps, axis=0, dtype=np.float32)


    def with_torch():
        centred = torch.from_numpy(trajectory).double()
        centred -= centred.mean(dim=0)
        values, _ = torch.linalg.eigh(centred.t() @ centred / len(centred))
        count(snapshots=len(centred), weights=centred.shape[1], modes=len(values))

    return {"numpy": lambda report: timed(lambda: numpy_modes(trajectory)), "torch": lambda report: timed(with_torch)}


TOP, TOLERANCE = 20, 1e-5  # leading eigenpairs, and their residual relative to the largest eigenvalue


def split_like(vector, parameters):
    parts = vector.split([p.numel() for p in parameters])
    return [part.view_as(p) for part, p in zip(parts, parameters)]


def flat(parts):
    return torch.cat([part.reshape(-1) for part in parts])


def lanczos(product, size, most=300):
    """The leading eigenvalues: Lanczos with full reorthogonalisation in double and without restarts, which no method of
    single vectors beats in products. Stops as soon as residual estimates allow."""
    basis = torch.empty(most, size, dtype=torch.float64)
    diagonal, below = [], []
    vector = torch.randn(size, dtype=torch.float64)
    for step in range(most):
        basis[step] = vector / vector.norm()
        vector = product(basis[step].float()).double()
        known = basis[: step + 1]
        diagonal.append(float(known[step] @ vector))
        for _ in range(2):
            vector -= known.t() @ (known @ vector)
        below.append(float(vector.norm()))
        if step + 1 <= TOP:
            continue
        tridiagonal = np.diag(diagonal) + np.diag(below[:-1], 1) + np.diag(below[:-1], -1)
        values, vectors = np.linalg.eigh(tridiagonal)
        residuals = below[-1] * np.abs(vectors[-1, -TOP:])
        if residuals.max() <= TOLERANCE * values[-1]:
            return values[: -TOP - 1 : -1], step + 1
    raise CompareError(f"PyTorch's Lanczos did not converge in {most} products")


@work
def hessian_top20(data):
    """Leading 20 eigenpairs of the Hessian by all 42,310 weights and biases, over all images, at our side's solution."""
    images, labels = data.train()
    network = Mlp()
    parameters = list(network.parameters())
    sgd_epoch(network, images, labels, BATCH)

    def gradients():
        return torch.autograd.grad(network(images, labels), parameters, create_graph=True)

    def product_of(slopes, vector, retain):
        return flat(torch.autograd.grad(slopes, parameters, split_like(vector, parameters), retain_graph=retain))

    def anew():
        return lambda vector: product_of(gradients(), vector, retain=False)

    def kept():
        slopes = gradients()  # their graph serves all products
        return lambda vector: product_of(slopes, vector, retain=True)

    def timer(prepare):
        def run(report):
            if "weights" in report:
                with torch.no_grad():
                    for p, w in zip(parameters, split_like(torch.from_numpy(report["weights"]), parameters)):
                        p.copy_(w)
            size = sum(p.numel() for p in parameters)
            start = time.perf_counter()
            values, products = lanczos(prepare(), size)
            seconds = time.perf_counter() - start
            print(f"note: PyTorch took {products} products, {report.get('products', '-')} on our side", flush=True)
            ours = report.get("eigenvalues", values)
            if np.abs(values - ours).max() > 10 * TOLERANCE * values[0]:
                raise CompareError("the two sides found different eigenvalues")
            return Timing(seconds, {"samples": len(labels), "weights": size, "eigenpairs": len(values), "tolerance": TOLERANCE})

        return run

    return {"graph of the gradient kept": timer(kept), "graph built for every product": timer(anew)}


OPENS_AT, WINDOW = 10, 10  # epochs
SEARCHED = 25  # directions along which PyTorch searches, evenly spaced among all


def recorded(data):
    """A folder with a network and the snapshots of fc2 along its window, trained in PyTorch: model.npz, trajectory.npz."""
    if data.recording is None:
        data.recording = tempfile.TemporaryDirectory()
        folder = pathlib.Path(data.recording.name)
        images, labels = data.train()
        network = Mlp()
        parameters, snapshots = list(network.parameters()), []
        for epoch in range(OPENS_AT + WINDOW):
            for batch in torch.randperm(len(images)).split(BATCH):
                sgd_step(network, parameters, images.index_select(0, batch), labels.index_select(0, batch))
                if epoch >= OPENS_AT:
                    snapshots.append(network.fc2.weight.detach().numpy().copy())
        np.savez(folder / "model.npz", **{name: value.numpy() for name, value in network.state_dict().items()})
        np.savez(folder / "trajectory.npz", fc2=np.stack(snapshots))
    return pathlib.Path(data.recording.name)


def run_analyse(binary, data):
    """`flatsweep analyse` from start to end, on one rank: all modes of fc2 and the flatness along each, and no other analysis. Both sides are
    timed by their processor, as reading and writing are part of it."""
    folder = recorded(data)
    keys = {"study": "models", "model.weights": folder / "model.npz", "model.trajectory": folder / "trajectory.npz",
            "data.name": data.folder.name, "data.root": data.folder.parent}
    others = ("first_mode", "dynamics", "mlf", "nulls", "filters")
    tables = "".join(f"{key} = {json.dumps(str(value))}\n" for key, value in keys.items())
    (folder / "analyse.toml").write_text(
        tables + 'network.architecture = ["fc 50", "fc 50"]\npca.layers = ["fc2"]\n' + "".join(f"{name}.enabled = false\n" for name in others))
    command = [binary, "analyse", folder / "analyse.toml", "--output", folder / "run", "--overwrite", "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode != 0:
        raise CompareError(f"{binary.name} analyse failed: {(done.stderr or done.stdout).strip()}")
    with h5py.File(folder / "run/results.h5") as file:
        modes, flatness = file["replica/000000/pca/fc2"], file["replica/000000/flatness/fc2"]
        rows, weights = modes["directions"].shape
        work = {"snapshots": int(modes.attrs["window_iterations"]), "weights": weights, "modes": rows,
                "directions": len(flatness["direction"])}
        return {"seconds": seconds, "work": work, "flatness": flatness["flatness"][()], "loss": flatness.attrs["loss"]}


def crossings(level, guesses, tolerance):
    """The roots of `level` nearest to 0 on both sides: outward from a guess in steps of a half, then TOMS 748, as `scalar_evaluations` of
    flatsweep_bench does it."""
    roots = []
    for side in guesses:
        inner, outer = 0.0, side
        while level(outer) < 0:
            inner, outer = outer, 1.5 * outer
        roots.append(toms748(level, *sorted((inner, outer)), rtol=tolerance, xtol=1e-12))
    return roots


@by_program(run_analyse)
def analyse(data):
    """All principal directions of the window of fc2, and the flatness along them, of a network trained in PyTorch."""
    folder = recorded(data)
    images, labels = data.train()
    network = Mlp()
    with np.load(folder / "model.npz") as file:
        network.load_state_dict({name: torch.from_numpy(file[name]) for name in file})
    solution = network.fc2.weight.detach().clone()

    def guesses(log_loss, direction):
        """Where slope and curvature of ln L at 0 reach 1. PyTorch is not charged for them."""
        theta = torch.zeros((), requires_grad=True)
        (slope,) = torch.autograd.grad(log_loss(solution + theta * direction), theta, create_graph=True)
        curvature = torch.autograd.grad(slope, theta)[0].item()
        root = np.sqrt(slope.item() ** 2 + 2 * max(curvature, 1e-6))
        return [(sign * root - slope.item()) / max(curvature, 1e-6) for sign in (-1, 1)]

    def run(report):
        with np.load(folder / "trajectory.npz") as file:
            trajectory = file["fc2"].reshape(len(file["fc2"]), -1)
        start = time.process_time()
        modes = numpy_modes(trajectory)[:, ::-1]
        with torch.no_grad():
            cache = torch.relu_(network.fc1(images))
        seconds = time.process_time() - start

        def log_loss(weight):
            return cross_entropy(network.fc3(torch.relu(linear(cache, weight, network.fc2.bias))), labels).log()

        found, chosen = [], np.linspace(0, DIRECTIONS - 1, SEARCHED).astype(int)
        for number in chosen:
            direction = torch.from_numpy(modes[:, number].reshape(solution.shape).copy()).float()
            sides = guesses(log_loss, direction)
            start = time.process_time()
            with torch.no_grad():
                zero = log_loss(solution).item()
                left, right = crossings(lambda step: log_loss(solution + step * direction).item() - zero - 1, sides, FLATNESS_TOLERANCE)
            seconds += (time.process_time() - start) * DIRECTIONS / SEARCHED
            found.append(right - left)
        if "loss" in report and abs(report["loss"] / np.exp(zero) - 1) > 1e-5:
            raise CompareError("the two sides look at other samples or weights")
        if "flatness" in report and np.nanmedian(np.abs(report["flatness"][chosen] / found - 1)) > 10 * FLATNESS_TOLERANCE:
            raise CompareError("the two sides found different flatness")
        return Timing(seconds, {"snapshots": len(trajectory), "weights": modes.shape[0], "modes": modes.shape[1], "directions": DIRECTIONS})

    return {"numpy and the cached input of fc2": run}


# --- data --------------------------------------------------------------------------------------------------


def read_idx(folder, name, header):
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise CompareError(f"{folder / name} is missing; run tools/get-data mnist")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(content, dtype=np.uint8, offset=header)


class Data:
    """The training images, read when first asked for."""

    def __init__(self, folder):
        self.folder, self.sets, self.recording = folder, None, None

    def train(self):
        """Images (n, 784) float in [0,1] and labels (n,): the set that our side reads, as it is."""
        if self.sets is None:
            images = read_idx(self.folder, "train-images-idx3-ubyte", 16).reshape(-1, 784)
            labels = read_idx(self.folder, "train-labels-idx1-ubyte", 8)
            self.sets = torch.from_numpy(images.copy()).float() / 255, torch.from_numpy(labels.copy()).long()
        return self.sets


def default_data():
    full = ROOT / "data/mnist"
    return full if (full / "train-images-idx3-ubyte").exists() else ROOT / "data/mnist-sample"


# --- the comparison ----------------------------------------------------------------------------------------


def run_ours(binary, name, data):
    """Our report on one work: {"seconds": ..., and what else our side prints}; also the weights that it writes."""
    if name in PROGRAMS:
        return PROGRAMS[name](binary.with_name("flatsweep"), data)
    with tempfile.TemporaryDirectory() as scratch:
        weights = pathlib.Path(scratch) / "weights"
        command = [binary, name, "--data", data.folder, "--weights", weights]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise CompareError(f"{binary.name} {name} failed: {(done.stderr or done.stdout).strip()}")
        report = json.loads(done.stdout.strip().splitlines()[-1])
        if weights.exists():
            report["weights"] = np.fromfile(weights, dtype=np.float32)
        return report


def measure(name, repeats, binary, data):
    """Both sides `repeats` times in alternation: our reports (none without `binary`), {variant: [seconds]}.

    @throws UnequalWork where the two sides did not count the same
    """
    timers = WORKS[name](data)
    reports, seconds = [], {variant: [] for variant in timers}
    for _ in range(repeats):
        report = run_ours(binary, name, data) if binary else {"scalar_evaluations_per_direction": 1}
        reports += [report] if binary else []
        for variant, timer in timers.items():
            timing = timer(report)
            if binary:
                refuse_unequal(f"{name}, {variant}", report.get("work", {}), timing.work)
            seconds[variant].append(timing.seconds)
    return reports, seconds


def compare(reports, rival):
    """Ratios rival / ours, each from neighbours in time; above 1 we are faster."""
    ratios = [theirs / ours["seconds"] for ours, theirs in zip(reports, rival)]
    peaks = [r["percent_of_peak"] for r in reports if r.get("percent_of_peak") is not None]
    return {
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "percent_of_peak": statistics.median(peaks) if peaks else None,
    }


def spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def print_row(name, variant, reports, rival, result):
    """One line of the table; without our side, PyTorch's seconds alone."""
    ours = spread([r["seconds"] for r in reports]) if reports else "-"
    ratio = f"{result['ratio']:.2f} ({result['low']:.2f}-{result['high']:.2f})" if result else "-"
    peak = f"{result['percent_of_peak']:.0f} %" if result and result["percent_of_peak"] is not None else "-"
    print(f"{name:16} {ours:24} {spread(rival):24} {ratio:20} {peak:6} {variant}", flush=True)


def processor():
    """The machine's own name of its processor: figures mean nothing without it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    widest = next((name for name in ("avx512f", "avx2", "avx") if name in names.get("flags", "").split()), "no AVX")
    return f"{names.get('model name', 'unknown processor')}, {widest}"


def chosen(options):
    return options.only or [name for name in WORKS if options.all or name not in SHAPES]


def run(options):
    binary = None if options.pytorch_only else options.binary.with_name("flatsweep_bench").resolve()
    if binary and not binary.exists():
        raise CompareError(f"{binary.name} is not in {options.binary.parent}; build it, or give --pytorch-only")
    keep_freed_memory()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = Data(options.data.resolve())
    print(f"Seconds, median (least-most) of {options.repeats} in alternation, one thread. PyTorch {torch.__version__}.")
    print(f"{processor()}; images of {data.folder}")
    print(f"{'':16} {'flatsweep':24} {'PyTorch':24} {'ratio':20} {'peak':6} PyTorch's variant")
    results = {}
    for name in chosen(options):
        reports, seconds = measure(name, options.repeats, binary, data)
        variants = sorted(seconds, key=lambda v: statistics.median(seconds[v]))
        if reports:
            results[name] = compare(reports, seconds[variants[0]])
        if reports:
            print("  work: " + ", ".join(f"{what} {number:g}" for what, number in reports[0]["work"].items()))
        print_row(name, variants[0], reports, seconds[variants[0]], results.get(name))
        for variant in variants[1:]:
            print_row("", f"{variant}, slower, not counted", [], seconds[variant], None)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", choices=list(WORKS), metavar="NAME", help=", ".join(WORKS))
    which.add_argument("--all", action="store_true", help=f"also {', '.join(SHAPES)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, help="write {name: {ratio, low, high, percent_of_peak}}")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/flatsweep",
                        help="flatsweep_bench is taken from the same folder")
    parser.add_argument("--data", type=pathlib.Path, default=default_data(), help="folder with MNIST's IDX files")
    parser.add_argument("--pytorch-only", action="store_true", help="time PyTorch alone, one evaluation a direction")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        run(parse(sys.argv[1:]))
    except (CompareError, UnequalWork) as error:
        print(f"compare_pytorch: {error}", file=sys.stderr)
        sys.exit(2)
