"""Exponents of /summary: one fit through the points of all seeds."""
import numpy

from . import fits
from .checks import assert_near


def pooled(samples, seed):
    """(exponent, low, high) through the points of several seeds, resampled by seeds and by points of each."""
    points = [fits.usable(x, y) for x, y in samples]
    points = [(x, y) for x, y in points if x.size]
    if sum(x.size for x, _ in points) < 3:
        return (numpy.nan,) * 3
    if len(points) == 1:
        x, y = points[0]
        return fits.power_law(numpy.exp(x), numpy.exp(y), seed)
    stream = fits.philox.Stream(seed, "bootstrap")
    slopes = []
    for _ in range(fits.RESAMPLES):
        drawn = []
        for _ in points:
            x, y = points[int(stream.below([len(points)])[0])]
            picked = stream.below(numpy.full(x.size, x.size))
            drawn.append((x[picked], y[picked]))
        slopes.append(fits.slope(*map(numpy.concatenate, zip(*drawn))))
    return (fits.slope(*map(numpy.concatenate, zip(*points))), *numpy.nanquantile(slopes, [0.025, 0.975]))


class Summary:
    """A test class has the open file as `self.file`, all rows of one grid point."""

    def replicas(self):
        return [self.file[f"replica/{i:06d}"] for i in range(len(self.file["grid/seed"]))]

    def test_pooled_exponents(self):
        for layer, group in self.file["summary/psi"].items():
            for name, side in (("psi", None), ("psi_below", "below"), ("psi_above", "above")):
                self.check(group, name, [self.relation(r, layer, side) for r in self.replicas()])
        for layer, group in self.file["summary/dynamics"].items():
            for name, column in dict(psi_d="noise_strength", psi_tau="tau", psi_tau_window="tau_window", psi_same_directions="variance").items():
                self.check(group, name, [self.of_dynamics(r, layer, column) for r in self.replicas()])

    def fitted(self, group):
        return (group["direction"][()] >= group.attrs["fit_first"]) & (group["direction"][()] <= group.attrs["fit_last"])

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
        found = [group[name + end][0] for end in ("", "_low", "_high")]
        expected = fits.falling(pooled(samples, int(self.file["grid/seed"][0])))
        assert_near(found, expected, 1e-7, f"{group.name} {name}")

    def test_exponents_of_nulls(self):
        for layer, group in self.file["summary/nulls"].items():
            for name in ("walk_psi", "fresh_walk_psi", "half_psi", "held_out_psi"):
                values = numpy.array([[r[f"nulls/{layer}"].attrs[name + end] for end in ("", "_low", "_high")] for r in self.replicas()])
                expected = [values[:, 0].mean(), values[:, 1].min(), values[:, 2].max()]
                assert_near([group[name + end][0] for end in ("", "_low", "_high")], expected, 1e-12, name)
