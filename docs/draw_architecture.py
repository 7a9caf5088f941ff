#!/usr/bin/env python3
"""Writes architecture.svg beside this file: the rooms, and the way of the data."""

import pathlib
from html import escape

INK, SOFT, LINE = "#1f2937", "#4b5563", "#64748b"
ROOM, WORK, FILE, DATA = "#e0ecff", "#fff3d6", "#e6f4e6", "#f3e8ff"
ROOMS = [
    ("base", "errors, handles, random numbers, log"),
    ("par", "communicator, agreement, teams, queue"),
    ("io", "HDF5: stage files, results.h5"),
    ("linalg", "LAPACK, ScaLAPACK, SLEPc"),
    ("data", "image sets, minibatch sampling"),
    ("nn", "network, passes, loss, matrix kernels"),
    ("train", "optimisers, trainer, evaluation"),
    ("analysis", "from PCA to null models, one file pair each"),
    ("study", "grid, pipeline, stages, summary, results"),
    ("app", "command line, configuration, main"),
]
STAGES = [  # stage, what it does, its files
    ("training", "to the window", ["checkpoint", "... -previous"]),
    ("window", "T snapshots", ["window", "training", "trajectory *"]),
    ("PCA", "layer by layer", ["pca-fc2"]),
    ("flatness", "along p_i", ["flatness-fc2"]),
    ("analyses", "each a stage", ["first_mode-fc2", "dynamics-fc2", "mlf-fc2", "filters-fc2", "nulls-fc2"]),
    ("done", "or failed", ["done"]),
]


def text(x, y, words, size=13, weight="normal", colour=INK, anchor="middle", family="sans-serif"):
    return (f'<text x="{x}" y="{y}" font-family="{family}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def box(x, y, width, height, colour, *lines):
    """A rectangle with a bold first line and smaller lines below it, centred."""
    parts = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colour}" stroke="{LINE}"/>']
    top = y + height / 2 - 8 * (len(lines) - 1) + 4.5
    for i, line in enumerate(lines):
        parts.append(text(x + width / 2, top + 16 * i, line, 13 if i == 0 else 11, "bold" if i == 0 else "normal",
                          INK if i == 0 else SOFT))
    return "".join(parts)


def arrow(*points, dashed=False):
    path = " ".join(f"{x},{y}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="1.6"{dash} marker-end="url(#tip)"/>'


def rooms():
    parts = [text(36, 50, "Rooms", 16, "bold", anchor="start"),
             text(36, 70, "a room uses only rooms above it", 12, colour=SOFT, anchor="start")]
    for i, (name, what) in enumerate(ROOMS):
        parts.append(box(70, 86 + 52 * i, 270, 42, ROOM, name, what))
    parts.append(arrow((48, 594), (48, 92)))
    parts.append(f'<text x="0" y="0" transform="translate(40,343) rotate(-90)" font-family="sans-serif" font-size="12" '
                 f'fill="{SOFT}" text-anchor="middle">may use</text>')
    return parts


def start():
    x = [392, 556, 720, 884]
    parts = [text(392, 50, "The way of the data", 16, "bold", anchor="start"),
             box(x[0], 86, 136, 52, FILE, "inputs/*.toml", "and --set"),
             box(x[1], 86, 136, 52, WORK, "grid", "points x seeds"),
             box(x[2], 86, 136, 52, WORK, "units of work", "psi values share one"),
             box(x[3], 86, 136, 52, WORK, "queue", "costliest first")]
    return parts + [arrow((a + 136, 112), (a + 162, 112)) for a in x[:3]]


def pipeline():
    parts = []
    for shift in (12, 6, 0):
        parts.append(f'<rect x="{392 + shift}" y="{180 + shift}" width="628" height="112" rx="6" fill="#ffffff" stroke="{LINE}"/>')
    parts.append(text(404, 200, "a team of ranks takes one unit at a time through the stages", 12, colour=SOFT, anchor="start"))
    for i, (name, what, files) in enumerate(STAGES):
        x = 404 + 102 * i
        parts.append(box(x, 216, 90, 56, WORK, name, what))
        if i:
            parts.append(arrow((x - 12, 244), (x - 1, 244)))
        parts.append(arrow((x + 45, 272), (x + 45, 320)))
        for j, file in enumerate(files):
            parts.append(text(x + 45, 338 + 16 * j, file, 10, family="monospace"))
    parts.append(arrow((952, 138), (952, 178)))
    return parts


def store():
    return [f'<rect x="392" y="322" width="628" height="98" rx="6" fill="{FILE}" stroke="{LINE}" fill-opacity="0.75"/>',
            text(404, 438, "work/000012/*.h5: durable stage files, CRC-checked; what --resume goes on from", 12, colour=SOFT,
                 anchor="start"),
            text(1020, 456, "* only with output.trajectory", 11, colour=SOFT, anchor="end")]


def finish():
    return [box(556, 474, 300, 56, WORK, "assembly by all ranks", "rows read from stage files, written together"),
            arrow((706, 442), (706, 472)),
            arrow((706, 530), (706, 560)),
            box(556, 562, 300, 42, FILE, "results.h5", "complete or absent"),
            arrow((556, 583), (530, 583)),
            box(392, 562, 136, 42, FILE, "figures", "plots/figures.py"),
            arrow((856, 502), (882, 502)),
            box(884, 481, 136, 42, DATA, "terminal table", "psi per grid point"),
            box(392, 474, 136, 56, DATA, "images, labels", "once per node"),
            arrow((388, 502), (376, 502), (376, 244), (390, 244), dashed=True)]


def main():
    parts = rooms() + start() + store() + pipeline() + finish()
    svg = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1052 634" width="1052" height="634" role="img" '
           'aria-label="The rooms of flatsweep and the way of the data">'
           f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
           f'<path d="M0 0 L8 4 L0 8 z" fill="{LINE}"/></marker></defs>'
           '<rect x="1" y="1" width="1050" height="632" rx="10" fill="#ffffff" stroke="#cbd5e1"/>'
           + "\n".join(parts) + "</svg>\n")
    pathlib.Path(__file__).with_name("architecture.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
