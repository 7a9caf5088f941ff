"""Exponents of /summary: the mean of the seeds' exponents, with the interval over seeds."""
import numpy

from columns import column

from . import fits
from .checks import assert_near


class Summary:
    """A test class has the open file as `self.file`, all rows of one grid point."""

    def replicas(self):
        return [self.file[f"replica/{i:06d}"] for i in range(len(self.file["grid/seed"]))]

    def test_exponents_over_seeds(self):
        for layer, group in self.file["summary/psi"].items():
            for name, side in (("psi", None), ("psi_below", "below"), ("psi_above", "above")):
                self.check(group, name, [self.relation(r, layer, side) for r in self.replicas()])
        for layer, group in self.file["summary/dynamics"].items():
            for name, column in dict(psi_d="noise_strength", psi_tau="tau", psi_tau_window="tau_window", psi_same_directions="variance").items():
                self.check(group, name, [self.of_dynamics(r, layer, column) for r in self.replicas()])

    def fitted(self, group):
        in_range = (group["direction"][()] >= group.attrs["fit_first"]) & (group["direction"][()] <= group.attrs["fit_last"])
        return in_range & (group["variance"][()] > group.attrs["rounding_variance"])

    def relation(self, replica, layer, side):
        group = replica[f"flatness/{layer}"]
        kept = self.fitted(group)
        if side is not None:
            below = group["loss_curvature"][()] < group.attrs["crossover_curvature"]
            kept &= below if side == "below" else ~below
        return group["flatness"][()][kept], group["variance"][()][kept]

    def of_dynamics(self, replica, layer, column):
        group = replica[f"dynamics/{layer}"]
        with numpy.errstate(invalid="ignore"):
            usable = (group["flatness"][()] > 0.0) & (group["variance"][()] > 0.0) & (group["noise_strength"][()] > 0.0)
        kept = usable & self.fitted(group)
        return group["flatness"][()][kept], group[column][()][kept]

    def check(self, group, name, samples):
        each = [fits.falling(fits.power_law(x, y)) for x, y in samples]
        self.check_row(group, name, each, sum(fit[3] for fit in each if numpy.isfinite(fit[0])))

    def check_row(self, group, name, each, points):
        expected = fits.over_seeds(each)
        assert_near([group[name + end][0] for end in ("", "_low", "_high", "_seeds")], expected, 1e-6, f"{group.name} {name}")
        seeds = expected[3]
        kind = "none" if seeds == 0 else "within seeds" if seeds < 3 else "over seeds"
        self.assertEqual(column(group[f"{name}_interval"])[0], kind)
        if seeds > 0:
            self.assertEqual((group[f"{name}_points"][0], column(group[f"{name}_status"])[0]), (points, "ok"))

    def test_exponents_of_nulls(self):
        for layer, group in self.file["summary/nulls"].items():
            for name in ("walk_psi", "fresh_walk_psi", "half_psi", "held_out_psi"):
                each = [[r[f"nulls/{layer}"].attrs[name + end] for end in ("", "_low", "_high", "_points")] for r in self.replicas()]
                self.check_row(group, name, each, sum(fit[3] for fit in each if numpy.isfinite(fit[0])))
