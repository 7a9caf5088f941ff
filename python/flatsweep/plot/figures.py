"""Draws every figure that a results file allows, as PNG and PDF; see docs/figures.md."""

import argparse
import pathlib
import sys

import matplotlib.pyplot as plt

from ..results import NotInFile, Results, ResultsError, one_line
from .registry import FIGURES, drawn
from .subject import open_subject


DPI = 300  # of the PNG, and of what is no vector in the PDF


def draw(name, subject, folder):
    """Draws one figure and returns the paths written."""
    paths = [folder / f"{name}.{kind}" for kind in ("png", "pdf")]

    def save(figure):
        figure.savefig(paths[0], dpi=DPI)
        figure.savefig(paths[1], dpi=DPI, metadata={"CreationDate": None})
        plt.close(figure)

    drawn(FIGURES[name], subject, save)
    return paths


def run(options):
    """Draws what was asked for, printing each path written and each figure left out."""
    folder = options.output or options.results.parent / "figures"
    with Results(options.results) as results:
        subject = open_subject(results, options.replica, options.layer)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name in options.only or FIGURES:
            try:
                written += draw(name, subject, folder)
                print(*written[-2:], sep="\n", flush=True)
            except NotInFile as reason:
                print(f"skipped {name}: {reason}", flush=True)
    if not written:
        raise ResultsError(f"{options.results} holds nothing that could be drawn")


def add_selection(parser):
    """Options that say what is drawn, of this program and of report.py."""
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
    parser.add_argument("results", type=pathlib.Path, metavar="RESULTS.h5")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR", help="default: figures beside the results file")
    add_selection(parser)
    return parser.parse_args(arguments)


def main(arguments=None):
    return exit_code("figures", lambda: run(parse(arguments)))
