"""The few names of results.h5 that this package knows by itself; all others it finds in the file."""

from __future__ import annotations

from collections.abc import Iterable

GRID, REPLICA, SUMMARY = "grid", "replica", "summary"
ID = "{:06d}"
STATUS, DONE = "status", "done"
UNSOLVED = "unsolved"  # trained, but no solution was found, so that nothing is analysed

# The column that names networks made elsewhere, which have no axes beside those that their users gave them.
MODEL = "model"

# Layer that is shown where none was named, if it was analysed; else the first that was.
USUAL_LAYER = "fc2"

# Columns of Run.grid beside those of /grid: of the last epoch, and attributes of an analysis of one layer. Where a name is
# taken by an axis, the axis's column is called <name>_assumed.
CURVES = "training"
ENDS = ("train_loss", "train_error", "test_loss", "test_error")
QUANTITIES = {
    "flatness": ("psi", "psi_low", "psi_high", "psi_status", "psi_flags"),
    "pca": ("learning_dimension", "learning_dimension_without_first", "learning_dimension_null", "solution_alignment"),
    "dynamics": ("psi_d", "psi_tau"),
    "nulls": ("walk_psi", "held_out_psi"),
}

# The exponent assumed, which enters after the measurement: replicas that differ in it alone share their numbers.
ASSUMED = ("psi_assumed", "psi")  # the second in files of format_version 1
# Columns that /grid has of every run, also where they are no axes.
COLUMNS = ("architecture", "batch_size", "learning_rate", "width", "hidden_layers", "optimizer", "sampling", "psi_assumed", "seed")
# Columns that follow from axes; they are axes themselves where the configuration lists them.
DERIVED = ("temperature",)
# Axes that figures and titles have words of their own for, or none on purpose.
KNOWN_AXES = (MODEL, *COLUMNS, *DERIVED, *ASSUMED, "noise_method", "noise_amplitude")
# Axes that do not make another grid point of /summary.
NOT_OF_A_POINT = ("seed", *ASSUMED)
# Columns of /grid that are no axes but say how a replica ended; and the index of its rows.
OUTCOMES = (STATUS, "failed_analyses", "epochs_trained", "replica")

# Attributes of HDF5's dimension scales, and the one of a group that says what its others are.
OF_HDF5 = ("CLASS", "NAME", "DIMENSION_LABELS", "DIMENSION_LIST", "REFERENCE_LIST")
DESCRIPTIONS = "attribute_descriptions"

# Endings of the attributes and columns that go with a fitted exponent.
EXPONENT_ENDS = ("_low", "_high", "_points", "_status")


def replica_path(number: int) -> str:
    return f"{REPLICA}/{ID.format(number)}"


def varies(name: str, values: Iterable[object]) -> bool:
    """Whether a column tells its rows apart. What is held without a penalty, "none", the method says already."""
    return len({str(value) for value in values} - ({"none"} if name == "held" else set())) > 1
