"""Figures of Feng & Tu (PNAS 2021) from a flatsweep results file."""

import matplotlib

matplotlib.use("Agg")
