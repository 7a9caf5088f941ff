#!/usr/bin/python3
"""Writes one HTML page with all of a run: facts, tables, every figure that its results allow; see docs/figures.md."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from flatsweep.report.report import main  # noqa: E402, of the tree

if __name__ == "__main__":
    sys.exit(main())
