"""The page of 243 replicas in headless Chromium: size, time, clicks, keyboard, width of the window. See tools/page-trial."""
import os
import pathlib
import sys
import tempfile
import time
import unittest

import h5py
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[2] / "python")]
import many_replicas  # noqa: E402
from flatsweep.report import report  # noqa: E402, of the tree

MIB8, READY = 8 * 10**6, 3.0
WIDTHS = (390, 1440)
# Selectors of all that can be reached by the keyboard.
REACHED = "a[href], button, input, select, summary, [tabindex='0']"


def started():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-device-scale-factor=1"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=webdriver.chrome.service.Service("/usr/bin/chromedriver"), options=options)


class PageTrial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shots = pathlib.Path(os.environ["FLATSWEEP_SHOTS"]) if "FLATSWEEP_SHOTS" in os.environ else None
        cls.results = pathlib.Path(folder.name) / "results.h5"
        many_replicas.write(cls.results)
        begin = time.monotonic()
        assert report.main([str(cls.results)]) == 0
        print(f"written in {time.monotonic() - begin:.1f} s")
        cls.page = cls.results.with_name("report.html")
        cls.browser = started()
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        self.opened(1440)

    def tearDown(self):
        log = [entry for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        self.assertEqual(log, [])
        self.assertIsNone(self.script("return window.harmed ?? null"), "a text of the file ran as a program")

    def opened(self, width, fragment=""):
        """Loads the page anew; returns the seconds until it could be used."""
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        self.browser.get("about:blank")
        begin = time.monotonic()
        self.browser.get(self.page.as_uri() + fragment)
        WebDriverWait(self.browser, 30, poll_frequency=0.02).until(lambda _: self.script("return document.documentElement.dataset.ready") == "yes")
        return time.monotonic() - begin

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)

    def click(self, selector):
        node = self.find(selector)
        self.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", node)
        node.click()
        return node

    def wait(self, condition):
        WebDriverWait(self.browser, 10, poll_frequency=0.02).until(lambda _: condition())

    def shoot(self, name):
        if self.shots:
            self.shots.mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(self.shots / f"{name}.png"))

    def test_it_is_small_and_soon_ready_and_takes_nothing_from_elsewhere(self):
        size = self.page.stat().st_size
        seconds = min(self.opened(1440) for _ in range(3))
        print(f"{size / 1e6:.2f} MB, ready in {seconds:.2f} s")
        self.assertLess(size, MIB8)
        self.assertLess(seconds, READY)
        loaded = self.script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        self.assertEqual([name for name in loaded if not name.startswith(("data:", "blob:"))], [])

    def test_nothing_overflows(self):
        for width in WIDTHS:
            self.opened(width)
            inner, page = self.script("return [document.documentElement.clientWidth, document.documentElement.scrollWidth]")
            self.assertLessEqual(page, inner)
            beyond = self.script("""return [...document.querySelectorAll('main *, nav *')].filter((node) => !node.closest('.wide, pre')
                && node.getBoundingClientRect().right > innerWidth + 1 && node.getBoundingClientRect().width).map((node) => node.outerHTML.slice(0, 200))""")
            self.assertEqual(beyond, [], f"at {width}")
            self.script("document.getElementById('heat-map').scrollIntoView({behavior: 'instant'})")
            self.shoot(f"heat-map-{width}")
            self.click("#replica-table button.open")
            self.shoot(f"replica-{width}")

    def test_a_click_on_a_number_opens_that_replica(self):
        self.find("#replica-filter").send_keys("B=50 learning_rate=0.1 width=25 seed=3")
        self.wait(lambda: len(self.texts("#replica-table tbody tr")) == 1)
        number = int(self.click("#replica-table button.open").text)
        self.wait(lambda: self.texts("#replica") == [f"Replica {number}"])
        with h5py.File(self.results) as file:
            row = {name: file[f"grid/{name}"][number] for name in many_replicas.AXES}
            flatness = file[f"replica/{number:06d}/flatness/fc2"]
            psi = flatness.attrs["psi"]
            self.assertEqual((row["batch_size"], row["learning_rate"], row["width"], row["seed"]), (50, 0.1, 25, 3))
            facts = dict(zip(self.texts("#replica-facts dt"), self.texts("#replica-facts dd")))
            self.assertEqual((facts["B"], facts["seed"], facts["ψ"]), ("50", "3", f"{psi:.4g}"))
            drawn = self.script("return document.querySelector('[data-chart=cloud]').flatsweepChart.data.datasets[1].data")
            measured = [[float(f"{value:.4g}") for value in pair] for pair in zip(flatness["flatness"][()], flatness["variance"][()]) if pair[0] == pair[0]]
            self.assertTrue(all([point["x"], point["y"]] in measured for point in drawn))
            self.assertGreater(len(drawn), 100)
        self.assertEqual(self.script("return document.activeElement.id"), "replica")

    def test_pointing_at_a_direction_tells_and_draws_it(self):
        canvas = self.find("[data-chart=cloud]")
        self.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
        for row in (20, 45):
            place = self.script("""const drawn = arguments[0].flatsweepChart, point = drawn.getDatasetMeta(1).data[arguments[1]];
                return [point.x - arguments[0].clientWidth / 2, point.y - arguments[0].clientHeight / 2, drawn.data.datasets[1].data[arguments[1]].row]""", canvas, row)
            ActionChains(self.browser).move_to_element_with_offset(canvas, round(place[0]), round(place[1])).perform()
            self.wait(lambda: self.script("return document.querySelector('[data-chart=cloud]').flatsweepChart.tooltip.opacity") > 0)
            with h5py.File(self.results) as file:
                group = file["replica/000000/flatness/fc2"]
                chosen = int(self.script("return Number(document.getElementById('direction').value)"))
                at = list(group["direction"]).index(chosen - 1)
                words = self.texts("#direction-words")[0]
                self.assertIn(f"Direction {chosen}: F = {group['flatness'][at]:.4g}", words)
                self.assertIn("status ok", words)
                profile = self.script("return document.querySelector('[data-chart=profile]').flatsweepChart.data.datasets[0].data")
                theta = group["profile_theta"][at]
                self.assertTrue(all(min(abs(theta - point["x"])) < 2e-3 * abs(theta).max() for point in profile))
                tooltip = self.script("return document.querySelector('[data-chart=cloud]').flatsweepChart.tooltip.body[0].lines")
                self.assertIn(f"i = {chosen}, status ok", tooltip[0])
        self.shoot("direction")

    def test_directions_without_a_point_are_stepped_through(self):
        field = self.find("#direction")
        field.clear()
        field.send_keys("625", Keys.ENTER)
        self.wait(lambda: "left unbounded" in self.texts("#direction-words")[0])
        self.assertIn("F = none", self.texts("#direction-words")[0])
        self.click("#previous-direction")
        self.wait(lambda: self.script("return Number(document.getElementById('direction').value)") < 625)

    def test_headings_sort(self):
        def column(place):
            return [float(text.replace("–", "nan")) for text in self.texts(f"#replica-table tbody td:nth-child({place})")]
        place = 1 + self.texts("#replica-table thead th").index("ψ")
        self.click(f"#replica-table thead th:nth-child({place}) button")
        values = column(place)[:-1]
        self.assertEqual(values, sorted(values))
        self.assertEqual(self.find(f"#replica-table thead th:nth-child({place})").get_attribute("aria-sort"), "ascending")
        self.click(f"#replica-table thead th:nth-child({place}) button")
        values = column(place)[:-1]
        self.assertEqual(values, sorted(values, reverse=True))
        self.assertEqual(self.texts("#replica-table tbody tr:last-child td")[0], "242", "what has no number stands last")

    def test_filters_say_what_they_do_not_know(self):
        field = self.find("#replica-filter")
        field.send_keys("nonsense>3")
        self.assertEqual(self.texts("#replica-count"), ["There is no column “nonsense”."])
        field.clear()
        field.send_keys("psi>4.2 status=done")
        with h5py.File(self.results) as file:
            expected = sum(replica[f"flatness/{many_replicas.LAYER}"].attrs["psi"] > 4.2 for replica in file["replica"].values() if "flatness" in replica)
        self.assertIn(f"{expected} of 243 replicas.", self.texts("#replica-count")[0])

    def test_the_heat_map_has_means_over_seeds_and_shows_its_replicas(self):
        with h5py.File(self.results) as file:
            psi = [file[f"replica/{number:06d}/flatness/fc2"].attrs["psi"] for number in range(242)]
            rows = {name: file[f"grid/{name}"][:242] for name in many_replicas.AXES}
        chosen = (rows["batch_size"] == 10) & (rows["learning_rate"] == 0.05) & (rows["width"] == 25)
        mean = sum(value for value, there in zip(psi, chosen) if there) / chosen.sum()
        label = self.find("#map-table tbody button").get_attribute("aria-label")
        self.assertIn(f"ψ {mean:.4g} at B 10, α 0.05, mean of 9 replicas", label)
        self.click("#map-table tbody button")
        self.wait(lambda: "9 of 243 replicas of the cell B 10, α 0.05." in self.texts("#replica-count")[0])
        self.assertEqual(self.texts("#replica-table tbody tr td:first-child"), [str(number) for number in range(242) if chosen[number]])
        self.click("#show-all")
        self.wait(lambda: "243 of 243" in self.texts("#replica-count")[0])
        down = Select(self.find("#map-controls .control:nth-child(3) select"))
        down.select_by_value("width")
        self.assertIn("width" if "width" in self.texts("#map-table thead th")[0] else "H", self.texts("#map-table thead th")[0])

    def test_nulls_go_and_come(self):
        def labels(chart):
            return self.script("return document.querySelector(`[data-chart=${arguments[0]}]`).flatsweepChart.data.datasets.map((entry) => entry.label)", chart)
        self.assertIn("noise walk", labels("spectrum"))
        self.assertIn("noise walk, its own directions", labels("cloud"))
        self.click("#nulls input")
        self.assertNotIn("noise walk", labels("spectrum"))
        self.assertNotIn("noise walk, its own directions", labels("cloud"))
        self.click("#nulls input")
        self.assertIn("noise walk", labels("spectrum"))

    def test_texts_of_the_file_are_shown_and_do_nothing(self):
        self.opened(1440, "#replica-242")
        self.assertEqual(self.texts("#replica"), ["Replica 242"])
        self.wait(lambda: abs(self.script("return document.getElementById('replica').getBoundingClientRect().top")) < 100)  # scrolled to
        self.assertIn(many_replicas.HOSTILE, self.texts("#replica-facts dd"))

    def test_the_keyboard_reaches_everything_in_order(self):
        """Tab goes through all that can be used, in the order of the page; Enter does what a click does."""
        self.find("#replica-filter").send_keys("seed=1 B=10 width=25")  # fewer rows to go through
        self.wait(lambda: len(self.texts("#replica-table tbody tr")) == 3)
        self.script("document.activeElement.blur(); window.scrollTo(0, 0); document.body.tabIndex = -1; document.body.focus()")
        wanted = self.script("""let count = 0; return [...document.querySelectorAll(arguments[0])].filter((node) => node.getClientRects().length
            && !node.closest('details:not([open]) > :not(summary)')).map((node) => { node.dataset.order = ++count; return count; }).length""", REACHED)
        order = []
        for _ in range(wanted):
            ActionChains(self.browser).send_keys(Keys.TAB).perform()
            order.append(self.script("return Number(document.activeElement.dataset.order)"))
        self.assertEqual(order, list(range(1, wanted + 1)))
        button = self.find("#replica-table tbody tr:nth-child(2) button.open")
        self.script("arguments[0].focus()", button)
        number = button.text
        ActionChains(self.browser).send_keys(Keys.ENTER).perform()
        self.wait(lambda: self.texts("#replica") == [f"Replica {number}"])

    def test_alternative_texts_are_sentences(self):
        texts = self.script("""return [...document.querySelectorAll('img')].map((node) => node.alt).concat(
            [...document.querySelectorAll('canvas')].map((node) => node.getAttribute('aria-label')))""")
        self.assertGreater(len(texts), 5)
        for text in texts:
            self.assertRegex(text, r"(?s)^[A-Z].* .*\.$")


if __name__ == "__main__":
    unittest.main()
