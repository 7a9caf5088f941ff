#!/usr/bin/env python3
"""Runs under fire: kills ranks and whole jobs at random moments and at chosen calls, fills and breaks the disk, damages files.
Every run that is resumed must end with the bits of one that nothing happened to; docs/reliability.md has the figures.

    tests/app/fault_injection.py --binary build/release/flatsweep --kills 60 --study all

Python 3 with h5py, cc, and h5dump must be there; the small full disks need root.
"""
import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path


PARTS = ["random", "calls", "disk", "damage", "owners", "errors"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("FLATSWEEP_BINARY", "build/release/flatsweep"))
    parser.add_argument("--kills", type=int, default=50, help="kills at random moments, of each study (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--ranks", type=int, default=3, help="most ranks of a run (3)")
    parser.add_argument("--study", choices=["landscape", "continual", "noise", "all"], default="all")
    parser.add_argument("--every", type=int, default=1, help="try one in n of the chosen calls and damages (1: all)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    return parser.parse_args()


options = arguments()
os.environ["FLATSWEEP_BINARY"] = str(Path(options.binary).resolve())
os.environ.setdefault("FLATSWEEP_MPIEXEC", "mpiexec")
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMPI_MCA_rmaps_base_oversubscribe="1",
                  OMPI_MCA_hwloc_base_binding_policy="none", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

import fault_cases as cases    # noqa: E402  they read FLATSWEEP_BINARY
import fault_damage as damage  # noqa: E402
import fault_owners as owners  # noqa: E402
from fault_runs import Fault   # noqa: E402


class Campaign:
    def __init__(self, folder):
        self.folder, self.rng, self.fault = folder, random.Random(options.seed), Fault(folder)
        self.failures = 0

    def part(self, title, work):
        """Goes on after a failure, so that one run shows all of them."""
        began = time.monotonic()
        print(f"\n{title}", flush=True)
        try:
            done = work()
        except AssertionError as error:
            self.failures += 1
            return print(f"  FAILED: {error}", flush=True)
        report(done)
        print(f"  {len(done)} cases in {time.monotonic() - began:.0f} s, all with the same results in the end", flush=True)

    def random_kills(self, study):
        kills = cases.RandomKills(self.folder / study, study, self.rng, options.ranks)
        done = kills.go_on_until(options.kills)
        print(f"  {len(done)} kills of {kills.runs} runs, {kills.resumes} resumes; undisturbed: {kills.duration:.1f} s")
        return done

    def run(self):
        studies = ["landscape", "continual", "noise"] if options.study == "all" else [options.study]
        rng, fault, every, folder = self.rng, self.fault, options.every, self.folder
        for study in studies:
            if "random" in options.only:
                (folder / study).mkdir()
                self.part(f"{study}: kills at random moments", lambda: self.random_kills(study))
            if "calls" in options.only:
                self.part(f"{study}: SIGKILL at calls that change files",
                          lambda: cases.kill_at_calls(folder, study, fault, rng, every))
            if "disk" in options.only:
                for error in ("ENOSPC", "EIO"):
                    self.part(f"{study}: {error} at calls that change files",
                              lambda: cases.fail_at_calls(folder, study, fault, rng, error, every))
        if "landscape" not in studies:
            return
        if "calls" in options.only:
            self.part("SIGKILL of one of three ranks while they write results.h5",
                      lambda: cases.kill_one_rank_at_results(folder, fault))
        if "disk" in options.only:
            self.disks()
        if "damage" in options.only:
            self.part("damaged files", lambda: damage.damage_files(folder, fault, rng, every))
            self.part("bits of results.h5", lambda: damage.flip_bytes_of_results(folder, rng, 60))
            self.part("files of another run", lambda: owners.foreign_files(folder, fault))
        if "owners" in options.only:
            self.owners()
        if "errors" in options.only:
            self.part("errors that lose nothing", lambda: owners.harmless_errors(folder, fault))
            self.part("a file system without blocks", lambda: owners.no_blocks(folder, fault))
            self.part("links under the names of a run", lambda: owners.links_in_place(folder))

    def owners(self):
        folder, fault = self.folder, self.fault
        for ranks in (0, 2):
            self.part(f"a folder that is moved under {ranks or 1} ranks", lambda: owners.moved_folder(folder, ranks))
        self.part("a folder that is removed", lambda: owners.removed_folder(folder))
        for how in ("lock removed", "ENOLCK", "ENOSYS", "EOPNOTSUPP", "524"):
            self.part(f"a second job: {how}", lambda: owners.second_job(folder, fault, how))
        self.part("lock and owner removed", lambda: owners.both_guards_removed(folder))
        self.part("the owner of a killed job", lambda: owners.owner_of_a_dead_job(folder, fault))

    def disks(self):
        folder = self.folder
        self.part("no shared memory", lambda: cases.without_shared_memory(folder, self.fault, "landscape"))
        self.part("file size limits", lambda: cases.limit_file_size(folder, self.fault, [1e-5, 0.001, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9, 0.99]))
        if not cases.SmallDisk.allowed():
            return print("full disks: not without root")
        self.part("a disk that fills up", lambda: cases.fill_the_disk(folder, self.rng, 10, 8.0))
        self.part("a disk that is too small", lambda: cases.too_small_from_the_start(folder))


def report(done):
    for what in ("kind", "place", "outcome"):
        counts = Counter(getattr(case, what) for case in done)
        if len(counts) <= 60:
            print(f"  by {what}: " + ", ".join(f"{name}: {count}" for name, count in sorted(counts.items(), key=str)))


def main():
    with tempfile.TemporaryDirectory(prefix="flatsweep-fire-") as folder:
        campaign = Campaign(Path(folder))
        campaign.run()
        print(f"\n{campaign.failures} parts failed" if campaign.failures else "\nall parts passed")
        return 1 if campaign.failures else 0


if __name__ == "__main__":
    sys.exit(main())
