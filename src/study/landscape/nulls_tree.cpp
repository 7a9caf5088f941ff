#include "nulls_tree.hpp"

#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;

void add_walk(Group& group, const NoiseWalk& walk) {
  if (!walk.reason.empty())
    group.set("walk_reason", walk.reason, "", "why there is no gradient noise, and no walk of it");
  group.set("walk_total_variance", walk.total_variance, "1", "total variance of the noise walk");
  group.set("walk_rounding_variance", walk.rounding, "1", "variance of the noise walk up to which it may be rounding");
  group.set("walk_moving", std::int64_t{walk.moving}, "1",
            "number of leading directions of the noise walk with a variance above walk_rounding_variance");
  group.set("walk_learning_dimension", std::int64_t{walk.learning_dimension}, "1",
            "number of leading directions of the noise walk that hold 99.9 % of its variance");
  group.set("walk_learning_dimension_without_first", std::int64_t{walk.learning_dimension_without_first}, "1",
            "number of directions of the noise walk, counted from direction 2, that hold 99.9 % of the variance that "
            "direction 1 leaves");
  group.set("noise_trace", walk.noise_trace, "1", "tr C_B, C_B the covariance of a minibatch's gradient at w_0");
  add(group, "walk_spectrum", to_vector(walk.spectrum), {"mode"}, "1",
      "variances of the PCA of the walk that the run's noise makes with the weights held at w_0");
  add(group, "walk_cosine_content", to_vector(walk.cosine_content), {"leading_mode"}, "1",
      "likeness of the walk's k-th mode to the k-th cosine of a free random walk, 0 to 1");
  add(group, "walk_variance", to_vector(walk.walk_variance), {"direction"}, "1",
      "variance of the walk along the measured direction p_i");
  add(group, "fresh_walk_variance", to_vector(walk.fresh_walk_variance), {"direction"}, "1",
      "variance along the measured direction p_i of a walk of other minibatches, which had no part in choosing p_i");
  add(group, "noise_variance", to_vector(walk.noise_variance), {"direction"}, "1",
      "p_i^T C_B p_i, mean square of the minibatch gradient's noise at w_0 over the window's minibatches");
  add(group, "predicted_variance", to_vector(walk.predicted_variance), {"direction"}, "1",
      "variance along p_i expected in the window for a quadratic loss with the noise noise_variance, the curvature "
      "p_i^T H "
      "p_i and the run's sampling; the flat limit where the curvature is not positive or not measured");
  add(group, "flat_variance", to_vector(walk.flat_variance), {"direction"}, "1",
      "variance along p_i expected in the window for a flat loss with the noise noise_variance");
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
  set_exponent(group, "walk_psi", nulls.walk_psi.all, "exponent psi of walk_own_variance ~ walk_flatness^-psi");
  add_integers(group, "walk_direction", direction, "walk_direction", "1",
               "number of the walk's own principal direction, from 0");
  add(group, "walk_own_variance", variance, {"walk_direction"}, "1",
      "variance of the walk along its own principal direction");
  add(group, "walk_flatness", width, {"walk_direction"}, "1",
      "flatness F at w_0 along the walk's own principal direction");
  add(group, "walk_loss_curvature", curvature, {"walk_direction"}, "1",
      "curvature p^T H p of the loss at w_0 along the walk's own principal direction");
}

void add_held_out(Group& group, const HeldOut& held_out) {
  Numbers width, curvature;
  for (const auto& f : held_out.flatness) {
    width.push_back(f.flatness());
    curvature.push_back(f.loss_curvature);
  }
  group.set("half_rounding_variance", held_out.rounding, "1",
            "variance of the window's last half up to which it may be rounding");
  group.set("half_moving", std::int64_t{held_out.moving}, "1",
            "number of leading directions of the window's last half with a variance above half_rounding_variance");
  set_exponent(group, "half_psi", held_out.psi.all, "exponent psi of half_variance ~ half_flatness^-psi");
  set_exponent(group, "held_out_psi", held_out.held_out_psi.all,
               "exponent psi of held_out_variance ~ half_flatness^-psi");
  const char* axis = "half_direction";
  add_integers(group, axis, held_out.direction, axis, "1",
               "number of the principal direction of the window's last half, from 0");
  const std::string own = "own principal direction of the window's last half";
  add(group, "half_variance", to_vector(held_out.variance), {axis}, "1", "variance in the last half along the " + own);
  add(group, "held_out_variance", to_vector(held_out.held_out_variance), {axis}, "1",
      "variance in the first half, which had no part in choosing the direction, along the " + own);
  add(group, "half_flatness", width, {axis}, "1", "flatness F at w_0 along the " + own);
  add(group, "half_loss_curvature", curvature, {axis}, "1", "curvature p^T H p of the loss at w_0 along the " + own);
}

void add_scan_psi(Group& group, const std::vector<Exponent>& psi) {
  Numbers value, low, high;
  std::vector<int> points;
  std::vector<FitStatus> status;
  for (const auto& exponent : psi) {
    value.push_back(exponent.value);
    low.push_back(exponent.low);
    high.push_back(exponent.high);
    points.push_back(exponent.points);
    status.push_back(exponent.status);
  }
  const char* axis = "scan_length";
  add(group, "scan_psi", value, {axis}, "1", "exponent psi of scan_variance ~ F_i^-psi");
  add(group, "scan_psi_low", low, {axis}, "1", "lower end of the 95 % interval of the exponent psi of scan_variance");
  add(group, "scan_psi_high", high, {axis}, "1", "upper end of the 95 % interval of the exponent psi of scan_variance");
  add_integers(group, "scan_psi_points", points, axis, "1", "number of directions in the fit of scan_psi");
  add_words(group, "scan_psi_status", status, axis, "ok, or why there is no exponent psi of scan_variance");
}

void add_scan(Group& group, const WindowScan& scan) {
  const char* axis = "scan_length";
  const std::string own = " of the PCA of the window's last scan_length iterations";
  const std::string walk = " of a random walk of scan_length steps";
  auto& lengths = group.add("scan_length", std::span<const std::int64_t>(scan.length), {length(scan.length)}, {axis});
  describe(lengths, "iterations", "length of the windows that are compared, ..., T/4, T/2, T; they end together");
  add(group, "scan_total_variance", scan.total_variance, {axis}, "1", "total variance" + own);
  const std::string held = "number of leading modes that hold 99.9 % of the variance";
  const std::string rest = "number of modes, counted from mode 2, that hold 99.9 % of the variance that mode 1 leaves";
  add_integers(group, "scan_learning_dimension", scan.learning_dimension, axis, "1", held + own);
  add_integers(group, "scan_learning_dimension_without_first", scan.learning_dimension_without_first, axis, "1",
               rest + own);
  add_integers(group, "scan_learning_dimension_null", scan.learning_dimension_null, axis, "1", held + walk);
  add_integers(group, "scan_learning_dimension_null_without_first", scan.learning_dimension_null_without_first, axis,
               "1", rest + walk);
  add_matrix(group, "scan_leading_fraction", scan.leading_fraction, {axis, "scan_mode"}, "1",
             "fractions of the variance in the first three modes" + own);
  add_matrix(group, "scan_variance", scan.variance, {axis, "direction"}, "1",
             "variance over the window's last scan_length iterations along the whole window's direction p_i");
  add(group, "scan_rounding_variance", scan.rounding, {axis}, "1",
      "variance of the window's last scan_length iterations up to which it may be rounding");
  add_scan_psi(group, scan.psi);
}

}  // namespace

Group nulls_tree(const Nulls& nulls) {
  Group group;
  const std::string edge = "edge s^2 (1 -+ sqrt(N/T))^2 of the Marchenko-Pastur spectrum, s^2 = total variance/N";
  group.set("white_noise_low", nulls.white_noise_band.low, "1", "lower " + edge);
  group.set("white_noise_high", nulls.white_noise_band.high, "1", "upper " + edge);
  add_directions(group, nulls.direction);
  add(group, "white_noise_spectrum", to_vector(nulls.white_noise_spectrum), {"mode"}, "1",
      "Marchenko-Pastur spectrum of noise white in time and over weights, with the window's total variance");
  if (nulls.walk) {
    add_walk(group, *nulls.walk);
    set_exponent(group, "fresh_walk_psi", nulls.fresh_walk_psi.all,
                 "exponent psi of fresh_walk_variance ~ F_i^-psi; NaN where flatness was not measured");
  }
  if (!nulls.walk_flatness.empty()) add_walk_flatness(group, nulls);
  if (nulls.held_out) add_held_out(group, *nulls.held_out);
  if (nulls.scan) add_scan(group, *nulls.scan);
  return group;
}

}  // namespace flatsweep
