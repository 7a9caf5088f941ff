"""Columns that one might take for another are unlike in these runs, so that a check of each is a check against the other."""
import numpy

from .checks import LayerChecks, for_each_layer

ALIKE = 1e-3   # more than any tolerance of the other checks allows

UNLIKE = (("training", ("train_loss", "test_loss")), ("training", ("train_error", "test_error")),
          ("flatness", ("right", "left", "flatness", "predicted_width")), ("flatness", ("curvature", "loss_curvature", "slope")),
          ("curvature", ("rayleigh", "log_loss_rayleigh", "noise_rayleigh", "flatness_curvature", "residual")),
          ("curvature", tuple(f"{name}_eigenvalues" for name in ("hessian", "log_loss_hessian", "empirical_fisher",
                                                                 "minibatch_second_moment", "noise_covariance"))),
          ("dynamics", ("tau", "tau_window", "variance", "noise_strength", "noise_strength_static", "noise_strength_window")),
          ("dynamics", ("velocity_autocorrelation", "integrated_autocorrelation", "mean_square_displacement", "measured_displacement")),
          ("mlf", ("theta", "theta_newton", "gradient", "m_diagonal")), ("mlf", ("m_mean", "m_variance")),
          ("first_mode", ("predicted_full", "predicted_exponential", "predicted_weighted_cumulant", "predicted_plain_cumulant")),
          ("nulls", ("walk_variance", "fresh_walk_variance", "noise_variance", "predicted_variance", "flat_variance")),
          ("nulls", ("walk_flatness", "walk_loss_curvature", "walk_own_variance")),
          ("nulls", ("half_variance", "held_out_variance", "half_flatness", "half_loss_curvature")),
          ("filters", ("projection", "projection_fraction", "sparsity", "participation")))


def alike(a, b):
    """Up to a sign."""
    both = numpy.isfinite(a) & numpy.isfinite(b)
    size = numpy.abs(a[both]).max(initial=0.0)
    return min(numpy.abs(a[both] - b[both]).max(initial=0.0), numpy.abs(a[both] + b[both]).max(initial=0.0)) <= ALIKE * size


class Apart(LayerChecks):
    @for_each_layer(*{analysis for analysis, _ in UNLIKE} - {"training"})
    def test_columns_of_an_analysis_are_unlike(self, layer, group):
        analysis = group.name.split("/")[-2]
        for names in (names for known, names in UNLIKE if known == analysis):
            self.check(group, names)

    def test_curves_are_unlike(self):
        for names in (names for analysis, names in UNLIKE if analysis == "training"):
            self.check(self.run_.replica["training"], names)

    def check(self, group, names):
        there = [name for name in names if name in group and numpy.isfinite(group[name][()]).any()]
        for i, first in enumerate(there):
            for second in there[i + 1:]:
                self.assertFalse(alike(group[first][()], group[second][()]), f"{group.name}: {first} and {second} are alike")
