"""Writes one HTML page with all of a run: facts, tables, every figure that its results allow; see docs/figures.md."""

import argparse
import io
import pathlib
import re
import sys

import matplotlib.pyplot as plt

from .. import names
from ..plot import captions, figures
from ..plot.registry import FIGURES, drawn
from ..plot.subject import open_subject
from ..opening import results_of
from ..results import NotInFile
from . import explorer, page, run_facts, sentences, summaries, symbols
from .page import element

FEW, WIDE = 4, 110  # so few rows of so many letters are turned
PIXELS = 125   # that show an inch of a figure


def paper_name(name):
    """figS09d: Fig S9D; fig2_profiles: Fig 2, profiles; fig_held_out: Held out."""
    number, words = re.fullmatch(r"fig(S?\d+[a-d]?)?_?(.*)", name).groups()
    paper = "Fig " + re.sub(r"(S?)0*(.*)", lambda match: match[1] + match[2].upper(), number) if number else ""
    return capital(", ".join(word for word in (paper, words.replace("_", " ").replace("pca", "PCA")) if word))


def capital(text):
    return text[0].upper() + text[1:]


def topic(function):
    """What the figures of one module are about, in the words of its first line."""
    text = sys.modules[function.__module__].__doc__.splitlines()[0].rstrip(".")
    return capital(re.sub(r"^Figures? [^:]*: ", "", text))


def draw(function, subject):
    """A figure's caption, the figure as SVG, the same bytes every time, and its width in pixels."""
    def save(figure):
        buffer = io.BytesIO()
        with plt.rc_context({"svg.hashsalt": "flatsweep"}):
            figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None})
        plt.close(figure)
        return captions.of(function, figure), buffer.getvalue(), PIXELS * figure.get_size_inches()[0]

    return drawn(function, subject, save)


def draw_all(subject, names):
    """({topic: [(name, caption, svg, width)]}, {name: why it was left out})."""
    found, left_out = {}, {}
    for name in names:
        function = FIGURES[name]
        try:
            picture = draw(function, subject)
        except NotInFile as reason:
            left_out[name] = str(reason)
            continue
        found.setdefault(topic(function), []).append((name, *picture))
    return found, left_out


def in_progress(results):
    """Says of results that are not complete that they are not."""
    if not results.finished:
        yield element("p", "The run was in progress, or stopped, when this page was made: it shows what was finished by then. Write the page "
                           "again to see more.", class_="lead")


def found(texts):
    """The sentences of result."""
    yield element("h2", "What was found", id="found")
    yield element("ul", [element("li", symbols.linked(text)) for text in texts], class_="sentences")


def overview(results):
    yield element("h2", "The run", id="run")
    problems = run_facts.warnings(results)
    if problems:
        yield element("ul", [element("li", problem) for problem in problems], class_="warnings")
    yield page.facts([(name, page.mathematics(text) if name == "Grid" else text)
                      for name, text in run_facts.facts(results)])
    text = run_facts.configuration(results.file)
    if text:
        yield element("details", element("summary", "Configuration, defaults filled in"), element("pre", text))


def status_marked(rows):
    """The words of /grid/status in colours of their own."""
    def cell(text):
        known = {"done": "done", "diverged": "bad", "failed": "bad", names.UNSOLVED: "unsolved"}
        return element("span", text, class_=known[text]) if text in known else text
    return [[cell(text) for text in row] for row in rows]


def page_table(head, rows):
    """The way up that can be read without scrolling; columns of words stand left."""
    letters = sum(max(map(len, column)) for column in zip(head, *rows))
    if len(rows) <= FEW and letters > WIDE:
        return page.turned_table(head, status_marked(rows))
    words = {place for place, text in enumerate(rows[0]) if text[:1].isalpha()} if rows else ()
    return page.table(head, status_marked(rows), words)


def table_section(table, identity):
    yield element("h3", table.title, id=identity)
    yield page_table(table.head, table.rows)
    if table.note:
        yield element("p", page.mathematics(table.note), class_="note")


def figure_sections(pictures):
    for number, (title, items) in enumerate(pictures.items()):
        yield element("h2", title, id=f"topic{number}")
        yield element("div", [page.picture(paper_name(name), svg, width, text, name) for name, text, svg, width in items],
                      class_="figures")


def left_out_section(left_out):
    yield element("h2", "Figures left out", id="left-out")
    yield element("p", "What this file does not hold:", class_="note")
    yield element("ul", [element("li", element("code", name), f": {reason}") for name, reason in left_out.items()])


def definitions_section(keys):
    yield element("h2", "Symbols", id="symbols")
    yield symbols.definitions(keys)


def navigation(explored, tables, pictures, left_out):
    sections = [("found", "What was found", []), ("run", "The run", []), *((identity, title, []) for identity, title in explored),
                ("tables", "Tables", [(f"table{number}", table.title) for number, table in enumerate(tables)])]
    sections += [(f"topic{number}", title, [(name, paper_name(name)) for name, *_ in items])
                 for number, (title, items) in enumerate(pictures.items())]
    ends = [("left-out", "Figures left out", [])] if left_out else []
    return page.contents([*sections, *ends, ("symbols", "Symbols", [])])


def subject_of(results, options):
    """The replica to draw; none where no replica finished and none was asked for."""
    if not results.done() and options.replica is None:
        return None
    return open_subject(results, options.replica, options.layer)


def shown_replica(subject):
    if subject is None:
        return "No replica finished, so that there is nothing to draw."
    layer = subject.layer_of("pca")
    of_layer = "" if layer.startswith("<") else f", layer {layer}"
    return f"Figures of one solution show replica {subject.replica}{of_layer}."


def compose(results, options):
    """The whole page as text, and the names of the figures on it."""
    subject = subject_of(results, options)
    pictures, left_out = draw_all(subject, options.only or FIGURES) if subject else ({}, {})
    tables, texts = summaries.tables(results), sentences.sentences(results)
    explored, scripts = explorer.sections(results, subject.layer_of("flatness") if subject else "")
    if scripts:
        tables = [table for table in tables if table.title != summaries.REPLICAS]  # the explorer has it
    title = f"flatsweep: {results.folder.resolve().name}"
    body = [element("h1", title), *in_progress(results), *found(texts), *overview(results), *explored, element("h2", "Tables", id="tables"),
            *(piece for number, table in enumerate(tables) for piece in table_section(table, f"table{number}")),
            element("p", shown_replica(subject), class_="lead"), *figure_sections(pictures),
            *(left_out_section(left_out) if left_out else []), *definitions_section(symbols.used(texts))]
    names = [name for items in pictures.values() for name, *_ in items]
    contents = navigation(explorer.SECTIONS if scripts else [], tables, pictures, left_out)
    return page.document(title, contents, body, scripts), names


def run(options):
    with results_of(options.results) as results:
        output = options.output or results.folder / "report.html"
        text, names = compose(results, options)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8", errors="replace")
    print(f"{output}: {len(names)} figures, {output.stat().st_size / 2**20:.1f} MiB")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE.html", help="default: report.html beside the results")
    figures.add_selection(parser)
    return parser.parse_args(arguments)


def main(arguments=None):
    return figures.exit_code("report", lambda: run(parse(arguments)))
