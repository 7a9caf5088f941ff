"""The tables of docs/output_reference.md, made from results files: what is in them, and what they say of it."""
import re
from dataclasses import dataclass, field
from pathlib import Path

import h5py

PAGE = Path(__file__).resolve().parents[2] / "docs" / "output_reference.md"
BEGIN, END = re.compile(r"<!-- table: (\S.*) -->"), "<!-- table end -->"

INDEX = "index, counted from 0"
DESCRIPTIONS = "attribute_descriptions"
OF_HDF5 = {"CLASS", "NAME", "DIMENSION_LABELS", "DIMENSION_LIST", "REFERENCE_LIST"}
OF_DATA = {"units", "description", "flag_values", "flag_masks", "flag_meanings", "flag_texts"}
EXPONENT = ("", "_low", "_high", "_points", "_status")
EXPONENT_COLUMN = (*EXPONENT, "_seeds", "_interval")
MEAN_COLUMN = ("", "_low", "_high", "_seeds")

# Words of these columns depend on the run.
FREE_TEXTS = {"architecture", "model", "trained", "held", "layer", "measure", "meaning"}
# In this group names that differ in the first of these words alone, in name and meaning, are one row.
FAMILIES = {
    "replica/000000/mlf/<layer>": ("<quantity>", ("theta_newton", "m_off_diagonal", "m_diagonal", "theta", "gradient")),
    "replica/000000/first_mode/<layer>": ("<form>", ("full", "exponential", "weighted_cumulant", "plain_cumulant")),
    "replica/000000/filters/<layer>": ("<measure>", ("projection", "sparsity", "participation", "effective_filters", "effective_taps")),
    "summary/bases/<layer>": ("<basis>", ("pca", "hessian", "noise", "random", "filters")),
    "replica/000000/mlf/<layer>/closure": ("<name>", ("ensemble_robust", "ensemble_as_printed", "ensemble", "gradient", "weighted", "measured")),
}


@dataclass
class Row:
    name: str
    kind: str
    unit: str
    meaning: str
    words: str = ""


@dataclass
class Node:
    attributes: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)


def general(name):
    """A name with its layer's number left open."""
    return re.sub(r"\b(fc|conv)\d+", r"\1<n>", name)


def general_path(path):
    path = re.sub(r"\b\d{6}\b", "000000", path)
    path = re.sub(r"/(fc|conv)\d+(?=/|$)", "/<layer>", path)
    path = re.sub(r"(network_curvature)/[^/]+", r"\1/<matrix>", path)
    path = re.sub(r"(replica/000000)/bases/<layer>/[^/]+/mlf", r"\1/mlf/<layer>", path)  # the same along the directions of a basis
    path = re.sub(r"(replica/000000/bases/<layer>)/[^/]+", r"\1/<basis>", path)
    return re.sub(r"(correlations)/[^/]+", r"\1/<two quantities>", path)


def described(group):
    """{attribute: (unit, sentence)} from the group's own text."""
    lines = str(group.attrs.get(DESCRIPTIONS, "")).splitlines()
    found = (re.fullmatch(r"(\w+)(?: \((.+?)\))?: (.*)", line) for line in lines)
    return {match[1]: (match[2] or "", match[3]) for match in found}


def attribute_row(group, name, unit, meaning):
    value = group.attrs[name]
    if isinstance(value, str):
        return Row(name, "text", unit, meaning)
    if value.shape:
        return Row(name, "f8 list", unit, meaning)
    kind = "exponent" if all(name + end in group.attrs for end in EXPONENT) else value.dtype.str[1:]
    return Row(name, kind, unit, meaning)


def axes(data):
    if h5py.h5ds.is_scale(data.id):
        return [data.name.rpartition("/")[2]]
    return [axis.label for axis in data.dims]


def data_row(data):
    name = data.name.rpartition("/")[2]
    words = data.attrs.get("flag_meanings", "") if name not in FREE_TEXTS else ""
    kind = "flags" if "flag_masks" in data.attrs else "words" if "flag_meanings" in data.attrs else data.dtype.str[1:]
    return Row(general(name), f"{kind} `[{general(', '.join(axes(data)))}]`", data.attrs.get("units", ""), data.attrs.get("description", ""),
               ", ".join(f"`{word.replace('_', ' ')}`" for word in words.split()))


def add(rows, row):
    """The first file that has a name describes it; axes that others have beside it are named too."""
    there = rows.setdefault(row.name, row)
    if row.kind not in there.kind.split(" or "):
        there.kind += f" or {row.kind}"


def read_group(group, node):
    for name, (unit, meaning) in described(group).items():
        if name in group.attrs:
            add(node.attributes, attribute_row(group, name, unit, meaning))
    for data in group.values():
        if isinstance(data, h5py.Dataset) and data.attrs.get("description") != INDEX:
            add(node.data, data_row(data))


def groups_of(group):
    """The group and those below; of groups that are numbered the first alone."""
    yield group
    below = [item for item in group.values() if isinstance(item, h5py.Group)]
    numbered = bool(below) and below[0].name.rpartition("/")[2] == "000000"
    for item in below[:1] if numbered else below:
        yield from groups_of(item)


def layout(files):
    """{general path: Node} of all groups that have something in them."""
    nodes = {}
    for file in files:
        for group in groups_of(file):
            node = nodes.setdefault(general_path(group.name).lstrip("/") or "/", Node())
            read_group(group, node)
    return {path: node for path, node in nodes.items() if node.attributes or node.data}


def joined_columns(rows, kind, ends):
    """Columns that make one exponent, or one mean over seeds, are one row of that kind."""
    wholes = [name for name in rows if all(name + end in rows for end in ends)]
    parts = {name + end for name in wholes for end in ends[1:]}
    return {name: Row(name, re.sub(r"^\S+", kind, row.kind) if name in wholes else row.kind, row.unit, row.meaning, row.words)
            for name, row in rows.items() if name not in parts}


def joined(rows):
    return joined_columns(joined_columns(rows, "exponent", EXPONENT_COLUMN), "mean", MEAN_COLUMN)


def joined_families(rows, family):
    """Rows that say the same of every member of a family are one."""
    placeholder, members = family or ("", ())
    alike = {}
    for row in rows.values():
        member = next((member for member in members if row.name.startswith(member + "_")), None)
        key = (row.name, row.meaning)
        if member:
            key = (placeholder + row.name[len(member):], re.sub(rf"(?<![a-zA-Z]){member}(?![a-zA-Z_])", placeholder, row.meaning))
        alike.setdefault(key, []).append(row)
    joined = {}
    for (name, meaning), same in alike.items():
        row = same[0] if len(same) == 1 else Row(name, same[0].kind, same[0].unit, meaning, same[0].words)
        for other in same[1:]:
            add({row.name: row}, Row(row.name, other.kind, other.unit, meaning))
        joined[row.name] = row
    return joined


def escaped(text):
    return re.sub(r"([|<>*])", r"\\\1", text)


def line(row):
    new = [word for word in row.words.split(", ") if word.strip("`") not in row.meaning]
    meaning = escaped(row.meaning) + (f": {row.words}" if new and row.words else "")
    unit = f", {row.unit}" if row.unit not in ("", "1") else ""
    return f"| `{row.name}` | {row.kind}{unit} | {meaning} |\n"


def table(head, rows):
    return f"| {head} | type | meaning |\n|---|---|---|\n" + "".join(line(row) for row in rows.values()) if rows else ""


def tables(path, node):
    family = FAMILIES.get(path)
    texts = [table("attribute", joined_families(node.attributes, family)), table("data set", joined_families(joined(node.data), family))]
    return "\n".join(text for text in texts if text)


def page(nodes, text):
    """The page with its tables as they should be, and the paths that it has tables of."""
    lines, paths, inside = [], [], False
    for row in text.splitlines(keepends=True):
        inside = inside and row.strip() != END
        if not inside:
            lines.append(row)
        if match := BEGIN.fullmatch(row.strip()):
            paths.append(match[1])
            lines.append(tables(match[1], nodes.get(match[1], Node())))
            inside = True
    return "".join(lines), paths


# A sentence that begins so needs its neighbour.
POINTERS = re.compile(r"(the same|their|its|it|this|these|those|they|that of|likewise|ditto|other)\b|.*\b(likewise|as above|see above)\b", re.IGNORECASE)


def complaints(files):
    """What a reader of one data set or attribute alone would miss."""
    found = set()
    for file in files:
        def look(name, item):
            attributes = set(item.attrs) - OF_HDF5
            if isinstance(item, h5py.Dataset):
                words = "flag_meanings" in attributes
                sentences = {general_path(name): (item.attrs.get("units", ""), item.attrs.get("description", ""))}
                if sentences[general_path(name)][1] == INDEX:
                    return
                found.update(f"{name}: attribute {other}" for other in attributes - OF_DATA)
            else:
                words, known = None, described(item)
                sentences = {f"{general_path(name)}@{key}": value for key, value in known.items()}
                parts = {key + end for key in known for end in EXPONENT}
                found.update(f"{name}: attribute {other} is not described" for other in attributes - parts - {DESCRIPTIONS})
                found.update(f"{name}: no attribute {other}" for other in set(known) - attributes)
            for place, (unit, sentence) in sentences.items():
                if len(sentence) < 10 and "data.name" not in sentence or POINTERS.match(sentence) or sentence.endswith("."):
                    found.add(f"{place}: '{sentence}' does not stand alone")
                if words is not None and words == bool(unit):
                    found.add(f"{place}: unit '{unit}'")
        for group in groups_of(file):
            look(group.name, group)
            for data in group.values():
                if isinstance(data, h5py.Dataset):
                    look(data.name, data)
    return sorted(found)
