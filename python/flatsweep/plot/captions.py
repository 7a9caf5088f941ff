"""Captions: a figure's docstring, in which `[word|text]` stands for a text that holds only where the figure has that word."""

import re

import matplotlib.text

CHOICE = re.compile(r"\[([^|\]]+)\|([^\]]*)\]")


def full(function):
    """The caption with all that the figure may show."""
    return CHOICE.sub(r"\2", " ".join(function.__doc__.split()))


def of(function, figure):
    """The caption of what was drawn and nothing else."""
    words = [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible()]
    return CHOICE.sub(lambda match: match[2] if any(match[1] in word for word in words) else "", " ".join(function.__doc__.split()))
