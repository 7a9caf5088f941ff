"""Power laws by least squares, with the interval of resampled points."""
import numpy

from . import philox
from .checks import assert_near

RESAMPLES = 1000


def slope(x, y):
    """NaN where all x are the same."""
    dx = x - x.mean()
    return dx @ (y - y.mean()) / (dx @ dx) if dx @ dx > 0.0 else numpy.nan


def usable(x, y):
    x, y = numpy.asarray(x, dtype=float), numpy.asarray(y, dtype=float)
    with numpy.errstate(invalid="ignore"):
        kept = numpy.isfinite(x) & numpy.isfinite(y) & (x > 0.0) & (y > 0.0)
    return numpy.log(x[kept]), numpy.log(y[kept])


def power_law(x, y, seed):
    """(exponent, low, high) of y ~ x^exponent."""
    x, y = usable(x, y)
    if x.size < 3:
        return (numpy.nan,) * 3
    picked = philox.Stream(seed, "bootstrap").below(numpy.full(RESAMPLES * x.size, x.size)).reshape(RESAMPLES, -1)
    drawn_x, drawn_y = x[picked], y[picked]
    drawn_x = drawn_x - drawn_x.mean(axis=1, keepdims=True)
    spread = (drawn_x**2).sum(axis=1)
    kept = spread > 1e-12 * (x - x.mean()).var()
    slopes = (drawn_x * drawn_y).sum(axis=1)[kept] / spread[kept]
    return (slope(x, y), *numpy.quantile(slopes, [0.025, 0.975]))


def assert_exponent(group, name, expected, tolerance=1e-7):
    """The stored exponent with both ends of its interval. All logarithms are in double precision from stored numbers."""
    found = [group.attrs[name + end] for end in ("", "_low", "_high")]
    assert_near(found, expected, tolerance, f"{group.name} {name}")


def falling(fit):
    """y ~ x^-exponent."""
    value, low, high = fit
    return -value, -high, -low
