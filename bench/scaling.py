#!/usr/bin/python3
"""Strong and weak scaling over ranks of whole runs and of every analysis; the queue; memory against its estimate.

    bench/scaling.py [--ranks N] [--repeats N] [--data NAME] [--only PART ...] [--analyses NAME ...] [--binary PATH] [--json FILE]

Runs of one and of N ranks (2) alternate. Replicas share nothing but the images and the queue, so a run is timed with as many equal replicas for
all ranks (strong: the same replicas on one and on N ranks; weak: as many for each rank). An analysis is timed on one replica with a team of one rank and
with one of all ranks: the replica's time with that analysis less its time with none but PCA. Run it on an idle machine.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import h5py

PARTS = ["queue", "runs", "analyses"]
ANALYSES = ["flatness", "first_mode", "dynamics", "mlf", "filters", "nulls", "curvature", "network_curvature"]
NEEDS = {"nulls": ["flatness"], "first_mode": ["flatness"], "mlf": ["flatness"]}
TIMES = {  # short, but each analysis takes its full size
    "train.learning_rate": "0.1",
    "window.opens_at_epoch": "5",
    "pca.layers": '["fc2"]',
    "flatness.directions": "500",
    "run.checkpoint_epochs": "1000",
}


def environment():
    result = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1")
    result.update(OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1")
    result.pop("OPENBLAS_CORETYPE", None)
    return result


class Machine:
    """Runs flatsweep in a scratch folder."""

    def __init__(self, options, scratch):
        self.options = options
        self.scratch = pathlib.Path(scratch)
        self.config = self.scratch / "scaling.toml"
        root = pathlib.Path(__file__).resolve().parent.parent / "data"
        self.config.write_text(f'[data]\nname = "{options.data}"\nroot = "{root}"\n')

    def command(self, ranks, *words):
        launcher = ["mpirun", "-n", str(ranks), "--bind-to", "none"]
        done = subprocess.run([*launcher, *words], env=environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))} on {ranks} ranks ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def words(self, seeds, analyses):
        settings = dict(TIMES)
        settings |= {f"{name}.enabled": str(name in analyses).lower() for name in ANALYSES}
        settings["grid.seed"] = str(list(range(1, seeds + 1)))
        return [self.options.binary, self.config, *(w for k, v in settings.items() for w in ("--set", f"{k}={v}"))]

    def run(self, ranks, seeds, analyses=()):
        """Wall seconds of the whole command, longest replica's seconds, largest peak memory of a rank in bytes."""
        folder = self.scratch / "run"
        begin = time.perf_counter()
        self.command(ranks, *self.words(seeds, analyses), "--output", folder, "--overwrite", "--quiet")
        wall = time.perf_counter() - begin
        with h5py.File(folder / "results.h5") as file:
            provenance = file["provenance"]
            memory = provenance["peak_memory"] if "peak_memory" in provenance else provenance.attrs["peak_memory"]
            return wall, max(provenance["replica_seconds"][:]), float(max(memory[:]))

    def estimate(self, ranks, seeds, analyses=()):
        """Bytes per rank that --dry-run expects."""
        text = self.command(1, *self.words(seeds, analyses), "--dry-run", "--ranks", str(ranks))
        number, unit = re.search(r"wall time, ([0-9.]+) (\w+) of memory", text).groups()
        return float(number) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]

    def queue(self, ranks):
        return json.loads(self.command(ranks, self.options.bench, "queue"))


def medians(machine, jobs):
    """The jobs' (ranks, seeds, analyses) in turn, repeatedly. -> for each the median of what run() gives."""
    found = [[] for _ in jobs]
    for _ in range(machine.options.repeats):
        for job, results in zip(jobs, found):
            results.append(machine.run(*job))
    return [[statistics.median(values) for values in zip(*results)] for results in found]


def queue_calls(machine):
    rows = [machine.queue(ranks) for ranks in (1, 4, 16)]
    for row in rows:
        print(f"queue on {row['ranks']:3d} ranks: {1e6 * row['seconds_per_replica']:6.1f} us of calls per replica, "
              f"{100 * row['share_of_a_second']:.4f} % of a second; idle {100 * row['idle']:.1f} %", flush=True)
    return rows


def whole_runs(machine):
    ranks, rows = machine.options.ranks, []
    for name, analyses in (("training and PCA", ()), ("with all default analyses", ANALYSES[:6])):
        for kind, alone in (("strong", 2 * ranks), ("weak", 2)):
            (one, *_), (many, *_) = medians(machine, [(1, alone, analyses), (ranks, 2 * ranks, analyses)])
            speedup = one / many * (2 * ranks / alone)
            rows.append({"work": name, "scaling": kind, "replicas": [alone, 2 * ranks], "seconds": [one, many],
                         "efficiency": speedup / ranks})
            print(f"{name:26s} {kind:7s} {alone:3d} on 1: {one:6.2f} s {2 * ranks:3d} on {ranks}: {many:6.2f} s  "
                  f"efficiency {100 * speedup / ranks:4.0f} %", flush=True)
    return rows


def analyses_by_teams(machine):
    ranks, rows = machine.options.ranks, []
    sets = list(dict.fromkeys([(), ("flatness",), *((name, *NEEDS.get(name, ())) for name in machine.options.analyses)]))
    found = medians(machine, [(r, 1, s) for s in sets for r in (1, ranks)])
    seconds = {s: (found[2 * i][1], found[2 * i + 1][1]) for i, s in enumerate(sets)}
    memory = {s: found[2 * i][2] for i, s in enumerate(sets)}
    for own in sets[1:]:
        base = own[1:] if own[1:] in seconds else ()
        one, many = (seconds[own][k] - seconds[base][k] for k in (0, 1))
        expected = machine.estimate(1, 1, own)
        rows.append({"work": own[0], "seconds": [one, many], "speedup": one / many if many > 0 else None,
                     "memory": memory[own], "memory_expected": expected})
        print(f"{own[0]:18s} team of 1: {one:6.2f} s  of {ranks}: {many:6.2f} s  speedup {one / max(many, 1e-9):5.2f}   "
              f"memory {memory[own] / 2**20:6.0f} MiB, expected {expected / 2**20:6.0f} MiB + images + libraries",
              flush=True)
    return rows


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART",
                        help="queue: its calls; runs: whole runs, strong and weak; analyses: each on teams, and memory; default: all")
    parser.add_argument("--analyses", nargs="+", choices=ANALYSES, default=ANALYSES, metavar="NAME",
                        help="those to time on teams; default: all, " + ", ".join(ANALYSES))
    parser.add_argument("--binary", type=pathlib.Path, default=root / "build/release/flatsweep")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.bench = options.binary.parent / "flatsweep_bench"
    for program in (options.binary, options.bench):
        if not program.exists():
            parser.error(f"there is no {program}; build it first (tools/build), or name another with --binary")
    with tempfile.TemporaryDirectory() as scratch:
        machine = Machine(options, scratch)
        parts = {"queue": queue_calls, "runs": whole_runs, "analyses": analyses_by_teams}
        result = {name: part(machine) for name, part in parts.items() if name in options.only}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
