#!/usr/bin/python3
"""Works that differ are not compared; and flatsweep_bench counts what it does.

FLATSWEEP_BENCH names the program; without it only the comparison itself is tested.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from counted_work import UnequalWork, count, fastest, refuse_unequal, timed

SAMPLE = pathlib.Path(__file__).resolve().parents[1] / "data/mnist-sample"


def steps(number, samples):
    for _ in range(number):
        count(steps=1, samples=samples)


class Counts(unittest.TestCase):
    def test_are_of_what_was_timed_alone(self):
        steps(3, 7)
        self.assertEqual(timed(lambda: steps(200, 50)).work, {"steps": 200, "samples": 10000})

    def test_of_one_step_are_means(self):
        timing = timed(lambda: steps(4, 50)).per("steps")
        self.assertEqual(timing.work, {"steps": 1, "samples": 50})

    def test_of_the_fastest_repetition_say_how_many_there_were(self):
        self.assertEqual(fastest(lambda: steps(2, 5), 3).work, {"steps": 2, "samples": 10, "fastest_of": 3})


class UnequalWorks(unittest.TestCase):
    def test_equal_ones_are_compared(self):
        refuse_unequal("mlp_epoch", {"steps": 200, "samples": 10000}, {"samples": 10000.0, "steps": 200})

    def test_other_numbers_of_samples_are_refused(self):
        with self.assertRaisesRegex(UnequalWork, "mlp_epoch: .*samples 10000 against 60000; steps 200 against 1200"):
            refuse_unequal("mlp_epoch", {"steps": 200, "samples": 10000}, {"steps": 1200, "samples": 60000})

    def test_what_one_side_does_not_count_is_refused(self):
        with self.assertRaisesRegex(UnequalWork, "steps 1 against not counted"):
            refuse_unequal("s1b_step", {"steps": 1, "samples": 50}, {"samples": 50})
        with self.assertRaisesRegex(UnequalWork, "none was counted"):
            refuse_unequal("pca", {}, {})

    def test_repetitions_that_differ_are_refused(self):
        numbers = iter((1, 2))
        with self.assertRaises(UnequalWork):
            fastest(lambda: steps(next(numbers), 1), 2)


@unittest.skipUnless("FLATSWEEP_BENCH" in os.environ, "FLATSWEEP_BENCH does not name the program")
class OurSide(unittest.TestCase):
    def work(self, name):
        done = subprocess.run([os.environ["FLATSWEEP_BENCH"], name, "--data", SAMPLE], check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout.splitlines()[-1])["work"]

    def test_counts_the_images_that_there_are(self):
        self.assertEqual(self.work("mlp_epoch_b500"), {"steps": 20, "samples": 10000, "fastest_of": 5})


if __name__ == "__main__":
    unittest.main()
