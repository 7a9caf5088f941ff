"""Pieces of a self-contained HTML page, as xml.etree elements; what is written needs no escaping."""

import base64
import re
import xml.etree.ElementTree as tree

GREEK = {"alpha": "α", "beta": "β", "Delta": "Δ", "kappa": "κ", "lambda": "λ", "mu": "μ", "pi": "π", "psi": "ψ", "sigma": "σ",
         "tau": "τ", "theta": "θ"}
TILDE = "\N{COMBINING TILDE}"
LETTERS = re.compile(r"(?<![A-Za-z])(" + "|".join(GREEK) + r")(?![A-Za-z])")
# `a name`, a subscript of one to three letters behind a letter, a power; the rest of a text is plain.
MARKUP = re.compile(r"`(?P<code>[^`]+)`|(?<=[A-Za-zα-ωΔ\u0303])_(?P<sub>[0-9a-zA-Zα-ω]{1,3})(?![a-zA-Z])"
                    r"|\^(?P<sup>-?[\w*]+|\([^)]*\))")

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

NARROW = 500  # pixels up to which two figures go beside each other on paper

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c2024; --soft: #5c6570; --line: #d9dee3; --band: #f4f6f8;
        --accent: #0067a3; --good: #0a7a4f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --ink: #e4e7ea; --soft: #9aa4ae; --line: #333a41; --band: #1d2226; --accent: #6cb8ea;
          --good: #52c795; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
.layout { display: grid; grid-template-columns: minmax(11rem, 14rem) minmax(0, 60rem); gap: 3rem; justify-content: center;
          padding: 0 2rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 2.2rem 0; font-size: .85rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav ul ul { padding-left: .9rem; margin-bottom: .4rem; }
nav a { display: block; padding: .12rem 0; color: var(--soft); text-decoration: none; }
nav > ul > li > a { color: var(--ink); }
a { color: var(--accent); }
nav a:hover { color: var(--accent); text-decoration: underline; }
main { padding: 1.6rem 0 4rem; min-width: 0; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4rem 0 .2rem; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .8rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.8rem 0 .5rem; }
.lead, figcaption, .note { color: var(--soft); }
.note { font-size: .9rem; }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.4rem; margin: 1rem 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; }
.wide { overflow: auto; max-height: 36rem; margin: .8rem 0; }
thead th { position: sticky; top: 0; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; background: var(--band); vertical-align: bottom; }
tbody th { font-weight: 400; color: var(--soft); text-align: left; background: none; }
.text { text-align: left; }
tbody tr:hover { background: var(--band); }
.done { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
ul.warnings { border-left: 4px solid var(--bad); background: var(--band); margin: 1rem 0; padding: .6rem 1rem .6rem 2rem; }
sub, sup { line-height: 0; }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem 2rem; align-items: flex-start; }
figure { margin: 0 0 1rem; flex: 0 1 auto; max-width: 100%; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; padding: .6rem; border: 1px solid var(--line);
             border-radius: 6px; }
figcaption { font-size: .9rem; margin-top: .5rem; width: 0; min-width: 100%; }
pre { background: var(--band); padding: .8rem 1rem; overflow-x: auto; font-size: .82rem; line-height: 1.4; }
code { font-size: .9em; }
summary { cursor: pointer; color: var(--accent); }
@media screen and (max-width: 60rem) {
  .layout { display: block; padding: 0 1rem; }
  nav { position: static; max-height: none; padding: 1rem 0 0; columns: 12rem; }
  nav > ul > li { break-inside: avoid; }
  dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dl.facts dd { margin-bottom: .5rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --ink: #000; --soft: #333; --line: #bbb; --band: #f4f4f4; }
  body { font-size: 10pt; }
  .layout { display: block; padding: 0; }
  nav { display: none; }
  .wide { overflow: visible; max-height: none; }
  table { font-size: 7pt; }
  th, td { padding: .15rem .3rem; }
  figure, tr { break-inside: avoid; }
  .figures { display: block; }
  figure.narrow { display: inline-block; width: 48%; margin-right: 1%; vertical-align: top; }
  details:not([open]) { display: none; }
  h2, h3 { break-after: avoid; }
}
"""


def element(name, /, *children, **attributes):
    """<name>children</name>; children are elements, texts or lists of both, `class_` stands for
    class and `aria_label` for aria-label.
    """
    node = tree.Element(name, {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()})
    add(node, children)
    return node


def add(node, children):
    for child in children:
        if isinstance(child, tree.Element):
            node.append(child)
        elif isinstance(child, str) and len(node):
            node[-1].tail = (node[-1].tail or "") + shown(child)
        elif isinstance(child, str):
            node.text = (node.text or "") + shown(child)
        else:
            add(node, child)


def shown(text):
    """Characters that no page may hold are marked."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def mathematics(text):
    """A caption's sigma_i^2, D_l and `names` as texts and elements."""
    text = LETTERS.sub(lambda match: GREEK[match[0]], text).replace("Δ ", "Δ")
    text = re.sub(r"(?<=\w)~", TILDE, text)
    text = re.sub(r"<(\w+)>", r"⟨\1⟩", text).replace(">=", "≥").replace(" . ", " · ").replace("+-", "±")
    pieces, end = [], 0
    for match in MARKUP.finditer(text):
        pieces += [text[end:match.start()], element(match.lastgroup, match[match.lastgroup])]
        end = match.end()
    return [*pieces, text[end:]]


def table(head, rows, text_columns=()):
    """`head`: texts; `rows`: lists of texts or elements. Numbers stand right, `text_columns` (their places) left."""
    def cells(kind, values):
        return [element(kind, value, **({"class_": "text"} if place in text_columns else {}))
                for place, value in enumerate(values)]
    return wide(element("thead", element("tr", cells("th", map(mathematics, head)))),
                element("tbody", [element("tr", cells("td", row)) for row in rows]))


def turned_table(head, rows):
    """The same with a line for every column: for many columns and few rows."""
    lines = [element("tr", element("th", mathematics(name), scope="row"), [element("td", value) for value in values])
             for name, *values in zip(head, *rows)]
    return wide(element("tbody", lines))


def wide(*parts):
    """A table that scrolls by itself where the page is too narrow for it."""
    return element("div", element("table", parts), class_="wide", tabindex="0")


def facts(pairs):
    return element("dl", [[element("dt", name), element("dd", value)] for name, value in pairs], class_="facts")


def picture(title, svg, width, caption, identity):
    """A figure held by the page itself, `width` pixels wide where there is so much room."""
    data = base64.b64encode(svg).decode()
    image = element("img", src=f"data:image/svg+xml;base64,{data}", alt=" ".join(caption.split()), width=round(width))
    return element("figure", element("h3", title), image, element("figcaption", mathematics(caption)), id=identity,
                   class_="narrow" if width < NARROW else "broad")


def contents(sections):
    """The table of contents; sections are (identity, title, [(identity, title), ...])."""
    def entry(identity, title, below=()):
        return element("li", element("a", title, href=f"#{identity}"),
                       [element("ul", [entry(*item) for item in below])] if below else [])
    return element("nav", element("ul", [entry(*section) for section in sections]), aria_label="Contents")


def document(title, navigation, body):
    """The whole page as text."""
    head = element("head", element("meta", charset="utf-8"),
                   element("meta", name="viewport", content="width=device-width, initial-scale=1"),
                   element("title", title), element("style", STYLE))
    page = element("html", head, element("body", element("div", navigation, element("main", body), class_="layout")), lang="en")
    return "<!DOCTYPE html>\n" + tree.tostring(page, encoding="unicode", method="html") + "\n"
