"""What the checks of all analyses share."""
import functools

import numpy

# Outputs and gradients are sums of some hundred single-precision products: a few rounding errors of 6e-8 of their size.
SINGLE = 3e-6
DOUBLE = 1e-10


def assert_near(found, expected, tolerance, what):
    """Absolute tolerance, one number or one for each entry; NaN where NaN is expected."""
    found, expected = numpy.asarray(found, dtype=float), numpy.asarray(expected, dtype=float)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    numpy.testing.assert_array_equal(numpy.isnan(found), numpy.isnan(expected), f"{what}: NaN at other places")
    with numpy.errstate(invalid="ignore"):
        away = numpy.where(found == expected, 0.0, numpy.abs(found - expected)) - tolerance
    if (away > 0.0).any():
        worst = numpy.unravel_index(numpy.nanargmax(away), away.shape)
        raise AssertionError(f"{what}{list(worst)}: {found[worst]!r}, recomputed {expected[worst]!r}; "
                             f"{int((away > 0.0).sum())} of {away.size} differ")


def assert_close(found, expected, relative, what):
    """Relative to the largest expected value."""
    expected = numpy.asarray(expected, dtype=float)
    finite = numpy.abs(expected[numpy.isfinite(expected)])
    assert_near(found, expected, relative * (finite.max() if finite.size else 0.0), what)


def assert_each_close(found, expected, relative, what):
    """Relative to each expected value."""
    expected = numpy.asarray(expected, dtype=float)
    assert_near(found, expected, relative * numpy.abs(numpy.nan_to_num(expected, posinf=0.0, neginf=0.0)), what)


def chosen_directions(available, options):
    """Of a table: `directions` of them spaced evenly in ln i, each once, from 0, or the leading ones; all where that is as many."""
    count = options["directions"]
    if count in ("all", 0) or count >= available:
        return numpy.arange(available)
    if options["spacing"] == "leading":
        return numpy.arange(count)
    return numpy.unique(numpy.floor(numpy.exp(numpy.log(available) * numpy.arange(count) / (count - 1)) + 0.5).astype(int) - 1)


def for_each_layer(*analyses):
    """A test of (layer, group) runs once for every layer analysed, with the group of each of these analyses."""
    def decorate(check):
        @functools.wraps(check)
        def test(self):
            for layer in self.run_.analysed:
                for analysis in analyses:
                    with self.subTest(layer=layer, analysis=analysis):
                        check(self, layer, self.run_.replica[f"{analysis}/{layer}"])
        return test
    return decorate


class LayerChecks:
    """A test class has the replica as `self.run_`."""

    def options(self, table):
        return self.run_.config[table]

    def in_range(self, group, numbers):
        return (numbers >= group.attrs["fit_first"]) & (numbers <= group.attrs["fit_last"])

    def moving(self, layer):
        """Leading principal directions that move, of the file; the checks of `pca` count them again."""
        return self.run_.replica[f"pca/{layer}"].attrs["moving"]
