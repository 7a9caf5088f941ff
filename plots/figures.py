#!/usr/bin/python3
"""Draws every figure that a results file allows, as PNG and PDF; see docs/figures.md."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from flatsweep.plot.figures import main  # noqa: E402, of the tree

if __name__ == "__main__":
    sys.exit(main())
