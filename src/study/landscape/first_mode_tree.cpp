#include "first_mode_tree.hpp"

#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"

#include <string>
#include <vector>

namespace flatsweep {

namespace {

using Axes = std::vector<std::string>;

void add_sample_gaps(Group& group, const FirstMode& mode) {
  describe(group.add("sample", std::span<const std::int32_t>(mode.sample), {length(mode.sample)}, {"sample"}), "1",
           "number of the stored sample in the training set");
  const std::vector<std::int32_t> label(mode.label.begin(), mode.label.end());
  describe(group.add("label", std::span<const std::int32_t>(label), {length(label)}, {"sample"}), "1",
           "class of the stored sample, from 0");
  // Columns (n, samples) in memory are rows (samples, n) in the file.
  describe(group.add("gap", entries(mode.gap), {length(mode.sample), length(mode.theta)}, {"sample", "theta"}), "1",
           "Delta Y_k(theta): correct output of the sample minus the largest wrong one, at w_0 + theta p_1");
  const Axes axes = {"sample"};
  add(group, "gap_slope", to_vector(mode.lines.slope), axes, "1",
      "slope beta_k of the straight line through the gap (eq. S6); NaN for a gap that does not move");
  add(group, "gap_intercept", to_vector(mode.lines.intercept), axes, "1",
      "value at theta = 0 of the straight line through the gap");
  add(group, "gap_r2", to_vector(mode.lines.r_squared), axes, "1",
      "R^2 of the straight line through the gap; NaN for a gap that does not move");
  add(group, "gap_at_zero", to_vector(mode.at_zero.gap), axes, "1", "gap Delta Y_k(0) at w_0 itself");
  if (mode.closure)
    add(group, "loss_at_zero", to_vector(mode.at_zero.loss()), axes, "1", "loss l_k(0) of the sample at w_0 itself");
}

/// Values of one mode as a row of `points`; NaN where the mode has none.
void append_row(std::vector<double>& rows, const std::vector<double>& row, std::size_t points) {
  rows.insert(rows.end(), row.begin(), row.end());
  rows.resize(rows.size() + points - row.size(), nan);
}

void add_modes(Group& group, const FirstMode& mode) {
  const auto points = length(mode.theta);
  std::vector<int> numbers;
  std::vector<double> log_loss, own_theta, own_log_loss, slope, flatness, relative;
  for (const auto& profile : mode.modes) {
    numbers.push_back(profile.direction);
    slope.push_back(profile.slope);
    flatness.push_back(profile.flatness());
    relative.push_back(profile.relative_slope());
    append_row(log_loss, profile.log_loss, points);
    append_row(own_theta, profile.own_theta, points);
    append_row(own_log_loss, profile.own_log_loss, points);
  }
  add_integers(group, "modes", numbers, "modes", "1", "numbers of the principal directions that are compared, from 0");
  add(group, "log_loss", log_loss, {length(numbers), points}, {"modes", "theta"}, "1",
      "ln L(w_0 + theta p_i) along each compared direction");
  const Axes axes = {"modes", "own_point"};
  add(group, "own_theta", own_theta, {length(numbers), points}, axes, "1",
      "displacements between the direction's own crossings of L = e L_0; NaN where these are not known");
  add(group, "own_log_loss", own_log_loss, {length(numbers), points}, axes, "1",
      "ln L at the displacements of own_theta");
  add(group, "slope", slope, {"modes"}, "1", "d ln L / d theta at w_0 along the direction, exact");
  add(group, "flatness", flatness, {"modes"}, "1", "flatness F_i; NaN where it was not measured or is unbounded");
  add(group, "relative_slope", relative, {"modes"}, "1",
      "slope times flatness of the direction, (d ln L / d theta) F_i");
}

void add_prediction(Group& group, const std::string& name, const LossPrediction& prediction, const char* description) {
  add(group, "predicted_" + name, to_vector(prediction.log_loss), {"theta"}, "1", description);
  const auto of =
      " of predicted_" + name + " from log_loss of direction 1, theta between half its first and half its last";
  group.set(name + "_max_error", prediction.max_error, "1", "largest distance" + of);
  group.set(name + "_rms_error", prediction.rms_error, "1", "root mean square distance" + of);
}

void add_loss_predictions(Group& group, const LossClosure& closure) {
  add_prediction(group, "full", closure.full,
                 "ln L along direction 1 predicted as ln <ln(1 + a_k exp(-Delta Y_k(0) - beta_k theta))> (eqs S5, S6)");
  add_prediction(group, "exponential", closure.exponential,
                 "ln L along direction 1 predicted as ln <l_k(0) exp(-beta_k theta)> (eq. S7)");
  add_prediction(group, "weighted_cumulant", closure.weighted_cumulant,
                 "ln L along direction 1 predicted as ln L_0 - beta theta + beta_2 theta^2, samples weighted by their "
                 "loss (eq. S8 "
                 "corrected)");
  add_prediction(group, "plain_cumulant", closure.plain_cumulant,
                 "ln L along direction 1 predicted as ln L_0 - beta theta + beta_2 theta^2, all samples alike (eq. S8 "
                 "as printed)");
  group.set("beta_weighted", closure.weighted.mean, "1", "mean of beta_k, samples weighted by their loss l_k(0)");
  group.set("beta_2_weighted", closure.weighted.half_variance, "1",
            "half the variance of beta_k, samples weighted by their loss l_k(0)");
  group.set("beta_plain", closure.plain.mean, "1", "mean of beta_k, all samples alike");
  group.set("beta_2_plain", closure.plain.half_variance, "1", "half the variance of beta_k, all samples alike");
}

}  // namespace

Group first_mode_tree(const FirstMode& mode) {
  Group group;
  group.set(
      "theta_range", std::string(to_string(mode.range)), "",
      "crossings: theta spans the crossings of direction 1; three sigma: +-3 sigma_1, where these are not both known");
  group.set("median_r2", mode.median_r_squared, "1",
            "median R^2 of the lines through the gaps of all samples whose gap moves; NaN where none does");
  group.set("stored_median_r2", mode.stored_median_r_squared, "1",
            "median R^2 of the lines through the gaps of the stored samples whose gap moves; NaN where none does");
  group.set("alignment", mode.alignment, "1", "|p_1 . w_0| / |w_0|; NaN where sigma_1^2 is rounding");
  group.set("component_correlation", mode.component_correlation, "1",
            "correlation over weights j of p_1j with w_0j; NaN where sigma_1^2 is rounding");
  group.set("gap_correlation", mode.gap_correlation, "1", "correlation over samples of beta_k with Delta Y_k(0)");
  group.set("gap_proportionality", mode.gap_proportionality, "1", "c of the best beta_k = c Delta Y_k(0) over samples");
  group.set("solution_norm", mode.solution_norm, "1", "|w_0| of the layer");
  add(group, "theta", to_vector(mode.theta), {"theta"}, "1",
      "displacements from w_0, for all directions alike: between the crossings of direction 1, or +-3 sigma_1");
  add_sample_gaps(group, mode);
  add_modes(group, mode);
  if (mode.closure)
    add_loss_predictions(group, *mode.closure);
  else
    group.set("closure", "absent: equations S5 to S8 are of the cross-entropy", "",
              "why there are no predictions of ln L");
  return group;
}

}  // namespace flatsweep
