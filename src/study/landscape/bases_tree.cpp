#include "bases_tree.hpp"

#include "flatness_columns.hpp"
#include "flatsweep/analysis/gradient_noise.hpp"
#include "flatsweep/base/numbers.hpp"
#include "study/store/tree_entries.hpp"

#include <string>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;

void set_exponents(Group& group, const BasisMeasurement& found) {
  set_exponent(group, "psi", found.psi.all, "exponent psi of sigma_i^2 ~ F_i^-psi over the fit range");
  set_exponent(group, "psi_below", found.psi.below,
               "exponent psi over the directions of the fit range with u_i^T H u_i < crossover_curvature");
  set_exponent(group, "psi_above", found.psi.above,
               "exponent psi over the directions of the fit range with u_i^T H u_i >= crossover_curvature");
  set_exponent(group, "psi_without_first", found.psi_without_first,
               "exponent psi of variance_without_first ~ F_i^-psi over the fit range");
  set_exponent(group, "psi_d", found.exponents.psi_d, "exponent psi_D of D_i ~ F_i^-psi_D over the fit range");
  set_exponent(group, "psi_tau", found.exponents.psi_tau,
               "exponent psi_tau of tau_i ~ F_i^-psi_tau over the fit range");
  set_exponent(group, "psi_tau_window", found.exponents.psi_tau_window,
               "exponent of tau_window ~ F_i^-exponent over the fit range, where tau_window is positive");
  set_exponent(group, "variance_exponent", found.variance_curvature,
               "exponent x of sigma_i^2 ~ (u_i^T H u_i)^x over the fit range; curvatures below 1e-7 of the largest are "
               "left out");
  set_exponent(group, "noise_exponent", found.noise_curvature,
               "exponent g of u_i^T C_B u_i ~ (u_i^T H u_i)^g over the fit range; curvatures below 1e-7 of the largest "
               "are left out");
}

/// Median over the fit range of the variance over a predicted one.
double median_of_prediction(const BasisMeasurement& found, Numbers variance, const Numbers& predicted) {
  for (std::size_t i = 0; i < variance.size(); ++i)
    if (!(variance[i] > found.rounding) || found.dynamics.direction[i] >= found.determined) variance[i] = nan;
  return median_ratio(found.dynamics.direction, variance, predicted, found.psi.fit_first, found.psi.fit_last);
}

void set_basis_attributes(Group& group, const BasisMeasurement& found) {
  set_exponents(group, found);
  set_fit_range(group, found.psi.fit_first, found.psi.fit_last);
  group.set("determined", std::int64_t{found.determined}, "1",
            "number of leading vectors that enter fits: of the Hessian and the noise those with an eigenvalue above "
            "1e-7 of the largest, since vectors of a null space are arbitrary; of the PCA those that move");
  group.set(
      "crossover_curvature", found.psi.crossover, "1",
      "lambda_x, the curvature below which the order of minibatches or the window's length sets the variance; NaN "
      "where there is none");
  group.set("rounding_variance", found.rounding, "1",
            "variance up to which a direction counts as standing still, and enters no fit");
  group.set("predicted_ratio_median", median_of_prediction(found, found.dynamics.variance, found.predicted.window), "1",
            "median over the fit range of variance / predicted_variance");
  group.set("rest_ratio_median", median_of_prediction(found, found.variance_without_first, found.predicted.window), "1",
            "median over the fit range of variance_without_first / predicted_variance");
  if (!found.whole_prediction.empty())
    group.set("whole_ratio_median", median_of_prediction(found, found.variance_without_first, found.whole_prediction),
              "1", "median over the fit range of variance_without_first / whole_predicted_variance");
  group.set("window_iterations", found.dynamics.iterations, "iterations", "T, length of the window");
  group.set("loss", found.loss, "1", "L_0 = L(w_0), mean loss over the training set");
  group.set("mean_flatness", found.mean_flatness, "1",
            "geometric mean of F_i over the directions of the fit range whose flatness is bounded");
}

void add_dynamics(Group& group, const BasisMeasurement& found, const std::vector<std::string>& axes) {
  const auto& dynamics = found.dynamics;
  add(group, "variance", dynamics.variance, axes, "1", "sigma_i^2, variance of the weights along u_i over the window");
  add(group, "variance_without_first", found.variance_without_first, axes, "1",
      "sigma_i^2 - (u_i . p_1)^2 sigma_1^2, variance along u_i without that of the window's first principal direction, "
      "its "
      "drift");
  add(group, "noise_strength", dynamics.noise_strength, axes, "1/iterations^2",
      "D_i = <v_i^2>, v_i(t) = theta_i(t+1) - theta_i(t) along u_i; a drift is in it");
  add(group, "noise_strength_static", found.noise_strength, axes, "1/iterations^2",
      "D_i along u_i without looking at v: noise_variance times alpha^2; divided by 1 - beta^2 with momentum, times (1 "
      "+ "
      "2 beta - 2 beta^3)/(1 - beta^2) with Nesterov's; NaN for Adam");
  add(group, "tau", dynamics.tau, axes, "iterations", "correlation time tau_i = sigma_i^2 / D_i along u_i");
  add(group, "tau_window", dynamics.tau_window, axes, "iterations",
      "T^-1 sum_t S_i(t) along u_i, eq. S19 as printed; may be negative");
  add(group, "drift", dynamics.drift, axes, "1/iterations", "mean velocity <v_i> along u_i");
}

void add_loss(Group& group, const BasisMeasurement& found, const std::vector<std::string>& axes) {
  const auto put = [&](const char* name, const Numbers& values, const std::string& description) {
    add(group, name, values, axes, "1", description);
  };
  put_crossings(found.flatness, "u_i", put);
  put_curvatures(found.flatness, "u_i", put);
  add_words(group, "status", column_of(found.flatness, &DirectionFlatness::status), "direction",
            "on which side L = e L_0 has no crossing along u_i, and why");
}

void add_predictions(Group& group, const BasisMeasurement& found, const std::vector<std::string>& axes) {
  add(group, "noise_variance", found.noise, axes, "1",
      "u_i^T C_B u_i, from the minibatches of the epoch after the window at w_0; NaN where minibatches are not known "
      "or "
      "differ by rounding alone");
  add(group, "predicted_variance", found.predicted.window, axes, "1",
      "variance along u_i expected in the window for a quadratic loss with the noise noise_variance, the curvature "
      "loss_curvature and the run's sampling; the flat limit where the curvature is not positive");
  if (!found.whole_prediction.empty())
    add(group, "whole_predicted_variance", found.whole_prediction, axes, "1",
        "variance along u_i expected in the window for a quadratic loss with all of the layer's Hessian and C_B, which "
        "need not commute, and the run's sampling; NaN where that is unstable");
  add(group, "flat_variance", found.predicted.flat, axes, "1",
      "variance along u_i expected in the window for a flat loss with the noise noise_variance");
  add(group, "stationary_variance", found.predicted.stationary, axes, "1",
      "variance along u_i of a stationary state under white noise of the variance noise_variance; infinite where the "
      "curvature is not positive");
}

}  // namespace

Group basis_tree(const BasisMeasurement& found) {
  Group group;
  set_basis_attributes(group, found);
  const std::vector<std::string> axes = {"direction"};
  add_integers(group, "direction", found.dynamics.direction, "direction", "1",
               "number of the basis's vector u_i, from 0");
  add(group, "eigenvalue", found.eigenvalue, axes, "1",
      "eigenvalue that belongs to u_i: of the window's covariance, the Hessian or C_B; NaN for random directions");
  add_dynamics(group, found, axes);
  add_loss(group, found, axes);
  add_predictions(group, found, axes);
  add_matrix(
      group, "vectors", found.vectors.transpose(), {"direction", "weight"}, "1",
      "u_i, rows of length 1, orthonormal but for the basis filters, with u_i . (w(last) - w(first)) >= 0; without a "
      "trajectory with an entry of largest magnitude that is positive");
  return group;
}

}  // namespace flatsweep
