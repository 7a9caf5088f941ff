#include "first_mode_tree.hpp"

#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"

#include <limits>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

using Axes = std::vector<std::string>;

void add_samples(Group& group, const FirstMode& mode) {
  group.add("sample", std::span<const std::int32_t>(mode.sample), {length(mode.sample)}, {"sample"}).description =
      "number of the stored sample in the training set";
  const std::vector<std::int32_t> label(mode.label.begin(), mode.label.end());
  group.add("label", std::span<const std::int32_t>(label), {length(label)}, {"sample"}).description =
      "its class, from 0";
  // Columns (n, samples) in memory are rows (samples, n) in the file.
  group.add("gap", entries(mode.gap), {length(mode.sample), length(mode.theta)}, {"sample", "theta"}).description =
      "Delta Y_k(theta): correct output minus the largest wrong one, at w_0 + theta p_1";
  const Axes axes = {"sample"};
  add(group, "gap_slope", to_vector(mode.lines.slope), axes, "1", "beta_k of the straight line through the gap (S6)");
  add(group, "gap_intercept", to_vector(mode.lines.intercept), axes, "1", "value of that line at theta = 0");
  add(group, "gap_r2", to_vector(mode.lines.r_squared), axes, "1",
      "R^2 of that line; NaN, like the slope, for a gap that does not move");
  add(group, "gap_at_zero", to_vector(mode.at_zero.gap), axes, "1", "Delta Y_k(0)");
  if (mode.closure)
    add(group, "loss_at_zero", to_vector(mode.at_zero.loss()), axes, "1", "l_k(0), the sample's loss at w_0");
}

/// Values of one mode as a row of `points`; NaN where the mode has none.
void append_row(std::vector<double>& rows, const std::vector<double>& row, std::size_t points) {
  rows.insert(rows.end(), row.begin(), row.end());
  rows.resize(rows.size() + points - row.size(), std::numeric_limits<double>::quiet_NaN());
}

void add_modes(Group& group, const FirstMode& mode) {
  const auto points = length(mode.theta);
  std::vector<std::int32_t> numbers;
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
  group.add("modes", std::span<const std::int32_t>(numbers), {length(numbers)}, {"modes"}).description =
      "numbers of the principal directions, from 0";
  add(group, "log_loss", log_loss, {length(numbers), points}, {"modes", "theta"}, "1", "ln L(w_0 + theta p_i)");
  const Axes axes = {"modes", "own_point"};
  add(group, "own_theta", own_theta, {length(numbers), points}, axes, "1",
      "displacements between the direction's own crossings; NaN where these are not known");
  add(group, "own_log_loss", own_log_loss, {length(numbers), points}, axes, "1", "ln L there");
  add(group, "slope", slope, {"modes"}, "1", "d ln L_i / d theta_i at 0");
  add(group, "flatness", flatness, {"modes"}, "1", "F_i; NaN where it was not measured or is unbounded");
  add(group, "relative_slope", relative, {"modes"}, "1", "slope * F_i");
}

void add_prediction(Group& group, const std::string& name, const LossPrediction& prediction, const char* description) {
  add(group, ("predicted_" + name).c_str(), to_vector(prediction.log_loss), {"theta"}, "1", description);
  group.set(name + "_max_error", prediction.max_error);
  group.set(name + "_rms_error", prediction.rms_error);
}

void add_closure(Group& group, const LossClosure& closure) {
  add_prediction(group, "full", closure.full,
                 "ln <ln(1 + a_k exp(-Delta Y_k(0) - beta_k theta))>, all samples (S5, S6)");
  add_prediction(group, "exponential", closure.exponential, "ln <l_k(0) exp(-beta_k theta)>, all samples (S7)");
  add_prediction(group, "weighted_cumulant", closure.weighted_cumulant,
                 "ln L_0 - beta theta + beta_2 theta^2, samples weighted by their loss (S8, corrected)");
  add_prediction(group, "plain_cumulant", closure.plain_cumulant,
                 "ln L_0 - beta theta + beta_2 theta^2, all samples alike (S8 as printed)");
  group.set("beta_weighted", closure.weighted.mean);
  group.set("beta_2_weighted", closure.weighted.half_variance);
  group.set("beta_plain", closure.plain.mean);
  group.set("beta_2_plain", closure.plain.half_variance);
}

}  // namespace

Group first_mode_tree(const FirstMode& mode) {
  Group group;
  group.set("theta_range", std::string(to_string(mode.range)));
  group.set("median_r2", mode.median_r_squared);
  group.set("stored_median_r2", mode.stored_median_r_squared);
  group.set("alignment", mode.alignment);
  group.set("component_correlation", mode.component_correlation);
  group.set("gap_correlation", mode.gap_correlation);
  group.set("gap_proportionality", mode.gap_proportionality);
  group.set("solution_norm", mode.solution_norm);
  add(group, "theta", to_vector(mode.theta), {"theta"}, "1",
      "displacements from w_0, the same for all directions: between the crossings of direction 1, or +-3 sigma_1");
  add_samples(group, mode);
  add_modes(group, mode);
  if (mode.closure)
    add_closure(group, *mode.closure);
  else
    group.set("closure", "absent: equations S5 to S8 are of the cross-entropy");
  return group;
}

}  // namespace flatsweep
