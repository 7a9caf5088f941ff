#include "nulls_tree.hpp"

#include "flatsweep/base/index.hpp"
#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;

void add_integers(Group& group, const char* name, const std::vector<int>& values, const char* axis,
                  const char* description) {
  const std::vector<std::int32_t> stored(values.begin(), values.end());
  group.add(name, std::span<const std::int32_t>(stored), {length(stored)}, {axis}).description = description;
}

/// Rows of the matrix one after another.
Numbers row_major(const Eigen::MatrixXd& matrix) {
  Numbers values;
  for (Index i = 0; i < matrix.rows(); ++i)
    for (Index j = 0; j < matrix.cols(); ++j) values.push_back(matrix(i, j));
  return values;
}

void add_walk(Group& group, const NoiseWalk& walk) {
  if (!walk.reason.empty()) group.set("walk_reason", walk.reason);
  group.set("walk_total_variance", walk.total_variance);
  group.set("walk_rounding_variance", walk.rounding);
  group.set("walk_moving", std::int64_t{walk.moving});
  group.set("walk_learning_dimension", std::int64_t{walk.learning_dimension});
  group.set("walk_learning_dimension_without_first", std::int64_t{walk.learning_dimension_without_first});
  group.set("noise_trace", walk.noise_trace);
  add(group, "walk_spectrum", to_vector(walk.spectrum), {"mode"}, "1",
      "variances of the PCA of the walk that the run's noise makes with the weights held at w_0");
  add(group, "walk_cosine_content", to_vector(walk.cosine_content), {"leading_mode"}, "1",
      "likeness of the walk's k-th mode to the k-th cosine of a free random walk, 0 to 1");
  add(group, "walk_variance", to_vector(walk.walk_variance), {"direction"}, "1",
      "variance of the walk along the measured direction p_i");
  add(group, "fresh_walk_variance", to_vector(walk.fresh_walk_variance), {"direction"}, "1",
      "the same of a walk of other minibatches, which had no part in choosing p_i");
  add(group, "noise_variance", to_vector(walk.noise_variance), {"direction"}, "1",
      "p_i^T C_B p_i, mean square of the minibatch gradient's noise at w_0 over the window's minibatches");
  add(group, "predicted_variance", to_vector(walk.predicted_variance), {"direction"}, "1",
      "expected in the window for a quadratic loss with that noise and the curvature p_i^T H p_i");
  add(group, "flat_variance", to_vector(walk.flat_variance), {"direction"}, "1", "the same without curvature");
}

void add_walk_flatness(Group& group, const Nulls& nulls) {
  std::vector<int> direction;
  Numbers variance, width, curvature;
  for (const auto& f : nulls.walk_flatness) {
    direction.push_back(f.direction);
    variance.push_back(nulls.walk->spectrum(f.direction));
    width.push_back(f.flatness());
    curvature.push_back(f.loss_curvature);
  }
  set_exponent(group, "walk_psi", nulls.walk_psi.all);
  add_integers(group, "walk_direction", direction, "walk_direction",
               "number of the walk's own principal direction, from 0");
  add(group, "walk_own_variance", variance, {"walk_direction"}, "1", "the walk's variance along its own direction");
  add(group, "walk_flatness", width, {"walk_direction"}, "1", "flatness F at w_0 along the walk's own direction");
  add(group, "walk_loss_curvature", curvature, {"walk_direction"}, "1",
      "curvature of the loss at w_0 along the walk's own direction");
}

void add_held_out(Group& group, const HeldOut& held_out) {
  Numbers width, curvature;
  for (const auto& f : held_out.flatness) {
    width.push_back(f.flatness());
    curvature.push_back(f.loss_curvature);
  }
  group.set("half_rounding_variance", held_out.rounding);
  group.set("half_moving", std::int64_t{held_out.moving});
  set_exponent(group, "half_psi", held_out.psi.all);
  set_exponent(group, "held_out_psi", held_out.held_out_psi.all);
  const char* axis = "half_direction";
  add_integers(group, axis, held_out.direction, axis, "number of the principal direction of the window's last half");
  add(group, "half_variance", to_vector(held_out.variance), {axis}, "1", "variance along it in the last half");
  add(group, "held_out_variance", to_vector(held_out.held_out_variance), {axis}, "1",
      "variance along it in the first half, which had no part in choosing it");
  add(group, "half_flatness", width, {axis}, "1", "flatness F at w_0 along it");
  add(group, "half_loss_curvature", curvature, {axis}, "1", "curvature of the loss at w_0 along it");
}

void add_scan_psi(Group& group, const std::vector<Exponent>& psi) {
  Numbers value, low, high;
  std::vector<int> points;
  std::vector<std::string> status;
  for (const auto& exponent : psi) {
    value.push_back(exponent.value);
    low.push_back(exponent.low);
    high.push_back(exponent.high);
    points.push_back(exponent.points);
    status.emplace_back(to_string(exponent.status));
  }
  const std::vector<std::string> axes = {"scan_length"};
  add(group, "scan_psi", value, axes, "1", "psi of scan_variance against the flatness F_i");
  add(group, "scan_psi_low", low, axes, "1", "lower end of its 95 % interval");
  add(group, "scan_psi_high", high, axes, "1", "upper end of its 95 % interval");
  add_integers(group, "scan_psi_points", points, "scan_length", "directions that entered the fit");
  group.add("scan_psi_status", std::span<const std::string>(status), axes).description =
      "ok, or why there is no exponent";
}

void add_scan(Group& group, const WindowScan& scan) {
  const char* axis = "scan_length";
  group.add("scan_length", std::span<const std::int64_t>(scan.length), {length(scan.length)}, {axis}).units =
      "iterations";
  add(group, "scan_total_variance", scan.total_variance, {axis}, "1", "total variance of the window's last iterations");
  add_integers(group, "scan_learning_dimension", scan.learning_dimension, axis,
               "modes of their own PCA that hold 99.9 % of the variance");
  add_integers(group, "scan_learning_dimension_without_first", scan.learning_dimension_without_first, axis,
               "the same without mode 1");
  add_integers(group, "scan_learning_dimension_null", scan.learning_dimension_null, axis,
               "that of a random walk of so many steps");
  add_integers(group, "scan_learning_dimension_null_without_first", scan.learning_dimension_null_without_first, axis,
               "the same without its mode 1");
  const auto windows = length(scan.length);
  add(group, "scan_leading_fraction", row_major(scan.leading_fraction), {windows, 3}, {axis, "scan_mode"}, "1",
      "variance fractions of the first three modes of their own PCA");
  add(group, "scan_variance", row_major(scan.variance), {windows, static_cast<std::uint64_t>(scan.variance.cols())},
      {axis, "direction"}, "1", "variance along the whole window's direction p_i");
  add(group, "scan_rounding_variance", scan.rounding, {axis}, "1", "variances that are not above it are rounding");
  add_scan_psi(group, scan.psi);
}

}  // namespace

Group nulls_tree(const Nulls& nulls) {
  Group group;
  group.set("white_noise_low", nulls.white_noise_band.low);
  group.set("white_noise_high", nulls.white_noise_band.high);
  add_integers(group, "direction", nulls.direction, "direction", "number of the measured principal direction, from 0");
  add(group, "white_noise_spectrum", to_vector(nulls.white_noise_spectrum), {"mode"}, "1",
      "Marchenko-Pastur spectrum of noise white in time and over weights, with the window's total variance");
  if (nulls.walk) {
    add_walk(group, *nulls.walk);
    set_exponent(group, "fresh_walk_psi", nulls.fresh_walk_psi.all);
  }
  if (!nulls.walk_flatness.empty()) add_walk_flatness(group, nulls);
  if (nulls.held_out) add_held_out(group, *nulls.held_out);
  if (nulls.scan) add_scan(group, *nulls.scan);
  return group;
}

}  // namespace flatsweep
