"""A bounded part of what fault_injection.py does: kills, a full disk and a damaged file, each followed by a resume with equal results."""
import os
import random
import tempfile
import unittest
from pathlib import Path

import fault_cases
import fault_damage
import fault_owners
from fault_runs import BRIEF, Fault, SOLO
from flatsweep_runs import PCA_ALONE

# Many checkpoints and two stages, in a second or two on two ranks.
QUICK = SOLO | PCA_ALONE | dict(grid__seed=[1, 2, 3, 4], data__train_limit=300, window__opens_at_epoch=150, run__checkpoint_epochs=5,
                                flatness__enabled=True)


class UnderFire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="flatsweep-fire-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder, cls.rng = Path(folder.name), random.Random(int(os.environ.get("FAULT_SEED", "1")))
        cls.fault = Fault(cls.folder)

    def test_signals_at_random_moments(self):
        folder = self.folder / "random"
        folder.mkdir()
        kills = fault_cases.RandomKills(folder, "landscape", self.rng, 3, QUICK)
        self.assertEqual(len(kills.go_on_until(6)), 6)

    def test_sigkill_at_calls_that_change_files(self):
        for study in BRIEF:
            self.assertGreater(len(fault_cases.kill_at_calls(self.folder, study, self.fault, self.rng, every=150)), 0)

    def test_a_full_and_a_failing_disk(self):
        for error in ("ENOSPC", "EIO"):
            self.assertGreater(len(fault_cases.fail_at_calls(self.folder, "noise", self.fault, self.rng, error, every=60)), 0)
        self.assertEqual(len(fault_cases.limit_file_size(self.folder, self.fault, [1e-5, 0.02])), 2)

    def test_ranks_that_can_share_no_memory(self):
        self.assertEqual(len(fault_cases.without_shared_memory(self.folder, self.fault, "noise")), 2)

    def test_a_file_that_is_another_replicas(self):
        states = fault_damage.States(self.folder, self.fault)
        name = "work/000001/training.h5"
        done = states.all_done()
        case = fault_damage.damage_one(states, done, name, "another file in its place", done / "work/000000/training.h5")
        self.assertEqual(case.outcome, "same results, with a warning")

    def test_a_damaged_file_of_progress(self):
        """It is no reason to stop."""
        states = fault_damage.States(self.folder, self.fault)
        other = states.all_done() / "work/000000/done.h5"
        for damage in fault_damage.DAMAGES:
            case = fault_damage.damage_one(states, states.all_done(), "progress.csv", damage, other)
            self.assertIn(case.outcome, ("same results", "same results, with a warning"), damage)

    def test_a_folder_that_is_moved_and_a_second_job(self):
        self.assertEqual(len(fault_owners.moved_folder(self.folder)), 1)
        for how in ("lock removed", "ENOLCK"):
            self.assertEqual(len(fault_owners.second_job(self.folder, self.fault, how)), 1)

    def test_files_of_another_run(self):
        self.assertEqual(len(fault_owners.foreign_files(self.folder, self.fault, ["000000", "cross"])), 2)

    def test_errors_that_lose_nothing(self):
        kinds = [("fallocate", "524"), ("syncfolder", "ENOSYS"), ("renamefolder", "EXDEV"), ("close", "EINTR")]
        self.assertEqual(len(fault_owners.harmless_errors(self.folder, self.fault, kinds)), len(kinds))
        self.assertEqual(len(fault_owners.no_blocks(self.folder, self.fault)), 1)
        self.assertEqual(len(fault_owners.links_in_place(self.folder)), 1)


if __name__ == "__main__":
    unittest.main()
