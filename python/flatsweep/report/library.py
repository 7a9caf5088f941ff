"""The plotting library that the page takes in: Chart.js, in one file, as Debian's package libjs-chart.js or npm's chart.js bring it."""

import hashlib
import os
import pathlib
import re

VARIABLE = "FLATSWEEP_CHART_JS"
PLACES = (pathlib.Path(__file__).with_name("assets") / "chart.min.js", pathlib.Path("/usr/share/javascript/chart.js/chart.min.js"),
          pathlib.Path("/usr/share/javascript/chart.js/chart.umd.js"))
PACKAGED = pathlib.Path("/usr/share/javascript")  # what lies here was checked by apt
BANNER = re.compile(r"Chart\.js v([34])\.")
SUMS = {"fbc45926e6b46845a0f905552a0e0b1331049bff1115ecf94dbe0904d895e710"}  # SHA-256 of 3.9.1, the same from Debian 12 and from npm
HINT = (f"install Debian's libjs-chart.js (tools/setup does), or name the file dist/chart.min.js of npm's package chart.js 3.9.1 in {VARIABLE}, "
        "and write the page again")


def source():
    """The library's text, or None where it is not to be had."""
    for path in places():
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if known(path, content):
            return content.decode()
    return None


def known(path, content):
    """Is this the library, as it was published?"""
    if hashlib.sha256(content).hexdigest() in SUMS:
        return True
    return PACKAGED in path.resolve().parents and BANNER.search(content[:500].decode(errors="replace")) is not None


def places():
    """A place that the user names is the only one."""
    named = os.environ.get(VARIABLE)
    return PLACES if named is None else (pathlib.Path(named),)
