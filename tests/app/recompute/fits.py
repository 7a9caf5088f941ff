"""Power laws by least squares, with the interval of residuals that correlate along the directions."""
import numpy

from .checks import assert_near

FEWEST, SPAN, REACH = 8, 2.0, 4.0
NODES, WEIGHTS = numpy.polynomial.legendre.leggauss(200)


def usable(x, y):
    x, y = numpy.asarray(x, dtype=float), numpy.asarray(y, dtype=float)
    with numpy.errstate(invalid="ignore"):
        kept = numpy.isfinite(x) & numpy.isfinite(y) & (x > 0.0) & (y > 0.0)
    return numpy.log(x[kept]), numpy.log(y[kept])


def student(freedom):
    """97.5 % of Student's t: its distribution in a = atan(t/sqrt(f)) has the density cos(a)^(f-1)."""
    def mass(end):
        return end / 2.0 * (WEIGHTS @ numpy.cos(end * (NODES + 1.0) / 2.0) ** (freedom - 1.0))
    low, high, whole = 0.0, numpy.pi / 2.0, mass(numpy.pi / 2.0)
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if mass(middle) < 0.95 * whole else (low, middle)
    return numpy.sqrt(freedom) * numpy.tan(low)


def half_width(x, residual):
    """x around its mean. Residuals of variance s^2 with correlations rho^|i-j|; matrices written out."""
    n = len(x)
    design = numpy.stack([numpy.ones(n), x], axis=1)
    squares = residual @ residual
    rho = numpy.clip((n * (residual[1:] @ residual[:-1]) / squares + 2.0) / (n - 4.0), 0.0, 0.99) if squares > 0.0 and n > 4 else 0.0
    correlation = rho ** numpy.abs(numpy.subtract.outer(numpy.arange(n), numpy.arange(n)))
    hat = design @ numpy.linalg.pinv(design)
    variance = squares / max(n - numpy.trace(hat @ correlation), 1.0)
    slope = numpy.linalg.pinv(design)[1]
    independent = n * (1.0 - rho**2) / (1.0 + rho**2)
    return student(max(independent - 2.0, 2.0)) * numpy.sqrt(variance * (slope @ correlation @ slope))


def power_law(x, y):
    """(exponent, low, high, points, status) of y ~ x^exponent; x, y in the order of directions."""
    x, y = usable(x, y)
    nothing = (numpy.nan,) * 3
    if x.size < FEWEST:
        return (*nothing, x.size, "too few points")
    if x.max() - x.min() < numpy.log(SPAN):
        return (*nothing, x.size, "x spans less than a factor of 2")
    x, y = x - x.mean(), y - y.mean()
    slope = x @ y / (x @ x)
    reach = half_width(x, y - slope * x)
    if not reach <= REACH:
        return (*nothing, x.size, "interval beyond +-4")
    return slope, slope - reach, slope + reach, x.size, "ok"


def assert_exponent(group, name, expected, tolerance=1e-6):
    """The stored exponent with its interval, points and status. All logarithms are in double precision from stored numbers."""
    found = [group.attrs[name + end] for end in ("", "_low", "_high", "_points")]
    if expected[3] > 0:  # none at all may be one that was not measured
        assert group.attrs[name + "_status"] == expected[4], f"{group.name} {name}: {group.attrs[name + '_status']}, expected {expected[4]}"
    assert_near(found, expected[:4], tolerance, f"{group.name} {name}")


def falling(fit):
    """y ~ x^-exponent."""
    value, low, high, *rest = fit
    return -value, -high, -low, *rest


def over_seeds(fits):
    """(exponent, low, high, seeds): the mean; from three seeds on Student's interval, below their own half widths."""
    known = numpy.array([fit[:3] for fit in fits if numpy.isfinite(fit[0])])
    if not len(known):
        return (numpy.nan,) * 3 + (0,)
    value, count = known[:, 0].mean(), len(known)
    if count < 3:
        reach = numpy.sqrt(numpy.mean(((known[:, 2] - known[:, 1]) / 2.0)**2))
    else:
        reach = student(count - 1.0) * known[:, 0].std(ddof=1) / numpy.sqrt(count)
    return value, value - reach, value + reach, count
