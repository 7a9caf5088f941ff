#!/usr/bin/python3
"""The report on the made-up files of test_figures.py; what it draws is replaced by empty figures, tested there."""

import base64
import functools
import html.parser
import pathlib
import re
import unittest
import unittest.mock
import xml.etree.ElementTree as tree

import h5py
import matplotlib.pyplot as plt
import numpy as np

import test_figures as made_up
from flatsweep.plot import captions
from flatsweep.plot.registry import FIGURES
from flatsweep.report import library, report, summaries
from flatsweep.results import NotInFile, Results

VOID = {"meta", "img"}
DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs/figures.md"


class Page(html.parser.HTMLParser):
    """What stands on a page; insists that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.sources, self.links, self.ids, self.rows = [], set(), [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names.add(tag)
        self.sources += [attributes[name] for name in ("src", "srcset", "data", "action") if name in attributes]
        self.links += [attributes["href"]] if "href" in attributes else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, text):
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += text


def blank(function):
    @functools.wraps(function)
    def draw(_):
        return plt.figure(figsize=(1, 1))
    return draw


class ReportTest(made_up.ProgramTest):
    """Pages without the plotting library; test_page.py has those with it."""

    def setUp(self):
        super().setUp()
        self.enterContext(unittest.mock.patch.dict("os.environ", {library.VARIABLE: str(self.folder / "no library")}))

    def call(self, *arguments):
        return self.start(report.main, *arguments)

    def page(self, *arguments):
        """The page of self.results, with blank figures, after the checks that hold for every page."""
        with unittest.mock.patch.dict(FIGURES, {name: blank(draw) for name, draw in FIGURES.items()}):
            code, lines, errors = self.call(self.results, *arguments)
        self.assertEqual((code, len(lines), errors), (0, 1, []))
        self.text = self.results.with_name("report.html").read_text(encoding="utf-8")
        page = Page(self.text)
        self.assertEqual([source for source in page.sources if not source.startswith("data:image/svg+xml;base64,")], [])
        self.assertEqual([link for link in page.links if link[1:] not in page.ids or link[0] != "#"], [])
        self.assertEqual(len(set(page.ids)), len(page.ids))
        self.assertFalse(page.names & {"script", "link", "iframe", "object", "embed"})
        self.assertNotRegex(self.text, r"url\(|@import|https?://")
        self.assertIn("Chart.js was not found: install Debian's libjs-chart.js", self.text)
        return page

    def refused(self, *arguments):
        code, _, errors = self.call(*arguments)
        self.assertEqual((code, len(errors)), (2, 1), errors)
        return errors[0]

    def test_every_figure_stands_on_the_page_with_its_caption(self):
        made_up.write_results(self.results)
        page = self.page()
        self.assertEqual([name for name in FIGURES if name not in page.ids], [])
        self.assertEqual(len(page.sources), len(FIGURES))
        self.assertEqual(self.text.count("<figcaption>"), len(FIGURES))
        self.assertIn("σ<sub>i</sub><sup>2</sup> against F<sub>i</sub>, mode 1 apart", self.text)

    def test_figures_are_drawn_and_those_left_out_have_a_reason(self):
        made_up.write_results(self.results)
        output = self.folder / "elsewhere/a.html"
        code, lines, errors = self.call(self.folder, "--only", "fig1a", "figS02", "figS16", "--output", output)
        self.assertEqual((code, errors), (0, []))
        self.assertIn("2 figures", lines[0])
        text = output.read_text(encoding="utf-8")
        for source in Page(text).sources:
            picture = tree.fromstring(base64.b64decode(source.partition(",")[2]))
            self.assertTrue(picture.tag.endswith("svg"))
            self.assertGreater(len(list(picture.iter())), 100)
        self.assertIn("<code>figS16</code>: the file has fewer than two widths of one network", text)

    def test_numbers_of_a_landscape_are_those_of_the_file(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            psi = file["summary/psi/fc2"]
            psi["test_error"], psi["test_error_std"], psi["train_error"] = [0.0123456, 0.04], [0.001, np.nan], [np.nan, np.nan]
            dynamics = file.create_group("summary/dynamics/fc2")
            dynamics["psi_d"], dynamics["psi_d_low"], dynamics["psi_d_high"] = [2.345, np.nan], [2.2, np.nan], [2.5, np.nan]
            file.attrs["config"] = "study = \"landscape\"\n[network]\nwidth = 8 < 9\n"
            file["grid/status"][1] = b"failed"
            file["replica/000001"].attrs["message"] = "the solver <gave up>"
        page = self.page()
        shown = dict(zip(page.rows[0], zip(*page.rows[1:3])))
        with h5py.File(self.results) as file:
            self.assertEqual(shown["B"], tuple(str(value) for value in file["summary/psi/fc2/batch_size"]))
            error, spread = file["summary/psi/fc2/test_error"][()], file["summary/psi/fc2/test_error_std"][()]
            self.assertEqual(shown["test error %"], (f"{100 * error[0]:.3f} ± {100 * spread[0]:.3f}", f"{100 * error[1]:.3f}"))
            psi = [file[f"summary/psi/fc2/psi{end}"][0] for end in ("", "_low", "_high")]
            self.assertEqual(shown["ψ"], ("{:.2f} ({:.2f} to {:.2f})".format(*psi), "3.80"))
            self.assertEqual(shown["ψD"], ("{:.2f} (2.20 to 2.50)".format(file["summary/dynamics/fc2/psi_d"][0]), "–"))
        self.assertNotIn("train error %", shown, "NaN throughout")
        for text in ("1 of 4 replicas diverged: 3", "1 of 4 replicas failed: 1", "replica 1: the solver &lt;gave up&gt;",
                     "width = 8 &lt; 9", "2 done, 1 failed, 1 diverged"):
            self.assertIn(text, self.text)

    def test_curvature_and_bases_have_tables_of_their_own(self):
        """Three seeds and one: an interval and none. A basis is a row; what no basis has is no column."""
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for table, columns in dict(curvature=dict(gradient_noise_scale=12.345, commutator=np.nan),
                                       bases=dict(stationarity=-0.01234, hessian_psi=2.0, noise_psi=1.5, pca_psi=4.0)).items():
                group = file.create_group(f"summary/{table}/fc2")
                group["batch_size"], group["learning_rate"], group["replicas"] = [10, 20], [0.1, 0.1], [3, 1]
                for name, value in columns.items():
                    for end, numbers in (("", [value, value]), ("_low", [value - 1, np.nan]), ("_high", [value + 1, np.nan]), ("_seeds", [3, 1])):
                        group[name + end] = numbers
        with Results(self.results) as results:
            tables = {table.title: table for table in summaries.tables(results)}
        curvature, bases = tables["Curvature and noise"], tables["Other bases"]
        self.assertEqual(curvature.head, ["B", "alpha", "layer", "seeds", "gradient noise scale"])
        self.assertEqual(curvature.rows, [["10", "0.1", "fc2", "3", "12.3 (11.3 to 13.3)"], ["20", "0.1", "fc2", "1", "12.3"]])
        self.assertEqual(bases.head, ["B", "alpha", "layer", "seeds", "basis", "psi", "r"])
        self.assertEqual(bases.rows[0], ["10", "0.1", "fc2", "3", "principal directions", "4.00 (3.00 to 5.00)", "-0.0123 (-1.01 to 0.988)"])
        self.assertEqual([row[4:6] for row in bases.rows[3::2]], [["eigenvectors of H", "2.00"], ["eigenvectors of C", "1.50"], ["random directions", "–"]])

    def test_the_whole_network_has_tables_of_its_own(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for table, column in (("curvature_at_epochs", "late_batch_sharpness"), ("network_curvature", "hessian_window_psi")):
                group = file.create_group(f"summary/{table}")
                group["batch_size"], group["learning_rate"], group["replicas"] = [10, 20], [0.1, 0.1], [3, 1]
                group[column], group[column + "_low"], group[column + "_high"] = [0.75, 0.5], [0.5, np.nan], [1.0, np.nan]
        with Results(self.results) as results:
            tables = {table.title: table for table in summaries.tables(results)}
        for title, heading in (("Where training comes to stand", "batch sharpness / (2/α)"), ("The whole network", "psi")):
            self.assertEqual(tables[title].head, ["B", "alpha", "seeds", heading])
            self.assertEqual(tables[title].rows, [["10", "0.1", "3", "0.75 (0.50 to 1.00)"], ["20", "0.1", "1", "0.50"]])

    def test_networks_made_elsewhere_are_told_with_what_is_absent(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            for name in ("batch_size", "learning_rate", "width", "hidden_layers", "optimizer", "sampling", "psi_assumed", "seed"):
                del file["grid"][name]
            file["grid/model"] = np.array([b"m0", b"m1", b"m2", b"m3"])
            for replica in file["replica"].values():
                if "mlf" in replica:
                    del replica["mlf"]
                group = replica.create_group("mlf/fc2")
                group.attrs["status"], group.attrs["message"] = "absent", "absent: the order of minibatches is not known"
            file["replica/000000"].require_group("nulls/fc2").attrs["absent"] = "the noise walk: the learning rate is not known"
        self.page()
        for text in ("mlf/fc2 is absent: the order of minibatches is not known<",
                     "nulls/fc2 lacks the noise walk: the learning rate is not known (1 of", "models", "m0"):
            self.assertIn(text, self.text)
        self.assertNotIn("KeyError", self.text)

    def test_an_analysis_that_failed_is_told_and_left_out(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/failed_analyses"] = np.array([1, 0, 0, 0], "i4")
            del file["replica/000000/flatness/fc2"]
            hole = file.create_group("replica/000000/flatness/fc2")
            hole.attrs["status"], hole.attrs["message"] = "failed", "the solver <gave up>"
            file["replica/000001/pca/fc2"].attrs["incomplete"] = "3 of 5 eigenpairs converged"
        page = self.page()
        self.assertIn("replica 0: flatness/fc2 failed: the solver &lt;gave up&gt;", self.text)
        self.assertIn("replica 1: pca/fc2: 3 of 5 eigenpairs converged", self.text)
        self.assertIn("analyses failed", str(page.rows))
        with Results(self.results) as results:
            self.assertNotIn("fc2", results.layers(0, "flatness"))
            with self.assertRaisesRegex(NotInFile, "flatness/fc2 failed: the solver"):
                results.group("replica/000000/flatness/fc2")

    def test_numbers_of_continual_learning_are_those_of_the_file(self):
        made_up.write_continual(self.results)
        rows = [row for row in self.page().rows if row[0] in ("none", "ldc", "ewc")]
        with h5py.File(self.results) as file:
            least = {name: data[()] for name, data in file["summary/continual/least"].items()}
        ldc = [row for row in range(len(least["method"])) if least["method"][row] == b"ldc" and least["psi"][row] == 4]
        best = min(ldc, key=lambda row: least["average_error"][row])
        expected = [f"{100 * value:.2f} ± {100 * error:.2f}" for value, error in
                    ((least["average_error"][best], least["average_error_se"][best]),
                     *zip(least["test_error"][best], least["test_error_se"][best]))]
        found = [row for row in rows if row[0] == "ldc" and row[1] == "4"]
        self.assertEqual(found[0][2], str(least["constraint_count"][best]))
        self.assertEqual([text for text in found[0] if "±" in text], expected)
        self.assertEqual(len(rows), 4 + len(least["method"]))

    def test_numbers_of_noise_are_those_of_the_file(self):
        made_up.write_noise(self.results)
        with h5py.File(self.results, "a") as file:
            group = file.create_group("summary/noise")
            group["noise_method"], group["noise_amplitude"] = np.array([b"sgd", b"gd"]), [0.0, 1.5]
            group["test_error"], group["test_error_se"] = [0.025, 0.0334], [0.001, np.nan]
            group["loss_level"] = [0.1, 0.01]
            group["test_error_at_loss"] = [[0.03, 0.02], [0.05, np.nan]]
        rows = self.page().rows
        self.assertIn(["sgd", "0", "2.50 ± 0.10", "3.00", "2.00"], rows)
        self.assertIn(["gd", "1.5", "3.34", "5.00", "–"], rows)
        self.assertIn("noise", self.text)

    def test_a_run_without_a_finished_replica_has_a_page_too(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file["grid/status"][...] = b"diverged"
        (self.folder / "log.txt").write_text("2026-01-02 03:04:05 warning: a disk is <full>\n2026-01-02 03:04:06 fine\n" * 2)
        page = self.page()
        self.assertEqual(page.sources, [])
        self.assertIn("4 of 4 replicas diverged", self.text)
        self.assertEqual(self.text.count("a disk is &lt;full&gt;"), 1)
        self.assertIn("holds no finished replica", self.refused(self.results, "--replica", 0))

    def test_a_file_of_damaged_tables_has_a_page_that_says_so(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            del file["summary/psi/fc2/psi"], file["replica/000000/training/train_loss"], file["grid/learning_rate"]
            file["summary/psi/fc2/psi"] = 1.0
            file["replica/000000/training/train_loss"] = np.array([b"a"])
            file["grid/learning_rate"] = np.array([b"\xff\x00\x1b"] * 4)
            file["replica"].create_group("not a number").create_group("weights")
            file["replica/no group"] = 1.0
            file.attrs["dataset"] = np.bytes_(b"\xff\x0b")
            file.create_group("provenance").attrs["seconds"] = "a while"
        self.page()
        self.assertIn("The file holds no such table that can be read", self.text)
        self.assertIn("cannot be read: ", self.text)

    def test_numbers_that_are_none_have_a_page_too(self):
        made_up.write_results(self.results)
        with h5py.File(self.results, "a") as file:
            file.visititems(lambda _, data: data.write_direct(np.full(data.shape, np.nan, data.dtype))
                            if isinstance(data, h5py.Dataset) and data.dtype.kind == "f" else None)
        self.page()

    def test_captions_are_those_of_the_documentation(self):
        rows = dict(re.findall(r"^\| `(fig\w+)` \| (.*?) \| .*? \| .*? \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
        plain = lambda text: text.rstrip(".").casefold()
        self.assertEqual({name: plain(rows[name]) for name in FIGURES},
                         {name: plain(captions.full(draw)) for name, draw in FIGURES.items()})

    def test_refuses_what_is_no_results_file(self):
        self.assertIn("does not exist", self.refused(self.folder / "missing.h5"))
        self.assertIn("neither results.h5 nor work/", self.refused(self.folder))
        (self.folder / "work").mkdir()
        self.assertIn("wait until the run has begun", self.refused(self.folder))
        self.results.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        self.assertIn("not a complete HDF5 file", self.refused(self.folder))
        self.assertFalse((self.folder / "report.html").exists())


if __name__ == "__main__":
    unittest.main()
