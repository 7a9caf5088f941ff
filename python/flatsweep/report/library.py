"""The plotting library that the page takes in: Chart.js, in one file, as Debian's package libjs-chart.js or npm's chart.js bring it."""

import os
import pathlib
import re

VARIABLE = "FLATSWEEP_CHART_JS"
PLACES = (pathlib.Path(__file__).with_name("assets") / "chart.min.js", pathlib.Path("/usr/share/javascript/chart.js/chart.min.js"),
          pathlib.Path("/usr/share/javascript/chart.js/chart.umd.js"))
BANNER = re.compile(r"Chart\.js v([34])\.")
HINT = (f"install Debian's libjs-chart.js (tools/setup does), or name the file dist/chart.min.js of npm's package chart.js 3.9.1 in {VARIABLE}, "
        "and write the page again")


def source():
    """The library's text, or None where it is not to be had."""
    for path in places():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if BANNER.search(text[:500]):
            return text
    return None


def places():
    """A place that the user names is the only one."""
    named = os.environ.get(VARIABLE)
    return PLACES if named is None else (pathlib.Path(named),)
