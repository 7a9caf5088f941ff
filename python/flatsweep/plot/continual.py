"""Figures S13 and S14: learning a second task without forgetting the first."""

import numpy as np

from . import style
from .. import names
from ..results import NotInFile

# What makes one curve over N_c or lambda, and how it is called.
FAMILY = ("method", "psi", "trained", "biases", "held", "leading_mode")
NAMES = {"none": "no penalty", "l2": "L2", "ldc": "LDC", "ldc-flatness": "LDC, measured $F_i$", "ewc": "EWC",
         "ewc-empirical": "EWC, empirical Fisher", "ewc-batched": "EWC, batched Fisher", "laplace": "whole Fisher matrix"}


class Table:
    """Rows of /summary/continual or its group `least` that belong to the subject's grid point."""

    def __init__(self, group, subject):
        self.columns = {name: group.array(name) for name in group.group if name not in ("task", "point", "path", "least")}
        point = {key: subject.results.grid[key][subject.replica] for key in subject.results.axes
                 if key in self.columns and key not in names.NOT_OF_A_POINT}
        self.rows = [row for row in range(len(self["method"])) if all(self[key][row] == value for key, value in point.items())]

    def __getitem__(self, name):
        return self.columns[name]

    def family(self, row):
        return tuple(str(self[name][row]) for name in FAMILY)

    def families(self):
        """{family: its rows}, in the order of the file."""
        found = {}
        for row in self.rows:
            found.setdefault(self.family(row), []).append(row)
        return found

    def label(self, family):
        """The method, and whatever else differs between its families."""
        method, psi, trained, biases, held, first_mode = family
        words = [NAMES.get(method, method)]
        seen = [set(values) for values in zip(*(other for other in self.families() if other[0] == method))]
        if psi != "nan" and len(seen[1]) > 1:
            words.append(rf"$\psi$ = {float(psi):g}")
        for value, values, text in ((trained, seen[2], "{} trained"), (biases, seen[3], "biases {}"), (held, seen[4], "{} held"),
                                    (first_mode, seen[5], "mode 1 {}")):
            if len(values) > 1:
                words.append(text.format(value))
        return ", ".join(words)


def tables(subject):
    return tuple(Table(subject.results.group(path), subject) for path in ("summary/continual", "summary/continual/least"))


def bars(axes, x, y, error, colour, marker, label, **how):
    axes.errorbar(x, y, yerr=np.where(np.isfinite(error), error, 0), fmt=marker + "-", color=colour, label=label,
                  markersize=3, capsize=1.5, elinewidth=0.7, linewidth=0.9, **how)


def figS13(subject):
    """Average test error of both tasks against 10^psi lambda of LDC for every psi, a panel for every N_c; dotted:
    without a penalty.
    """
    points, _ = tables(subject)
    families = {family: rows for family, rows in points.families().items() if family[0] == "ldc"}
    if len({family[1] for family in families}) < 2:
        raise NotInFile("the file has LDC with fewer than two psi")
    counts = np.unique([points["constraint_count"][row] for rows in families.values() for row in rows])
    figure, axes = style.axes(height=2.6, width=min(style.PAGE, style.COLUMN * len(counts)), ncols=len(counts),
                              squeeze=False, sharey=True)
    for panel, count in zip(axes[0], counts):
        for number, (family, rows) in enumerate(families.items()):
            rows = [row for row in rows if points["constraint_count"][row] == count]
            bars(panel, points["normalised_lambda"][rows], 100 * points["average_error"][rows],
                 100 * points["average_error_se"][rows], style.colour(number), style.marker(number), points.label(family))
        draw_references(panel, points)
        panel.set(xscale="log", xlabel=r"$\tilde\lambda = 10^\psi\lambda$", title=f"$N_c$ = {count}")
    axes[0, 0].set_ylabel(r"average test error $\langle\epsilon\rangle$ (%)")
    axes[0, 0].legend()
    figure.suptitle(setting(subject), fontsize=8)
    return figure


def setting(subject):
    """The network, and the layers whose weights were held."""
    return subject.common(*(subject.results.layers(subject.replica, "constraints") or subject.results.layers(subject.replica, "pca")))


def draw_references(axes, points):
    """Lines at the average error without a penalty."""
    for row in points.rows:
        if points["method"][row] == "none":
            axes.axhline(100 * points["average_error"][row], color=style.GREY, linewidth=0.8, linestyle=":")


def figS14(subject):
    """Left: second-task against first-task test error along the strength, each method at its best N_c; right: the
    least average error against N_c, a ring at N_c*.
    """
    points, least = tables(subject)
    names = [family for family in points.families()]
    if len({family[0] for family in names} - {"none"}) < 2:
        raise NotInFile("the file compares fewer than two ways to hold on to the first task")
    figure, (paths, counts) = style.axes(height=3.0, width=style.PAGE, ncols=2)
    for number, family in enumerate(names):
        look = style.colour(number), style.marker(number)
        draw_path(paths, points, least, family, look)
        draw_counts(counts, least, family, look)
    paths.set(xlabel=r"first task's test error $\epsilon_1$ (%)", ylabel=r"second task's test error $\epsilon_2$ (%)",
              title=title(subject))
    for interval, scale in ((paths.dataLim.intervalx, paths.set_xscale), (paths.dataLim.intervaly, paths.set_yscale)):
        if interval[1] > 10 * max(interval[0], 1):  # over less than a decade such an axis has no labels
            scale("symlog", linthresh=1)
    counts.set(xscale="log", xlabel="constraints per layer $N_c$",
               ylabel=r"least average test error $\langle\epsilon\rangle$ (%)")
    legend(counts)
    figure.suptitle(setting(subject), fontsize=8)
    return figure


def legend(axes):
    """Beside the axes, the last of their row, where it would cover what they show."""
    count = len(axes.get_legend_handles_labels()[0])
    beside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "ncol": 1 + count // 16} if count > 6 else {}
    axes.legend(fontsize=6, **beside)


def title(subject):
    tasks = subject.results.group(f"replica/{subject.replica:06d}/continual").group.attrs["tasks"]
    return "tasks " + str(tasks).replace("; ", " | ").replace(" ", ",").replace(",|,", " | ")


def draw_path(axes, points, least, family, look):
    """The errors along lambda at the family's best N_c."""
    best = min(least.families()[family], key=lambda row: least["average_error"][row])
    count = least["constraint_count"][best]
    rows = [row for row in points.families()[family] if points["constraint_count"][row] == count]
    error, spread = 100 * points["test_error"][rows], 100 * np.nan_to_num(points["test_error_se"][rows])
    label = points.label(family) + (f", $N_c$ = {count}" if count else "")
    axes.errorbar(error[:, 0], error[:, 1], xerr=spread[:, 0], yerr=spread[:, 1], fmt=look[1] + "-", color=look[0],
                  markersize=3, linewidth=0.8, elinewidth=0.5, capsize=1, label=label)


def draw_counts(axes, least, family, look):
    rows = least.families()[family]
    error, spread = 100 * least["average_error"][rows], 100 * least["average_error_se"][rows]
    label = least.label(family)
    if len(rows) == 1 and least["constraint_count"][rows[0]] == 0:
        axes.axhline(error[0], color=look[0], linewidth=0.8, linestyle=":", label=label)
        return
    bars(axes, least["constraint_count"][rows], error, spread, *look, label)
    enough = least["enough_constraints"][rows[0]]
    at = [row for row in rows if least["constraint_count"][row] == enough]
    axes.plot(enough, 100 * least["average_error"][at[0]], look[1], color=look[0], markersize=8, fillstyle="none")


def fig_forgetting(subject):
    """Test error of every task against epochs since the first, each method at its best point, one replica."""
    points, least = tables(subject)
    curves = subject.results.group(f"replica/{subject.replica:06d}/continual")
    epoch, error = curves.array("epoch"), 100 * curves.array("test_error")
    families = least.families()
    figure, axes = style.axes(height=2.4, width=style.PAGE, ncols=error.shape[2], squeeze=False, sharey=True)
    for number, family in enumerate(families):
        best = min(families[family], key=lambda row: least["average_error"][row])
        row = same_point(points, least, best)
        for task, panel in enumerate(axes[0]):
            panel.plot(epoch, error[row, :, task], style.line(number), color=style.colour(number), label=points.label(family))
            panel.set(xlabel="epochs since the first task", title=f"task {task + 1}")
    axes[0, 0].set_ylabel("test error (%)")
    legend(axes[0, -1])
    figure.suptitle(setting(subject), fontsize=8)
    return figure


def same_point(points, least, best):
    """Number of the best point among those of a replica, which are in the order of the summary's rows."""
    keys = (*FAMILY, "constraint_count", "strength")
    return next(number for number, row in enumerate(points.rows)
                if all(str(points[key][row]) == str(least[key][best]) for key in keys))
