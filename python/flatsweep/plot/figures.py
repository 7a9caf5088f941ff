"""Draws every figure that a results file allows, as PNG and PDF; see docs/figures.md."""

import argparse
import pathlib
import sys

import matplotlib.pyplot as plt

from ..opening import results_of
from ..results import NotInFile, ResultsError, one_line
from .registry import FIGURES, drawn
from .subject import open_subject


DPI = 300  # of the PNG, and of what is no vector in the PDF


def draw(name, subject, folder):
    """Draws one figure in both kinds."""
    def save(figure):
        figure.savefig(folder / f"{name}.png", dpi=DPI)
        figure.savefig(folder / f"{name}.pdf", dpi=DPI, metadata={"CreationDate": None})
        plt.close(figure)

    drawn(FIGURES[name], subject, save)


def run(options):
    """Draws what was asked for, printing the paths written and which figures are left out; why, where they were asked for by name."""
    with results_of(options.results) as results:
        folder = options.output or results.folder / "figures"
        subject = open_subject(results, options.replica, options.layer)
        folder.mkdir(parents=True, exist_ok=True)
        names, left_out = options.only or FIGURES, []
        for name in names:
            try:
                draw(name, subject, folder)
                print(folder / f"{name}.{{png,pdf}}", flush=True)
            except NotInFile as reason:
                left_out.append(name)
                if options.only:
                    print(f"skipped {name}: {reason}", flush=True)
    if left_out and not options.only:
        print(f"without data for {len(left_out)} other figures (--only NAME says what one needs): {' '.join(left_out)}")
    if len(left_out) == len(names):
        raise ResultsError(f"{options.results} holds nothing that could be drawn")


def add_selection(parser):
    """What says what is drawn, of this program and of report.py."""
    parser.add_argument("results", type=pathlib.Path, metavar="RUN", help="folder of a run, also of one in progress, or its results.h5")
    parser.add_argument("--only", nargs="+", choices=list(FIGURES), metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--replica", type=int, metavar="ID", help="row of /grid; default: the first that finished")
    parser.add_argument("--layer", help="default: fc2, or else the first that was analysed")


def exit_code(name, work):
    """Of a program that does `work` without opening a window: 0, or 2 and one line on stderr where results cannot be read or
    hold nothing."""
    plt.switch_backend("Agg")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names may hold what the terminal cannot show
    try:
        work()
        sys.stdout.flush()
    except (ResultsError, NotInFile, OSError) as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Exception as error:
        print(f"{name}: the file cannot be used: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR", help="default: figures beside the results")
    add_selection(parser)
    return parser.parse_args(arguments)


def main(arguments=None):
    return exit_code("figures", lambda: run(parse(arguments)))
