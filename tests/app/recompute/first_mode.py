"""Moving along the first principal direction: gaps, their lines, and the four forms of ln L_1."""
import numpy

from .checks import SINGLE, LayerChecks, assert_close, assert_near, for_each_layer
from .matrices import LayerMatrices
from .network import losses



def gaps(outputs, labels):
    """Correct output less the largest wrong one, and ln of the sum of exp(wrong less largest wrong)."""
    rows = numpy.arange(len(labels))
    wrong = outputs.copy()
    wrong[rows, labels] = -numpy.inf
    largest = wrong.max(axis=1)
    return outputs[rows, labels] - largest, numpy.log(numpy.exp(wrong - largest[:, None]).sum(axis=1))


def lines(theta, gap):
    """Slope, value at 0 and R^2 of a straight line through each column of `gap` (n, samples)."""
    away, moved = theta - theta.mean(), gap - gap.mean(axis=0)
    slope = away @ moved / (away @ away)
    intercept = gap.mean(axis=0) - slope * theta.mean()
    total = (moved**2).sum(axis=0)
    left = ((moved - numpy.outer(away, slope))**2).sum(axis=0)
    rounding = 1e-6 * numpy.maximum(1.0, numpy.abs(gap.mean(axis=0)))
    still = total <= len(theta) * rounding**2
    return slope, intercept, numpy.where(still, numpy.nan, 1.0 - left / numpy.where(still, 1.0, total))


def correlation(a, b):
    return numpy.corrcoef(a, b)[0, 1]


class AlongFirst:
    """All samples along p_1 at the stored displacements."""

    def __init__(self, run, layer, group):
        self.theta = group["theta"][()]
        self.p = run.replica[f"pca/{layer}/directions"][0]
        line = run.line(layer, self.p)
        self.gap = numpy.array([gaps(line.outputs(t), run.labels)[0] for t in self.theta])
        outputs = line.outputs(0.0)
        self.gap_at_zero, self.log_others = gaps(outputs, run.labels)
        self.loss = losses(outputs, run.labels)
        self.slope, self.intercept, self.r2 = lines(self.theta, self.gap)

    def predictions(self):
        """ln L_1 from slopes: S5 with S6; S7; S8 with the loss as weight; S8 as printed."""
        t, log_mean = self.theta, numpy.log(self.loss.mean())
        def cumulants(weights):
            mean = numpy.average(self.slope, weights=weights)
            half = 0.5 * numpy.average((self.slope - mean)**2, weights=weights)
            return mean, half, log_mean - mean * t + half * t**2
        full = [numpy.log(numpy.log1p(numpy.exp(self.log_others - self.gap_at_zero - x * self.slope)).mean()) for x in t]
        exponential = [numpy.log((self.loss * numpy.exp(-x * self.slope)).mean()) for x in t]
        return full, exponential, cumulants(self.loss), cumulants(numpy.ones(len(self.loss)))


class FirstMode(LayerChecks):
    @for_each_layer("first_mode")
    def test_range(self, layer, group):
        flatness = self.run_.replica[f"flatness/{layer}"]
        left, right, points = flatness["left"][0], flatness["right"][0], self.options("first_mode")["points"]
        bounded = numpy.isfinite(right - left) and flatness["direction"][0] == 0
        sigma = numpy.sqrt(self.run_.replica[f"pca/{layer}/variance"][0])
        ends = (left, right) if bounded else (-3.0 * sigma, 3.0 * sigma)
        self.assertEqual(group.attrs["theta_range"], "crossings" if bounded else "three sigma")
        assert_close(group["theta"][()], numpy.linspace(*ends, points), 1e-12, "theta")

    @for_each_layer("first_mode")
    def test_gaps_and_lines(self, layer, group):
        mode = AlongFirst(self.run_, layer, group)
        count, stored = len(self.run_.labels), min(self.options("first_mode")["samples"], len(self.run_.labels))
        kept = numpy.arange(stored) * count // stored
        numpy.testing.assert_array_equal(group["sample"][()], kept)
        numpy.testing.assert_array_equal(group["label"][()], self.run_.labels[kept])
        size = numpy.abs(mode.gap).max()
        reach = numpy.abs(mode.theta - mode.theta.mean()).mean()
        assert_near(group["gap"][()], mode.gap.T[kept], SINGLE * size, "gap")
        known = ~numpy.isnan(group["gap_slope"][()])
        assert_near(group["gap_slope"][()][known], mode.slope[kept][known], SINGLE * size / reach, "gap_slope")
        numpy.testing.assert_array_equal(numpy.isnan(group["gap_r2"][()]), ~known)
        self.assertTrue((mode.gap.std(axis=0)[kept][~known] < SINGLE * size).all(), "gaps without a slope")
        assert_near(group["gap_intercept"][()], mode.intercept[kept], 3 * SINGLE * size, "gap_intercept")
        spread = mode.gap.std(axis=0)
        moved = spread > 0.01 * size
        assert_near(group["gap_r2"][()][moved[kept]], mode.r2[moved & numpy.isin(numpy.arange(count), kept)], 1e-4, "gap_r2")
        assert_near(group["gap_at_zero"][()], mode.gap_at_zero[kept], SINGLE * size, "gap_at_zero")
        assert_near(group["loss_at_zero"][()], mode.loss[kept], SINGLE * size * (mode.loss[kept] + 1e-3), "loss_at_zero")
        assert_near(group.attrs["median_r2"], numpy.nanmedian(mode.r2), 1e-4, "median_r2")
        assert_near(group.attrs["stored_median_r2"], numpy.nanmedian(group["gap_r2"][()]), 1e-12, "stored_median_r2")

    @for_each_layer("first_mode")
    def test_predictions(self, layer, group):
        mode = AlongFirst(self.run_, layer, group)
        full, exponential, weighted, plain = mode.predictions()
        theta, measured = mode.theta, group["log_loss"][0]
        inner = (theta >= 0.5 * theta[0]) & (theta <= 0.5 * theta[-1])
        for name, expected in dict(full=full, exponential=exponential, weighted_cumulant=weighted[2], plain_cumulant=plain[2]).items():
            found = group[f"predicted_{name}"][()]
            assert_close(found, expected, 1e-4, f"predicted_{name}")
            error = (found - measured)[inner]
            assert_near(group.attrs[f"{name}_max_error"], numpy.abs(error).max(), 1e-12, f"{name}_max_error")
            assert_near(group.attrs[f"{name}_rms_error"], numpy.sqrt((error**2).mean()), 1e-12, f"{name}_rms_error")
        size = numpy.abs(mode.slope).max()
        for name, (mean, half, _) in dict(weighted=weighted, plain=plain).items():
            assert_near(group.attrs[f"beta_{name}"], mean, 1e-4 * size, f"beta_{name}")
            assert_near(group.attrs[f"beta_2_{name}"], half, 1e-4 * size**2, f"beta_2_{name}")

    @for_each_layer("first_mode")
    def test_relation_to_the_solution(self, layer, group):
        mode = AlongFirst(self.run_, layer, group)
        w = self.run_.solution(layer)
        assert_close(group.attrs["solution_norm"], numpy.linalg.norm(w), 1e-12, "solution_norm")
        assert_close(group.attrs["alignment"], abs(mode.p @ w) / numpy.linalg.norm(w), 1e-12, "alignment")
        assert_near(group.attrs["component_correlation"], correlation(mode.p, w), 1e-12, "component_correlation")
        assert_near(group.attrs["gap_correlation"], correlation(mode.slope, mode.gap_at_zero), 1e-4, "gap_correlation")
        proportional = mode.slope @ mode.gap_at_zero / (mode.gap_at_zero @ mode.gap_at_zero)
        assert_near(group.attrs["gap_proportionality"], proportional, 1e-4 * numpy.abs(proportional), "gap_proportionality")

    @for_each_layer("first_mode")
    def test_modes_compared(self, layer, group):
        pca, own = self.run_.replica[f"pca/{layer}"], LayerMatrices.of(self.run_, layer)
        flatness = self.run_.replica[f"flatness/{layer}"]
        known = dict(zip(flatness["direction"][()], zip(flatness["left"][()], flatness["right"][()])))
        self.assertEqual(group["modes"][0], 0)
        slopes = pca["directions"][()][group["modes"][()]] @ own.gradient / own.loss
        assert_close(group["slope"][()], slopes, 10 * SINGLE, "slope")
        assert_near(group["relative_slope"][()], group["slope"][()] * group["flatness"][()], 1e-12, "relative_slope")
        for row, number in enumerate(group["modes"][()]):
            line = self.run_.line(layer, pca["directions"][number])
            left, right = known[number]
            assert_near(group["flatness"][row], right - left, 1e-14, "flatness")
            # ln L of losses in single precision, some thousand times their value at the solution.
            assert_near(group["log_loss"][row], line.log_losses(group["theta"][()]), 3e-5, f"log_loss of mode {number}")
            if numpy.isnan(right - left):
                self.assertTrue(numpy.isnan(group["own_theta"][row]).all())
                continue
            own_theta = numpy.linspace(left, right, len(group["theta"]))
            assert_close(group["own_theta"][row], own_theta, 1e-12, "own_theta")
            assert_near(group["own_log_loss"][row], line.log_losses(own_theta), 3e-5, f"own_log_loss of mode {number}")
