// Flatness: the root finder where the answer is known, and on a network.
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/par/agreement.hpp"
#include "selftest_groups.hpp"
#include "selftest_problem.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

constexpr double tolerance = 1e-4;  // of each crossing, relative

/// Width over predicted width of ln L = ln L_0 + b d + k d^2/2, of the worst of some b and k.
double worst_width_ratio() {
  double worst = 1.0;
  for (const double k : {1e-4, 1.7, 1e5})
    for (const double b : {0.0, -3.0 * std::sqrt(k), 0.5 * std::sqrt(k)}) {
      const auto parabola = [&](std::span<const double> points, std::span<double> values) {
        std::ranges::transform(points, values.begin(), [&](double d) { return d * (b + 0.5 * k * d); });
      };
      const auto found = find_level_crossings(parabola, {b, k, tolerance, 1e6});
      const double ratio = (found.right - found.left) / predicted_width(b, k);
      if (!(std::abs(ratio - 1.0) <= std::abs(worst - 1.0))) worst = ratio;
    }
  return worst;
}

struct OnNetwork {
  double level = 0.0;      ///< ln L - ln L_0 - 1 at the crossings by plain products, the worst
  double curvature = 0.0;  ///< p^T H p of the probe against the closed form, the worst, relative
};

OnNetwork measure_on_network(const Communicator& world) {
  constexpr int layer = 1, count = 6;
  const SelfTestProblem problem(SelfTestProblem::perceptron());
  const auto directions = problem.directions(layer, count);
  const auto hessian = expand_loss(world, problem.network(), problem.weights(), layer, problem.images()).hessian;
  LayerProbe probe(problem.network(), problem.weights(), layer, problem.images());
  const auto found = measure_flatness(world, probe, directions, choose_directions(count, 0), 1.0, {tolerance, 1e4});
  const double log_loss = std::log(problem.plain_loss(layer, Eigen::VectorXd::Zero(directions.rows())));
  OnNetwork worst;
  for (const auto& along : found) {
    const Eigen::VectorXd p = directions.col(along.direction);
    for (const double crossing : {along.left, along.right}) {
      const double level = std::log(problem.plain_loss(layer, crossing * p)) - log_loss - 1.0;
      if (!(std::abs(level) <= std::abs(worst.level))) worst.level = level;
    }
    const double exact = p.dot(hessian * p);
    const double off = along.loss_curvature / exact - 1.0;
    if (!(std::abs(off) <= std::abs(worst.curvature))) worst.curvature = off;
  }
  return worst;
}

}  // namespace

std::vector<Check> flatness_checks(const Communicator& world) {
  double ratio = 0.0;
  agree(world, [&] { ratio = worst_width_ratio(); });
  const auto network = measure_on_network(world);
  // ln L moves by at most about (b + k d) d = 2 at the level for a relative move of d.
  return {{"width of parabolas over (2/k) sqrt(b^2 + 2k), worst of 9", 1.0, ratio, 2 * tolerance, "closed form"},
          {"ln L - ln L_0 at the crossings along 6 directions, worst", 1.0, 1.0 + network.level, 5 * tolerance,
           "e times L_0"},
          {"p^T H p along them against the closed form, worst, relative", 0.0, network.curvature, 1e-5, "closed form"}};
}

}  // namespace flatsweep
