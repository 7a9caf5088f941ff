#!/usr/bin/python3
"""Draws every figure that a results file allows, as PNG and PDF; see docs/figures.md."""

import argparse
import pathlib
import sys
import warnings

import matplotlib.pyplot as plt

from flatsweep_plots import (continual, curvature, dynamics, filters, first_mode, flatness, hyperparameters,
                             learning_dimension, mlf, noise, nulls, pooled, spectrum, training)
from flatsweep_plots.results import NotInFile, Results, ResultsError, one_line, open_subject

FIGURES = {
    function.__name__: function
    for function in (spectrum.fig1a, spectrum.fig1b, spectrum.fig1c, flatness.fig2_profiles,
                     flatness.fig2_variance_flatness, hyperparameters.fig2d_hyperparameters, training.figS01a,
                     training.figS01b, training.figS02, first_mode.figS03, curvature.figS04, mlf.figS05, mlf.figS06,
                     dynamics.figS07, dynamics.figS08, flatness.figS09, flatness.figS09d, dynamics.figS10,
                     dynamics.figS11, filters.figS12, continual.figS13, continual.figS14, noise.figS15, learning_dimension.figS16, nulls.fig_window_scan,
                     nulls.fig_sampling, nulls.fig_held_out, pooled.fig_pooled_pca, curvature.fig_noise_curvature,
                     curvature.fig_network_curvature, continual.fig_forgetting)
}


def drawn(function, subject, save):
    """What `save` makes of a figure. Data that no figure can be drawn from, as a column of NaN, leave it out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of matplotlib and numpy, about axes without data
            return save(function(subject))
    except (NotInFile, OSError):
        raise
    except Exception as error:
        raise NotInFile(f"its data cannot be drawn: {one_line(error)}") from error
    finally:
        plt.close("all")


def draw(name, subject, folder):
    """Draws one figure and returns the paths written."""
    paths = [folder / f"{name}.{kind}" for kind in ("png", "pdf")]

    def save(figure):
        figure.savefig(paths[0], dpi=150)
        figure.savefig(paths[1], dpi=300, metadata={"CreationDate": None})

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
    """Of a program that does `work`: 0, or 2 and one line on stderr where results cannot be read or hold nothing."""
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


if __name__ == "__main__":
    sys.exit(main())
