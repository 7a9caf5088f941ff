#!/usr/bin/python3
"""Times flatsweep and PyTorch side by side: the same work, in alternation, one thread each.

    bench/compare_pytorch.py [--only NAME ...] [--repeats N] [--json FILE] [--binary PATH] [--data DIR]

A new comparison is one function that prepares PyTorch's side, with the decorator @work. See README.md.
"""

import os

# Before numpy and torch load their BLAS. A preset core type would slow OpenBLAS on both sides.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import argparse
import ctypes
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLES, DIRECTIONS = 60_000, 2500
ALPHA, BATCH = 0.1, 50
WORKS = {}


class CompareError(Exception):
    """What went wrong and what to do, in one sentence."""


def work(function):
    """Registers `function(data) -> {variant: timer}`; timer(report) gives seconds for the work that our side did.

    `report` is our side's line of JSON, for what PyTorch must match (evaluations per direction). The
    fastest variant counts.
    """
    WORKS[function.__name__] = function
    return function


def keep_freed_memory():
    """Stops glibc from giving PyTorch's buffers back to the system after each step: the page faults of taking them
    again made its convolutions five times slower. 32 MiB is the largest threshold that glibc takes."""
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    libc = ctypes.CDLL(None)
    if not (libc.mallopt(m_mmap_threshold, 32 << 20) and libc.mallopt(m_trim_threshold, 1 << 30)):
        raise CompareError("mallopt refused its settings; PyTorch would not be at its best")


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# --- the works, PyTorch's side -----------------------------------------------------------------------------


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 50), nn.Linear(50, 50), nn.Linear(50, 10)

    def forward(self, images, labels):
        hidden = torch.relu_(self.fc2(torch.relu_(self.fc1(images))))
        return cross_entropy(self.fc3(hidden), labels)


def sgd_epoch(network, images, labels):
    """One pass over the set in a new order: gather, forward, backward, update, and nothing else."""
    parameters = list(network.parameters())
    for batch in torch.randperm(len(images)).split(BATCH):
        loss = network(images.index_select(0, batch), labels.index_select(0, batch))
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-ALPHA)


@work
def mlp_epoch(data):
    """SGD epoch of 784-50-50-10, B = 50, alpha = 0.1, 60,000 images."""
    images, labels = data.train()
    eager, scripted = Mlp(), torch.jit.script(Mlp())
    for network in (eager, scripted):
        sgd_epoch(network, images[:5000], labels[:5000])  # TorchScript specialises on its first calls
    return {
        "eager": lambda report: timed(lambda: sgd_epoch(eager, images, labels)),
        "TorchScript": lambda report: timed(lambda: sgd_epoch(scripted, images, labels)),
    }


def all_directions(loss, evaluations=10):
    """A timer for all directions: the time of a few evaluations, scaled to as many as our side made."""

    def timer(report):
        with torch.no_grad():
            seconds = timed(lambda: [loss(0.01 * step).item() for step in range(evaluations)])
        return seconds / evaluations * report["evaluations_per_direction"] * DIRECTIONS

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
        return cross_entropy(network.fc3(hidden), labels)

    with torch.no_grad():
        loss(0.0)
    return {"eager": all_directions(loss)}


@work
def flatness_cached(data):
    """Loss along all 2500 directions of fc2 over 60,000 images, from the cached input of fc2."""
    return flatness(data, cached=True)


@work
def flatness_full(data):
    """The same, each evaluation a whole forward pass."""
    return flatness(data, cached=False)


@work
def pca(data):
    """All modes of a 12000 x 2500 trajectory: float32 snapshots, covariance and eigenvectors in double."""
    del data
    steps = np.random.default_rng(0).standard_normal((12_000, DIRECTIONS), dtype=np.float32)
    trajectory = np.cumsum(steps, axis=0, dtype=np.float32)

    def with_numpy():
        centred = trajectory.astype(np.float64)
        centred -= centred.mean(axis=0)
        np.linalg.eigh(centred.T @ centred / len(centred))

    def with_torch():
        centred = torch.from_numpy(trajectory).double()
        centred -= centred.mean(dim=0)
        torch.linalg.eigh(centred.t() @ centred / len(centred))

    return {"numpy": lambda report: timed(with_numpy), "torch": lambda report: timed(with_torch)}


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
        self.folder, self.sets = folder, None

    def train(self):
        """Images (60000, 784) float in [0,1] and labels (60000,); a smaller set is repeated to that size."""
        if self.sets is None:
            images = read_idx(self.folder, "train-images-idx3-ubyte", 16).reshape(-1, 784)
            labels = read_idx(self.folder, "train-labels-idx1-ubyte", 8)
            if len(images) < SAMPLES:
                print(f"note: {len(images)} images, repeated to {SAMPLES}")
            index = np.arange(SAMPLES) % len(images)
            self.sets = torch.from_numpy(images[index]).float() / 255, torch.from_numpy(labels[index]).long()
        return self.sets


def default_data():
    full = ROOT / "data/mnist"
    return full if (full / "train-images-idx3-ubyte").exists() else ROOT / "data/mnist-sample"


# --- the comparison ----------------------------------------------------------------------------------------


def run_ours(binary, name, folder):
    """Our report on one work: {"seconds": ..., and what else our side prints}."""
    done = subprocess.run([binary, name, "--data", folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise CompareError(f"{binary.name} {name} failed: {(done.stderr or done.stdout).strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(name, repeats, binary, data):
    """Both sides `repeats` times in alternation: our reports (none without `binary`), {variant: [seconds]}."""
    timers = WORKS[name](data)
    reports, seconds = [], {variant: [] for variant in timers}
    for _ in range(repeats):
        report = run_ours(binary, name, data.folder) if binary else {"evaluations_per_direction": 1}
        reports += [report] if binary else []
        for variant, timer in timers.items():
            seconds[variant].append(timer(report))
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


def run(options):
    binary = None if options.pytorch_only else options.binary.with_name("flatsweep_bench").resolve()
    if binary and not binary.exists():
        raise CompareError(f"{binary.name} is not in {options.binary.parent}; build it, or give --pytorch-only")
    keep_freed_memory()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = Data(options.data.resolve())
    print(f"Seconds, median (least-most) of {options.repeats} in alternation, one thread. PyTorch {torch.__version__}.")
    print(f"{'':16} {'flatsweep':24} {'PyTorch':24} {'ratio':20} {'peak':6} PyTorch's variant")
    results = {}
    for name in options.only or WORKS:
        reports, seconds = measure(name, options.repeats, binary, data)
        variants = sorted(seconds, key=lambda v: statistics.median(seconds[v]))
        if reports:
            results[name] = compare(reports, seconds[variants[0]])
        print_row(name, variants[0], reports, seconds[variants[0]], results.get(name))
        for variant in variants[1:]:
            print_row("", f"{variant}, slower, not counted", [], seconds[variant], None)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(WORKS), metavar="NAME", help=", ".join(WORKS))
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
    except CompareError as error:
        print(f"compare_pytorch: {error}", file=sys.stderr)
        sys.exit(2)
