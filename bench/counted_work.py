"""What was done while the clock ran, counted where it is done, so that two programs are compared on the same work only."""
import collections
import time

DONE = collections.Counter()  # what the work at hand has done so far


class UnequalWork(Exception):
    """Two times that must not be compared, and why."""


def count(**what):
    """Adds to what has been done: count(steps=1, samples=50)."""
    DONE.update(what)


class Timing:
    """Seconds, and what was done in them."""

    def __init__(self, seconds, work):
        self.seconds, self.work = seconds, work

    def per(self, what):
        """Of one step where `what` is "steps": seconds and the other counts as their means."""
        number = self.work[what]
        return Timing(self.seconds / number, {name: value / number for name, value in self.work.items()})


def timed(function):
    DONE.clear()
    start = time.perf_counter()
    function()
    return Timing(time.perf_counter() - start, dict(DONE))


def fastest(function, times):
    """The fastest of some repetitions of the same work."""
    timings = [timed(function) for _ in range(times)]
    for timing in timings[1:]:
        refuse_unequal("repetitions", timings[0].work, timing.work)
    best = min(timings, key=lambda timing: timing.seconds)
    return Timing(best.seconds, {**best.work, "fastest_of": times})


def refuse_unequal(name, ours, theirs):
    """@throws UnequalWork unless both sides counted the same things and as many of each"""
    different = [f"{what} {ours.get(what, 'not counted')} against {theirs.get(what, 'not counted')}"
                 for what in sorted({*ours, *theirs}) if ours.get(what) != theirs.get(what)]
    if different or not ours:
        raise UnequalWork(f"{name}: the two sides did different work ({'; '.join(different) or 'none was counted'}); "
                          "their times are not compared")
