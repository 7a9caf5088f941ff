"""The folder of a job that still runs, as a results file whose groups are links to the files that stages have left."""

from __future__ import annotations

import io
import itertools
import pathlib
import re
import tempfile
import tomllib
import weakref
from typing import TYPE_CHECKING, Any, Iterator

import h5py
import numpy as np

from . import names
from .results import MLP, Results, ResultsError, text

if TYPE_CHECKING:
    import pandas

CONFIGURATION = "work/fingerprint.toml"
END = "done"                                            # the stage file that says how a replica ended
UNFINISHED = ("checkpoint", "checkpoint-previous", "window", END)  # they hold no group of the results
RUNNING, WAITING = "running", "waiting"
PROGRESS = "progress.csv"
COLUMNS = b"time,replica,stage,fraction,done,epoch,train_loss,train_error,test_loss,test_error\n"
NUMBER = r"-?(?:nan|inf|\d+(?:\.\d+)?(?:e[-+]\d+)?)"
LINE = re.compile(  # of that file, as a run writes it
    rf"\d{{4}}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{{3}}Z,-?\d{{1,9}},[^,]+(?:,[01]\.\d{{4}}){{2}},(?:,,,,|\d{{1,9}}(?:,{NUMBER}){{4}})\n"
    .encode())
WITHOUT_NOISE = ("sgd", "gd")  # methods of the study "noise" that appear once, whatever the strengths are


def running_results(folder: pathlib.Path) -> Results:
    """What the job in `folder` has finished so far."""
    try:
        config = tomllib.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{folder / CONFIGURATION} cannot be read ({error}); wait until the run has begun") from None
    rows = grid_rows(config)
    check_count(folder, rows)
    place = tempfile.TemporaryDirectory(prefix="flatsweep-")
    path = pathlib.Path(place.name) / "so_far.h5"
    with h5py.File(path, "w") as file:
        file.attrs["config"] = (folder / CONFIGURATION).read_text(encoding="utf-8")
        write_replicas(file, folder, rows)
    results = Results(folder, h5py.File(path, "r"))
    weakref.finalize(results, place.cleanup)
    return results


def progress_lines(folder: pathlib.Path) -> pandas.DataFrame:
    """Every whole line of progress.csv that a run writes; one that is being written is none, nor is what damage left."""
    import pandas

    path = folder / PROGRESS
    if not path.is_file():
        raise ResultsError(f"{path} is not there or no file; runs of earlier versions have none")
    try:
        written = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror}") from None
    lines = filter(LINE.fullmatch, written.splitlines(keepends=True))
    return pandas.read_csv(io.BytesIO(b"".join([COLUMNS, *lines])), parse_dates=["time"], dtype={"epoch": "Int64"})


def grid_rows(config: dict[str, Any]) -> list[dict[str, Any]]:
    """One for each replica. The axes stand in the configuration in the order of the grid, the last varies fastest."""
    axes = config.get("grid", {})
    fixed = {name: setting(config, name) for name in names.COLUMNS if name not in axes}
    rows = [fixed | dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    return list({tuple(row.values()): row for row in map(as_in_results, rows)}.values())


def as_in_results(row: dict[str, Any]) -> dict[str, Any]:
    """What does not apply to a row is 0 there, and a list of layers one text."""
    if isinstance(row["architecture"], list):
        row["architecture"] = ", ".join(row["architecture"])
    if "temperature" in row:  # in place of the learning rate
        row["learning_rate"] = float(f"{row['temperature'] * row['batch_size']:.12g}")
    if row["architecture"] != MLP:
        row["width"] = row["hidden_layers"] = 0
    if row.get("noise_method") in WITHOUT_NOISE:
        row["noise_amplitude"] = 0.0
    return {name: value for name, value in row.items() if value is not None}


def setting(config: dict[str, Any], name: str) -> Any:
    """The value of the first table that has a key of this name. A list is one only of layers: others belong to a study."""
    values = (table[name] for key, table in config.items() if isinstance(table, dict) and key != "grid" and name in table)
    return next((value for value in values if not isinstance(value, list) or name == "architecture"), None)


def check_count(folder: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    """The job itself says in its log how many replicas there are."""
    log = folder / "log.txt"
    said = re.findall(r"grid +(\d+) replicas", log.read_text(encoding="utf-8", errors="replace")) if log.is_file() else []
    if said and int(said[-1]) != len(rows):
        raise ResultsError(f"{folder} holds a run of {said[-1]} replicas whose rows are not simply all combinations of its "
                           f"axes ({len(rows)}); open it when it is finished")


def write_replicas(file: h5py.File, folder: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    statuses = []
    for number, unit in enumerate(units(rows)):
        group = file.create_group(names.replica_path(number))
        statuses.append(link_stages(group, folder / "work" / names.ID.format(unit)))
        group.attrs.update(rows[number] | {names.STATUS: statuses[-1]})
    grid = file.create_group(names.GRID, track_order=True)
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {names.STATUS: statuses}
    for name, values in columns.items():
        array = np.array(values)
        grid[name] = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array


def units(rows: list[dict[str, Any]]) -> Iterator[int]:
    """For each replica the first one that differs in the assumed exponent alone: they share its folder."""
    first: dict[tuple[Any, ...], int] = {}
    for number, row in enumerate(rows):
        key = tuple(value for name, value in row.items() if name not in names.ASSUMED)
        yield first.setdefault(key, number)


def link_stages(replica: h5py.Group, folder: pathlib.Path) -> str:
    """Links everything that the stages have left in `folder`; returns the status of the replica."""
    if not folder.is_dir():
        return WAITING
    status = RUNNING
    for path in sorted(folder.glob("*.h5")):
        try:
            with h5py.File(path, "r") as stage:
                if path.stem == END:
                    replica.attrs.update({key: value for key, value in stage.attrs.items() if key != names.STATUS})
                    status = text(stage.attrs[names.STATUS])
                elif path.stem not in UNFINISHED:
                    link(replica, stage, path)
        except OSError:
            continue  # replaced or removed since the folder was listed
    return status


def link(replica: h5py.Group, stage: h5py.File, path: pathlib.Path) -> None:
    """`training/epoch`, `pca/fc2`: what stands below the groups of one stage, beside that of other stages."""
    replica.attrs.update(stage.attrs)
    for name, group in stage.items():
        below = replica.require_group(name)
        below.attrs.update(group.attrs)
        for child in group:
            below[child] = h5py.ExternalLink(path.resolve(), f"/{name}/{child}")
