"""Pieces of a self-contained HTML page, as xml.etree elements; what is written needs no escaping."""

import base64
import hashlib
import pathlib
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

STYLE = (pathlib.Path(__file__).with_name("assets") / "page.css").read_text(encoding="utf-8")


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
    image = element("img", src=f"data:image/svg+xml;base64,{data}", alt=f"The figure shows {' '.join(caption.split())}", width=round(width))
    return element("figure", element("h3", title), image, element("figcaption", mathematics(caption)), id=identity,
                   class_="narrow" if width < NARROW else "broad")


def contents(sections):
    """The table of contents; sections are (identity, title, [(identity, title), ...])."""
    def entry(identity, title, below=()):
        return element("li", element("a", title, href=f"#{identity}"),
                       [element("ul", [entry(*item) for item in below])] if below else [])
    return element("nav", element("ul", [entry(*section) for section in sections]), aria_label="Contents")


def script(kind, identity, text):
    """A program, or with `kind` data for it; neither holds anything that would end it."""
    node = element("script", **({"type": kind} if kind else {}), **({"id": identity} if identity else {}))
    node.text = text
    return node


def policy(programs):
    """Which styles and programs a browser may take: those that stand here, and nothing from elsewhere."""
    def sums(texts):
        return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts) or "'none'"
    return (f"default-src 'none'; img-src data:; style-src {sums([STYLE])}; script-src {sums(programs)}; base-uri 'none'; form-action 'none'")


def document(title, navigation, body, scripts=()):
    """The whole page as text; scripts are (kind, identity, text), programs those without a kind."""
    head = element("head", element("meta", charset="utf-8"),
                   element("meta", name="viewport", content="width=device-width, initial-scale=1"),
                   element("title", title), element("style", STYLE))
    head.insert(1, element("meta", http_equiv="Content-Security-Policy", content=policy([text for kind, _, text in scripts if not kind])))
    page = element("html", head, element("body", element("a", "To the content", href="#content", class_="skip"),
                                         element("div", navigation, element("main", body, id="content", tabindex="-1"), class_="layout"),
                                         [script(*parts) for parts in scripts]), lang="en")
    return "<!DOCTYPE html>\n" + tree.tostring(page, encoding="unicode", method="html") + "\n"
