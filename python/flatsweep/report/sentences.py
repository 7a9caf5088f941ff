"""The sentences of result at the head of the report, of each of the three studies."""

import collections

from ..results import one_line
from . import findings, summaries

METHODS = {"none": "without a penalty", "l2": "with an L2 penalty", "ewc": "with elastic weight consolidation", "ldc": "with constraints from variances",
           "ldc-flatness": "with constraints from flatness"}


def sentences(results):
    """What the run found; what cannot be read is left to the tables to tell of."""
    made = [outcome(results)]
    for study in (findings.landscape, continual, noise):
        try:
            made += study(results)
        except Exception as error:  # of a file that is damaged, or not of flatsweep
            made.append(f"The numbers of /summary cannot be put into sentences: {one_line(error)}.")
    return made


def outcome(results):
    counts = collections.Counter(map(str, results.grid["status"]))
    total, done = sum(counts.values()), counts.pop("done", 0)
    text = {1: "The network", 2: "Both networks"}.get(total, f"All {total} networks")
    if done == total:
        return f"{text} finished."
    rest = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"Of {total} replicas {done} finished; {rest}."


def percent(value, error):
    return f"{100 * value:.2f}" + (f" ± {100 * error:.2f}" if error == error else "") + " %"


def continual(results):
    """Each method at its best, best first."""
    group = results.file.get("summary/continual/least")
    if group is None:
        return
    data = summaries.columns_of(group, len(group["average_error"]))
    rows = sorted(summaries.best_rows(results.file, data), key=lambda row: data["average_error"][row])
    best = {}
    for row in rows:
        best.setdefault(str(data["method"][row]), row)
    parts = [f"{percent(data['average_error'][row], data['average_error_se'][row])} {METHODS.get(method, f'with {method}')}{count(data, row)}"
             for method, row in best.items()]
    yield f"After all tasks the average test error is at best {', '.join(parts)}."


def count(data, row):
    number = int(data["constraint_count"][row]) if "constraint_count" in data else 0
    return f" ({number} a layer)" if number > 0 else ""


def noise(results):
    """The least test error of every method."""
    group = results.file.get("summary/noise")
    if group is None:
        return
    data = summaries.columns_of(group, len(group["noise_method"]))
    best = {}
    for row in sorted(range(len(data["noise_method"])), key=lambda row: data["test_error"][row]):
        best.setdefault(str(data["noise_method"][row]), row)
    parts = [f"{percent(data['test_error'][row], data['test_error_se'][row])} with {method}" +
             (f" of strength {data['noise_amplitude'][row]:g}" if data["noise_amplitude"][row] else "") for method, row in best.items()]
    yield f"Over the last tenth of the epochs the mean test error is {', '.join(parts)}."
