"""The part of the report that can be explored: heat maps, a table of replicas, and each replica opened; data and programs."""

import json
import pathlib

from .. import names
from ..results import one_line
from . import library, overview_data, replica_data
from .page import element

ASSETS = pathlib.Path(__file__).with_name("assets")
PROGRAMS = ("parts.js", "charts.js", "table.js", "heatmap.js", "profile.js", "replica.js", "main.js")
SECTIONS = [("heat-map", "Heat map"), ("replicas", "Replicas"), ("replica", "One replica")]


def data(results, layer):
    """What the programs read: the table of replicas, tables of methods, and each replica packed. Replicas that differ in the assumed
    exponent alone share one pack."""
    found = overview_data.quantities(results)
    packs, of = packed_replicas(results)
    statuses = results.grid[names.STATUS].tolist()
    return {"axes": overview_data.axes(results), "status": statuses, "quantities": found, "first": overview_data.first_columns(found, layer),
            "tables": overview_data.tables(results), "layer": layer, "packs": packs, "of": of,
            "messages": {str(number): message for number, message in messages(results)}}


def messages(results):
    for number, status in enumerate(results.grid[names.STATUS]):
        group = results.file.get(names.replica_path(number))
        if status != names.DONE and group is not None and "message" in group.attrs:
            yield number, str(group.attrs["message"])


def packed_replicas(results):
    """The packs, and which one every replica has (None: it left no numbers)."""
    alone = [results.grid[name] for name in results.axes if name not in names.ASSUMED]
    groups, of, place = [], [], {}
    for number in range(len(results.grid[names.STATUS])):
        path = names.replica_path(number)
        key = (tuple(str(values[number]) for values in alone), str(results.grid[names.STATUS][number]))
        if path not in results.file:
            of.append(None)
            continue
        if key not in place:
            place[key] = len(groups)
            groups.append(results.file[path])
        of.append(place[key])
    detail = replica_data.detail_for([count for group in groups for count in counted(group)])
    return [replica_data.packed(read_replica(group, detail)) for group in groups], of


def counted(group):
    try:
        return replica_data.directions_of(group)
    except Exception:  # of a replica that is damaged: read_replica says what is wrong with it
        return [0]


def read_replica(group, detail):
    """Of a replica that cannot be read, why."""
    try:
        return replica_data.replica(group, detail)
    except Exception as error:
        return {"trouble": one_line(error)}


def sections(results, layer):
    """The elements that the programs fill, and the programs: a sentence and none where the library or numbers are not to be had."""
    chart = library.source()
    if chart is None:
        return note(f"This page cannot be explored, since the plotting library Chart.js was not found: {library.HINT}."), []
    try:
        text = json.dumps(data(results, layer), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    except Exception as error:  # of a file that is damaged, or not of flatsweep
        return note(f"This page cannot be explored, since the file's numbers cannot be read: {one_line(error)}."), []
    own = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in PROGRAMS)
    body = [element("noscript", element("p", "Heat maps and single replicas need a browser that runs scripts.", class_="note"))]
    body += [element("section", element("h2", title, id=identity, tabindex="-1"), element("div", id=f"{identity}-view"), class_="explorer",
                     hidden="hidden") for identity, title in SECTIONS]
    return body, [("application/json", "explorer-data", text), ("", "", chart), ("", "", f"(() => {{\n\"use strict\";\n{own}}})();")]


def note(text):
    return [element("p", text, class_="note")]
