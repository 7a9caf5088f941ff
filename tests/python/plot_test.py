"""Figures as methods of a run: they leave the user's settings alone, and a heat map shows the means of the grid."""
import unittest

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from package_runs import PackageTest, flatsweep


class Plot(PackageTest):
    def tearDown(self):
        plt.close("all")

    def test_every_figure_is_a_method(self):
        plots = self.run_of_four.plot
        drawn = 0
        for name in plots.names:
            self.assertIn(name, dir(plots))
            try:
                self.assertGreater(len(getattr(plots, name)(replica=2).axes), 0, name)
                drawn += 1
            except flatsweep.NotInFile:
                pass
            plt.close("all")
        self.assertGreater(drawn, 15)
        self.assertTrue(plots.fig1c.__doc__.startswith("theta_1, theta_2, theta_10"))

    def test_settings_of_the_user_stand_before_and_after(self):
        with matplotlib.rc_context({"font.size": 19, "pdf.fonttype": 3, "axes.grid": True}):
            before = dict(matplotlib.rcParams)
            figure = self.run_of_four[0].plot.figS02()
            figure.savefig(self.folder / "a.pdf")
            self.assertEqual(dict(matplotlib.rcParams), before)
            self.assertEqual(figure.axes[0].xaxis.label.get_size(), 8)
        self.assertNotIn(b"/Type3", (self.folder / "a.pdf").read_bytes())

    def test_a_heat_map_shows_means_over_seeds(self):
        run = self.package_run("map", settings={"grid.batch_size": [20, 50], "grid.learning_rate": [0.05, 0.1], "grid.seed": [1, 2],
                                                "curvature.enabled": False, "network_curvature.enabled": False})
        axes = run.plot.phase("batch_size", "learning_rate", "test_error").axes[0]
        cells = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
        error = [group["training/test_error"][-1] for group in run.file["replica"].values()]  # learning rate and seed vary faster
        means = np.reshape(error, (2, 2, 2)).mean(axis=2).T
        self.assertEqual(cells, {(y + 0.5, x + 0.5): f"{means[y, x]:.3g}" for y in range(2) for x in range(2)})
        self.assertEqual([label.get_text() for label in axes.get_xticklabels()], ["20", "50"])
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()], ["0.05", "0.1"])
        self.assertEqual(axes.get_title(), "test error, mean over 2 seeds")

    def test_a_heat_map_asks_for_axes_that_it_does_not_show(self):
        plots = self.run_of_four.plot
        with self.assertRaisesRegex(ValueError, r'replicas differ in width, too; choose with where=\{"width": 8\}'):
            plots.phase("seed", "batch_size", "test_error")
        with self.assertRaisesRegex(ValueError, "no finished replica has width = 9; there are 8, 10"):
            plots.phase("seed", "batch_size", "test_error", where={"width": 9})
        with self.assertRaisesRegex(ValueError, "no column depth; it has .*batch_size"):
            plots.phase("depth", "width", "test_error")
        self.assertEqual(len(plots.phase("seed", "batch_size", "test_error", where={"width": 8}).axes[0].texts), 2)


if __name__ == "__main__":
    unittest.main()
