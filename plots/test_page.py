#!/usr/bin/python3
"""The sentences of result, and what the page that can be explored is made of, against the file read by h5py itself."""

import base64
import hashlib
import json
import pathlib
import re
import shutil
import unittest
import unittest.mock
import zlib

import h5py
import numpy as np

import test_figures as made_up
import test_report
from flatsweep.plot.registry import FIGURES
from flatsweep.report import explorer, findings, library, overview_data, page, replica_data, report, sentences, symbols
from flatsweep.results import Results

HOSTILE = "</script><script>alert(1)</script><b onclick='x'>&amp;"


def exponent(group, name, value, half=0.1, **more):
    """A column of /summary with its interval, the same in every row."""
    count = len(group["psi"]) if "psi" in group else len(group["batch_size"])
    columns = {"": value, "_low": value - half, "_high": value + half, "_points": 100, "_seeds": 2, "_status": b"ok", "_interval": b"over seeds"}
    for end, what in (columns | more).items():
        group.pop(name + end, None)
        group[name + end] = np.array([what] * count)


class SentencesTest(made_up.ProgramTest):
    def setUp(self):
        super().setUp()
        made_up.write_results(self.results)

    def change(self, **tables):
        """Fills /summary: psi={"psi": value, ...}, nulls={"walk_psi": value}, ..."""
        with h5py.File(self.results, "a") as file:
            for table, columns in tables.items():
                group = file.require_group(f"summary/{table}/fc2")
                for name in ("batch_size", "learning_rate", "width"):
                    if name not in group:
                        group[name] = file[f"grid/{name}"][::2]
                for name, value in columns.items():
                    exponent(group, name, *value) if isinstance(value, tuple) else exponent(group, name, value)

    def told(self):
        with Results(self.results) as results:
            return [symbols.plain(text) for text in sentences.sentences(results)]

    def text(self):
        return " ".join(self.told())

    def test_a_control_that_is_as_large_takes_the_evidence_away(self):
        self.change(psi={"psi": (4.22, 0.07)}, nulls={"walk_psi": (4.43, 0.08)})
        self.assertIn("In fc2 at B = 10, psi = 4.22 (4.15–4.29); a control walk with the same noise and no landscape (noise walk) gives 4.43 (4.35–4.51), "
                      "so that psi alone is no evidence of a landscape that confines the weights.", self.text())

    def test_a_control_that_overlaps_takes_it_away_and_one_below_does_not(self):
        self.change(psi={"psi": (4.22, 0.07)}, nulls={"walk_psi": (4.1, 0.1)})
        self.assertIn("no evidence", self.text())
        self.change(nulls={"walk_psi": (3.9, 0.1)})
        self.assertIn("gives 3.90 (3.80–4.00), so that this noise alone does not explain it.", self.text())
        self.assertNotIn("no evidence", self.text())

    def test_without_intervals_nothing_is_told_apart(self):
        self.change(psi={"psi": (4.2, np.nan)}, nulls={"walk_psi": (4.0, np.nan)})
        self.assertIn("psi = 4.20; a control walk with the same noise and no landscape (noise walk) gives 4.00, less, but no interval tells", self.text())

    def test_without_a_control_psi_is_no_evidence(self):
        self.change(psi={"psi": 4.2})
        self.assertIn("no noise walk was measured beside it, so that psi alone is no evidence of a landscape.", self.text())

    def flag(self, masks):
        """psi_flags of /summary/psi as the program writes it."""
        with h5py.File(self.results, "a") as file:
            table = file["summary/psi/fc2"]
            table.pop("psi_flags", None)
            data = table.create_dataset("psi_flags", data=np.resize(np.array(masks, "i1"), len(table["batch_size"])))
            data.attrs.update(flag_masks=np.array([1, 2, 4, 8, 16], "i1"),
                              flag_meanings="no_solution drift across_lambda_x no_exponent few_seeds")

    def test_what_keeps_psi_from_being_quoted_is_told(self):
        self.change(psi={"psi": 4.2})
        self.flag([0])
        self.assertNotIn("not to be quoted", self.text())
        self.flag([17])
        self.assertIn("This psi is not to be quoted by itself: the training error was not 0 all through the window; fewer than three seeds have one.",
                      self.text())

    def test_flags_of_many_points_are_counted(self):
        with h5py.File(self.results, "a") as file:
            del file["summary"]
            file["summary/psi/fc2/batch_size"] = np.array([10, 20, 50, 100])
            psi = file["summary/psi/fc2"]
            psi["psi"] = [4.0, 3.0, 5.0, 4.5]
            table = file.create_group("summary/prediction/fc2")
            table["measure"] = np.array([b"hessian_trace", b"psi"])
            table["test_error_tau"], table["test_error_null_low"], table["test_error_null_high"] = [0.6, 0.1], [-0.3, -0.3], [0.3, 0.3]
            for end in ("null_low", "null_high"):
                table[f"test_error_of_shape_{end}"] = table[f"test_error_{end}"][()]
            table["test_error_of_shape_tau"] = [0.2, np.nan]
        self.flag([0, 16, 2, 18])
        text = self.text()
        self.assertIn("psi has no flag at 1 of them: directions beyond the first drift or diffuse at 2; fewer than three seeds have one at 2.", text)
        self.assertIn("Over the grid 1 of 2 measures in fc2 goes with the test error more than shuffled grid points do, by Kendall's tau: hessian trace +0.60. "
                      "Between networks of one shape none goes with the test error more than shuffled grid points do, by Kendall's tau.", text)

    def test_flags_of_the_fit_are_told(self):
        self.change(psi={"psi": 4.0})
        with h5py.File(self.results, "a") as file:
            group = file["summary/psi/fc2"]
            exponent(group, "psi", 4.0, _interval=b"within seeds")
        self.assertIn("psi = 4.00 (3.90–4.10, scatter within seeds);", self.text())
        with h5py.File(self.results, "a") as file:
            exponent(file["summary/psi/fc2"], "psi", np.nan, _status=b"too few points")
        self.assertIn("psi was not fitted: too few points.", self.text())

    def test_the_other_half_and_the_crossover_say_how_far_psi_carries(self):
        self.change(psi={"psi": 4.0, "psi_below": 4.0}, nulls={"walk_psi": 4.0, "held_out_psi": 1.8})
        self.assertIn("Along directions of the other half it is 1.80 (1.70–1.90): the rest of it is PCA's choice of directions.", self.text())
        self.assertIn("All 100 directions fitted of 2 seeds are flatter than the crossover λ_x, so that psi does not say", self.text())
        self.change(psi={"psi_above": 2.5}, nulls={"held_out_psi": 3.95})
        with h5py.File(self.results, "a") as file:
            exponent(file["summary/psi/fc2"], "psi_below", 4.5, _points=60)
        self.assertIn("it is 3.95 (3.85–4.05), no less as far as the intervals tell.", self.text())
        self.assertIn("It is 4.50 (4.40–4.60) over directions flatter than the crossover λ_x and 2.50 (2.40–2.60) over sharper ones.", self.text())

    def test_learning_dimensions_stand_beside_their_nulls(self):
        self.change(psi={"psi": 4.0})
        with h5py.File(self.results, "a") as file:
            group = file["summary/psi/fc2"]
            group["learning_dimension"], group["learning_dimension_without_first"], group["solution_alignment"] = [130.0] * 2, [435.0] * 2, [0.91] * 2
            for replica in file["replica"].values():
                replica["pca/fc2"].attrs["learning_dimension_null"] = 607
                replica["pca/fc2/cosine_content"] = np.array([0.985, 0.1])
                replica["nulls/fc2"].attrs["walk_learning_dimension_without_first"] = 384
        self.assertIn("D_l = 130; a random walk of this length needs 607: this much is no free and isotropic diffusion. Without direction 1 it is 435; "
                      "the noise walk without its first needs 384, no more, so that a small D_l does not show a landscape.", self.text())
        self.assertIn("|p_1 · w_0| / |w_0| = 0.91: direction 1 points mostly along the weights, and c_1 = 0.98: it is a drift.", self.text())

    def test_many_grid_points_are_put_together(self):
        with h5py.File(self.results, "a") as file:
            del file["summary"]
            for table in ("psi", "nulls"):
                file[f"summary/{table}/fc2/batch_size"] = np.array([10, 20, 50, 100])
            psi, walk = file["summary/psi/fc2"], file["summary/nulls/fc2"]
            psi["psi"], psi["psi_low"], psi["psi_high"] = np.array([[4.0, 3.0, 5.0, np.nan]] * 3) + [[0], [-0.1], [0.1]]
            walk["walk_psi"], walk["walk_psi_low"], walk["walk_psi_high"] = np.array([[4.0, 4.0, 4.0, 4.0]] * 3) + [[0], [-0.1], [0.1]]
            psi["test_error"], psi["train_error"] = [0.01, 0.02, 0.03, 0.04], [0.0, 0.0, 0.0, 0.01]
        text = self.text()
        self.assertIn("psi was fitted at 3 of 4 grid points and runs from 3.00 (2.90–3.10) at B = 20 to 5.00 (4.90–5.10) at B = 50.", text)
        self.assertIn("lies wholly below it at 1 of 3 grid points (B = 50); at the others psi alone is no evidence of a landscape.", text)
        self.assertIn("The test error is 1.00 % at B = 10 to 4.00 % at B = 100. At 1 of 4 grid points the training error is not 0", text)

    def test_replicas_that_did_not_finish_are_counted(self):
        self.assertEqual(self.told()[0], "Of 4 replicas 3 finished; 1 diverged.")

    def test_the_other_studies_say_which_method_was_best(self):
        made_up.write_continual(self.results)
        with h5py.File(self.results) as file:
            least = {name: data[()] for name, data in file["summary/continual/least"].items()}
        best = int(np.argmin(least["average_error"]))
        self.assertEqual(least["method"][best], b"ldc")
        self.assertIn(f"the average test error is at best {100 * least['average_error'][best]:.2f} ± {100 * least['average_error_se'][best]:.2f} % "
                      "with constraints from variances (200 a layer)", self.text())
        made_up.write_noise(self.results)
        with h5py.File(self.results, "a") as file:
            group = file.create_group("summary/noise")
            group["noise_method"], group["noise_amplitude"] = np.array([b"sgd", b"gd", b"gd"]), [0.0, 1.5, 1.0]
            group["test_error"], group["test_error_se"] = [0.025, 0.0334, 0.05], [0.001, np.nan, np.nan]
        self.assertIn("the mean test error is 2.50 ± 0.10 % with sgd, 3.34 % with gd of strength 1.5.", self.text())

    def test_a_damaged_summary_is_told_of(self):
        with h5py.File(self.results, "a") as file:
            del file["summary/psi/fc2/psi"]
            file["summary/psi/fc2/psi"] = 1.0
        self.assertIn("cannot be put into sentences", self.text())

    def test_every_symbol_links_to_its_definition(self):
        self.change(psi={"psi": 4.0}, nulls={"walk_psi": 4.0})
        with Results(self.results) as results:
            texts = findings.landscape(results)
        keys = symbols.used(texts)
        self.assertIn("psi", keys)
        links = [piece.get("href") for text in texts for piece in symbols.linked(text) if not isinstance(piece, str)]
        self.assertEqual({link.removeprefix("#symbol-") for link in links}, set(keys))
        identities = [node.get("id") for node in symbols.definitions(keys)]
        self.assertLessEqual({f"symbol-{key}" for key in keys}, set(identities))


class ExplorerTest(made_up.ProgramTest):
    def setUp(self):
        super().setUp()
        made_up.write_results(self.results)
        chart = self.folder / "chart.js"
        chart.write_text("/*! Chart.js v3.9.1 */ const made = 'up';", encoding="utf-8")
        self.enterContext(unittest.mock.patch.object(library, "SUMS", {hashlib.sha256(chart.read_bytes()).hexdigest()}))
        self.enterContext(unittest.mock.patch.dict("os.environ", {library.VARIABLE: str(chart)}))

    def data(self):
        with Results(self.results) as results:
            return explorer.data(results, "fc2")

    def replica(self, number):
        data = self.data()
        return json.loads(zlib.decompress(base64.b64decode(data["packs"][data["of"][number]])))

    def assert_near(self, shown, values):
        """The page's numbers are those of the file to four digits, and None where it has none."""
        self.assertEqual([number is None for number in shown], [not np.isfinite(value) for value in values])
        np.testing.assert_allclose([np.nan if number is None else number for number in shown], np.where(np.isfinite(values), values, np.nan), rtol=6e-4)

    def test_the_cloud_is_that_of_the_file(self):
        cloud = self.replica(1)["layers"]["fc2"]["cloud"]
        with h5py.File(self.results) as file:
            group = file["replica/000001/flatness/fc2"]
            for name in ("flatness", "variance", "left", "right"):
                self.assert_near(cloud[name], group[name][()])
            self.assertEqual(cloud["direction"], group["direction"][()].tolist())
            self.assertEqual(cloud["fit"]["psi"], group.attrs["psi"])
            theta, base = group["profile_theta"][()], np.log(group.attrs["loss"])
            for row, (reach, displacement, above) in enumerate(cloud["profiles"]):
                measured = dict(zip((1000 * theta[row] / reach).round().astype(int), group["profile_log_loss"][row] - base))
                self.assertTrue(set(displacement) <= set(measured))
                np.testing.assert_allclose(above, [1000 * measured[place] for place in displacement], atol=0.5)

    def test_statuses_are_words_once(self):
        with h5py.File(self.results, "a") as file:
            group = file["replica/000000/flatness/fc2"]
            group["status"] = np.where(np.isfinite(group["right"][()]), b"ok", b"right unbounded")
        cloud = self.replica(0)["layers"]["fc2"]["cloud"]
        self.assertEqual(cloud["words"], ["ok", "right unbounded"])
        self.assertEqual([cloud["words"][place] for place in cloud["status"]], ["ok"] * (made_up.MODES - 1) + ["right unbounded"])

    def test_without_a_profile_slope_and_curvature_stay(self):
        with h5py.File(self.results, "a") as file:
            group = file["replica/000000/flatness/fc2"]
            del group["profile_theta"], group["profile_log_loss"]
            group["slope"], group["curvature"] = np.linspace(-1, 1, made_up.MODES), np.linspace(1, 2, made_up.MODES)
        cloud = self.replica(0)["layers"]["fc2"]["cloud"]
        self.assertEqual(set(cloud["profiles"]), {None})
        np.testing.assert_allclose(cloud["slope"], np.linspace(-1, 1, made_up.MODES), atol=1e-3)

    def test_a_profile_of_few_points_is_not_drawn_beside_whole_ones(self):
        theta = np.full((made_up.MODES, 20), np.nan)
        theta[:, :9] = np.linspace(-1, 1, 9)
        theta[4] = np.linspace(-1, 1, 20)
        with h5py.File(self.results, "a") as file:
            group = file["replica/000000/flatness/fc2"]
            del group["profile_theta"], group["profile_log_loss"]
            group["profile_theta"], group["profile_log_loss"] = theta, np.log(group.attrs["loss"]) + theta**2
            group["slope"], group["curvature"] = np.linspace(-1, 1, made_up.MODES), np.linspace(1, 2, made_up.MODES)
        cloud = self.replica(0)["layers"]["fc2"]["cloud"]
        self.assertEqual([row for row, entry in enumerate(cloud["profiles"]) if entry], [4])
        self.assertEqual([row for row, slope in enumerate(cloud["slope"]) if slope is None], [4])

    def test_spectra_curves_and_nulls_are_those_of_the_file(self):
        shown = self.replica(0)
        layer = shown["layers"]["fc2"]
        with h5py.File(self.results) as file:
            group = file["replica/000000"]
            for name, path in (("variance", "pca/fc2/variance"), ("walk_spectrum", "nulls/fc2/walk_spectrum"),
                               ("hessian_eigenvalues", "curvature/fc2/hessian_eigenvalues")):
                numbers, values = layer["spectra"][name]
                np.testing.assert_allclose(values, group[path][()][np.array(numbers) - 1], rtol=6e-3, atol=1e-30)
            self.assert_near(shown["training"]["test_error"], group["training/test_error"][()])
            np.testing.assert_allclose(layer["beside"]["walk"]["variance"], group["nulls/fc2/walk_own_variance"][()], rtol=6e-3)
            np.testing.assert_allclose(layer["along"]["predicted_variance"], group["nulls/fc2/predicted_variance"][()], rtol=6e-3)
            self.assertEqual(shown["window"], group.attrs["window_first_epoch"])

    def test_the_table_has_every_number_of_every_replica(self):
        with h5py.File(self.results, "a") as file:
            for number in range(3):
                file[f"replica/00000{number}/flatness/fc2"].attrs["psi"] = 4.0 + number / 7
                file[f"replica/00000{number}/training/test_error"][-1] = 0.1 + number / 7
        data = self.data()
        found = {entry["key"]: entry["values"] for entry in data["quantities"]}
        np.testing.assert_allclose(found["flatness/fc2/psi"][:3], [4, 4 + 1 / 7, 4 + 2 / 7], rtol=1e-4)
        np.testing.assert_allclose(found["training/test_error"][:3], [0.1, 0.1 + 1 / 7, 0.1 + 2 / 7], rtol=1e-4)
        self.assertEqual(found["flatness/fc2/psi"][3], None, "it diverged")
        self.assertEqual([entry["name"] for entry in data["axes"]], ["batch_size", "seed"])
        self.assertEqual(data["axes"][0]["values"], [10, 10, 50, 50])
        self.assertNotIn("pca/fc2/moving", found, "the same everywhere")
        self.assertIn("flatness/fc2/psi", data["first"])

    def test_a_table_of_methods_has_its_axes(self):
        made_up.write_continual(self.results)
        table, = self.data()["tables"]
        self.assertEqual({entry["name"] for entry in table["axes"]}, {"method", "psi", "constraint_count", "strength"})
        with h5py.File(self.results) as file:
            error = next(entry["values"] for entry in table["quantities"] if entry["key"] == "average_error")
            self.assert_near(error, file["summary/continual/average_error"][()])

    def test_replicas_that_differ_in_the_assumed_exponent_share_their_numbers(self):
        with h5py.File(self.results, "a") as file:
            file["grid/seed"][...], file["grid/psi_assumed"][...] = [1, 1, 1, 1], [3.0, 4.0, 3.0, 4.0]
            file["grid/status"][...] = b"done"
            file.copy(file["replica/000002"], file, name="replica/000003")
        data = self.data()
        self.assertEqual((data["of"], len(data["packs"])), ([0, 0, 1, 1], 2))

    def test_thousands_of_replicas_keep_less_of_each(self):
        full, less = replica_data.detail_for([2500] * 4), replica_data.detail_for([170] * 3000)
        self.assertEqual((full.directions >= 2500, less.profiles), (True, 0))
        for count, many in ((170, 243), (170, 3000), (2500, 4), (2500, 243)):
            detail = replica_data.detail_for([count] * many)
            self.assertLessEqual(many * detail.letters(count), max(replica_data.ROOM, many * 8000))
        with h5py.File(self.results) as file:
            cloud = replica_data.replica(file["replica/000000"], replica_data.Detail(20, 5, 3))["layers"]["fc2"]["cloud"]
        self.assertLessEqual(len(cloud["direction"]), 20)
        self.assertEqual((cloud["of"], sum(entry is not None for entry in cloud["profiles"])), (made_up.MODES, 5))
        self.assertTrue(all(len(entry[1]) <= 3 for entry in cloud["profiles"] if entry))

    def test_an_analysis_that_is_absent_or_failed_leaves_the_others(self):
        with h5py.File(self.results, "a") as file:
            for path, status in (("nulls/fc2", "absent"), ("curvature/fc2", "failed")):
                del file[f"replica/000000/{path}"]
                file.create_group(f"replica/000000/{path}").attrs.update(status=status, message="why")
        layer = self.replica(0)["layers"]["fc2"]
        self.assertEqual((layer["beside"], layer["along"], list(layer["spectra"])), ({}, {}, ["variance"]))
        self.assertEqual(len(layer["cloud"]["direction"]), made_up.MODES)

    def test_a_replica_that_cannot_be_read_says_why(self):
        with h5py.File(self.results, "a") as file:
            del file["replica/000000/flatness/fc2/variance"]
            file["replica/000000/flatness/fc2/variance"] = 1.0
        self.assertIn("trouble", self.replica(0))
        self.assertIn("layers", self.replica(1))

    def write(self, *options):
        """The page, with blank figures: two of them, or those that the options say."""
        options = options or ("--only", "fig1a", "figS02")
        with unittest.mock.patch.dict(FIGURES, {name: test_report.blank(draw) for name, draw in FIGURES.items()}):
            code, _, errors = self.start(report.main, self.results, *options)
        self.assertEqual((code, errors), (0, []))
        return self.results.with_name("report.html").read_text(encoding="utf-8")

    def test_hostile_texts_end_no_program_and_start_none(self):
        with h5py.File(self.results, "a") as file:
            del file["grid/optimizer"]
            file["grid/optimizer"] = np.array([HOSTILE.encode(), b"sgd", b"sgd", b"sgd"])
            file["replica/000003/weights/a"] = 1.0
            file["replica/000003"].attrs["message"] = HOSTILE
            file["replica/000000"].move("flatness/fc2", "flatness/" + HOSTILE.replace("/", "|"))
            file.attrs["dataset"] = file.attrs["config"] = HOSTILE
        elsewhere = self.folder / "<img src=x onerror=alert(1)>"
        elsewhere.mkdir()
        shutil.move(self.results, elsewhere / "results.h5")
        self.results = elsewhere / "results.h5"
        text = self.write()
        found = test_report.Page(text)
        self.assertNotIn("b", found.names)
        self.assertEqual(len(re.findall("<script", text)), 3)
        self.assertEqual([source for source in found.sources if not source.startswith("data:image/svg+xml;base64,")], [])
        data = json.loads(re.search(r'<script type="application/json" id="explorer-data">(.*?)</script>', text, re.DOTALL)[1])
        self.assertIn(HOSTILE, data["axes"][[entry["name"] for entry in data["axes"]].index("optimizer")]["values"])
        self.assertEqual(data["messages"], {"3": HOSTILE})

    def test_a_browser_may_run_these_programs_and_nothing_else(self):
        text = self.write()
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)[1]
        programs = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        sums = [base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() for program in programs]
        self.assertEqual(len(programs), 2)
        self.assertIn(f"default-src 'none'; img-src data:;", policy)
        self.assertEqual(re.search("script-src ([^;]*)", policy)[1], " ".join(f"'sha256-{value}'" for value in sums))
        self.assertNotRegex(text, r"url\(|@import|https?://")
        self.assertNotRegex(text, r" on[a-z]+=| style=")

    def test_what_cannot_be_read_leaves_a_page_without_it(self):
        with h5py.File(self.results, "a") as file:
            del file["grid/learning_rate"], file["replica/000000/training/train_loss"]
            file["grid/learning_rate"] = np.array([b"\xff\x00\x1b"] * 4)
            file["replica/000000/training/train_loss"] = np.array([b"a"])
        self.assertIn("This page cannot be explored, since the file's numbers cannot be read: ValueError", self.write())

    def test_alternative_texts_are_sentences(self):
        texts = re.findall(r' alt="(.*?)"', self.write("--only", *FIGURES))
        self.assertEqual(len(texts), len(FIGURES))
        for text in texts:
            self.assertRegex(text, r"(?s)^The figure shows .*\.$")

    def test_programs_are_taken_in_as_they_are(self):
        for name in explorer.PROGRAMS:
            text = (explorer.ASSETS / name).read_text(encoding="utf-8")
            self.assertNotRegex(text, r"innerHTML|</script|eval\(|document\.write|\r", name)
            self.assertEqual(page.shown(text), text)
            self.assertLess(text.count("\n"), 300)

    def test_only_the_known_library_is_taken(self):
        for text in ("alert(1)", "/*! Chart.js v3.9.1 */ alert(1)"):
            library.places()[0].write_text(text, encoding="utf-8")
            self.assertIsNone(library.source())
        self.assertNotIn("<script", self.write())

    def test_other_kinds_of_columns_are_no_quantities(self):
        self.assertTrue(overview_data.is_number("psi", np.float64(1)))
        for value in ("ok", np.nan, np.array([1.0, 2.0]), b"x"):
            self.assertFalse(overview_data.is_number("psi", value))


if __name__ == "__main__":
    unittest.main()
