#include "dynamics_tree.hpp"

#include "study/store/tree_entries.hpp"

#include <cstdint>
#include <span>

namespace flatsweep {

namespace {

void set_exponents_and_ranges(Group& group, const Dynamics& dynamics, const StaticNoise& noise,
                              const DynamicsRelation& relation, const DynamicsFit& fit) {
  set_exponent(group, "psi_d", fit.psi_d, "exponent psi_D of D_i ~ F_i^-psi_D over the fit range");
  set_exponent(group, "psi_tau", fit.psi_tau, "exponent psi_tau of tau_i ~ F_i^-psi_tau over the fit range");
  set_exponent(group, "psi_tau_window", fit.psi_tau_window,
               "exponent of tau_window ~ F_i^-exponent over the fit range, where tau_window is positive");
  set_exponent(group, "psi_same_directions", fit.psi,
               "exponent psi of sigma_i^2 ~ F_i^-psi over exactly the directions of psi_d and psi_tau; equals psi_d + "
               "psi_tau by definition of tau");
  set_fit_range(group, fit.fit_first, fit.fit_last);
  group.set("fit_points", std::int64_t{fit.psi.points}, "1", "number of directions in the fits of psi_d and psi_tau");
  group.set("tau_window_fit_points", std::int64_t{fit.psi_tau_window.points}, "1",
            "number of directions in the fit of psi_tau_window");
  group.set("window_iterations", dynamics.iterations, "iterations", "T, length of the window");
  group.set("rounding_variance", relation.rounding, "1",
            "variance up to which a direction counts as standing still, and enters no fit");
  group.set("static_ratio_median", median_ratio(noise.at_solution, dynamics, relation, fit), "1",
            "median over the fit range of noise_strength_static / noise_strength");
  group.set("window_ratio_median", median_ratio(noise.in_window, dynamics, relation, fit), "1",
            "median over the fit range of noise_strength_window / noise_strength");
}

void add_direction_numbers(Group& group, const Dynamics& dynamics, const StaticNoise& noise,
                           const DynamicsRelation& relation) {
  add_directions(group, dynamics.direction);
  const std::vector<std::string> axes = {"direction"};
  add(group, "flatness", relation.flatness, axes, "1", "F_i, from flatness; NaN where unbounded or not probed");
  add(group, "variance", dynamics.variance, axes, "1",
      "sigma_i^2 = <theta_i^2> - <theta_i>^2 over the window, of the PCA");
  add(group, "noise_strength", dynamics.noise_strength, axes, "1/iterations^2",
      "D_i = C_i(0) = <v_i^2>, v_i(t) = theta_i(t+1) - theta_i(t); a drift is in it");
  add(group, "noise_strength_static", noise.at_solution, axes, "1/iterations^2",
      "D_i without looking at v: alpha^2 p_i^T C_B p_i from the minibatches of the epoch after the window at w_0, C_B "
      "the "
      "covariance of minibatch gradients under the run's sampling; divided by 1 - beta^2 with momentum, times (1 + 2 "
      "beta - 2 beta^3)/(1 - beta^2) with Nesterov's; NaN for Adam, and where minibatches differ by rounding alone");
  add(group, "noise_strength_window", noise.in_window, axes, "1/iterations^2",
      "D_i without looking at v: <(g.p_i)^2> at frozen weights of the window, each over the minibatches that its epoch "
      "had still to draw, times alpha^2 and the factor of momentum; NaN for Adam, and without frozen points");
  add(group, "tau", dynamics.tau, axes, "iterations", "correlation time tau_i = sigma_i^2 / D_i");
  add(group, "tau_window", dynamics.tau_window, axes, "iterations",
      "T^-1 sum_t S_i(t), eq. S19 as printed: 3 tau for a free walk, 2 tau for a relaxed mode; may be negative");
  add(group, "window_identity", dynamics.window_identity, axes, "1",
      "(D_i/T^2) sum_t (T-t) S_i(t) / sigma_i^2, 1 in the mean over many windows");
  add(group, "drift", dynamics.drift, axes, "1/iterations", "mean velocity <v_i> = <theta_i(t+1) - theta_i(t)>");
}

void add_correlation_curves(Group& group, const Dynamics& dynamics) {
  auto& lag = group.add("lag", std::span(dynamics.lag), {length(dynamics.lag)}, {"lag"});
  describe(lag, "iterations", "h, spaced evenly in ln(h + 1), from 0 to T - 2");
  const std::vector<std::uint64_t> shape = {length(dynamics.direction), length(dynamics.lag)};
  const std::vector<std::string> axes = {"direction", "lag"};
  add(group, "velocity_autocorrelation", dynamics.correlation, shape, axes, "1",
      "c_i(h) = C_i(h)/D_i, C_i(h) = <v_i(t) v_i(t+h)> over the T-1-h pairs");
  add(group, "integrated_autocorrelation", dynamics.integrated_correlation, shape, axes, "1",
      "G_i(h) = 1 + 2 (c_i(1) + ... + c_i(h)) of the velocity correlations c_i (eq. S16)");
  add(group, "mean_square_displacement", dynamics.displacement, shape, axes, "iterations",
      "S_i(h) = G_i(0) + ... + G_i(h-1): <(theta_i(t+h) - theta_i(t))^2> / D_i by eq. S18, Delta t = 1");
  add(group, "measured_displacement", dynamics.measured_displacement, shape, axes, "iterations",
      "<(theta_i(t+h) - theta_i(t))^2>_t / D_i measured directly in the window");
}

}  // namespace

Group dynamics_tree(const Dynamics& dynamics, const StaticNoise& noise, const DynamicsRelation& relation,
                    const DynamicsFit& fit) {
  Group group;
  set_exponents_and_ranges(group, dynamics, noise, relation, fit);
  add_direction_numbers(group, dynamics, noise, relation);
  add_correlation_curves(group, dynamics);
  return group;
}

DynamicsRelation dynamics_from_tree(const Group& dynamics) {
  const auto direction = dynamics.dataset("direction").values<std::int32_t>();
  const auto column = [&](const char* name) { return numbers(dynamics, name, direction.size()); };
  return {{direction.begin(), direction.end()},
          column("variance"),
          column("noise_strength"),
          column("tau"),
          column("tau_window"),
          column("flatness"),
          dynamics.real("rounding_variance")};
}

}  // namespace flatsweep
