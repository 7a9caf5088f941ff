#include "flatsweep/analysis/network_window.hpp"

#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/analysis/stationarity.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/norm.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;

/// ln L along one direction of all weights and biases, by whole forward passes.
class NetworkLine {
 public:
  NetworkLine(const FrozenRun& run, const Eigen::VectorXd& direction, double log_loss)
      : run_(run),
        evaluator_(run.network),
        direction_(direction),
        log_loss_(log_loss),
        moved_(run.weights.begin(), run.weights.end()) {}

  /// ln L - ln L_0 at so many steps along the direction.
  void evaluate(std::span<const double> steps, std::span<double> values) {
    for (std::size_t n = 0; n < steps.size(); ++n) {
      for (std::size_t i = 0; i < moved_.size(); ++i) moved_[i] = run_.weights[i] + steps[n] * direction_(i);
      const double loss = evaluator_.evaluate(moved_, run_.set).loss;
      values[n] = std::isnan(loss) ? std::numeric_limits<double>::infinity() : std::log(loss) - log_loss_;
    }
  }

 private:
  const FrozenRun& run_;
  Evaluator evaluator_;
  const Eigen::VectorXd& direction_;
  double log_loss_;
  std::vector<float> moved_;
};

DirectionFlatness flatness_of_modes(const FrozenRun& run, const LossGradient& at_zero, const Eigen::VectorXd& mode,
                                    double curvature, const FlatnessOptions& options) {
  DirectionFlatness found;
  found.slope = at_zero.gradient.dot(mode) / at_zero.loss;
  found.loss_curvature = curvature;
  found.curvature = curvature / at_zero.loss - square(found.slope);
  NetworkLine line(run, mode, std::log(at_zero.loss));
  const auto crossings = find_level_crossings(
      [&](std::span<const double> steps, std::span<double> values) { line.evaluate(steps, values); },
      {found.slope, found.curvature, options.tolerance, options.max_displacement * euclidean_norm(run.weights)});
  found.left = crossings.left;
  found.right = crossings.right;
  return found;
}

/// Modes are dealt over the team.
std::vector<DirectionFlatness> flatness_of_modes(const Communicator& team, const FrozenRun& run,
                                                 const Eigen::MatrixXd& modes, const Numbers& curvature,
                                                 const FlatnessOptions& options,
                                                 const std::function<void(double fraction)>& checkpoint) {
  const auto at_zero = loss_gradient(team, run.network, run.weights, run.set, WeightRange(run.network, std::nullopt));
  std::vector<DirectionFlatness> all(curvature.size());
  Numbers mine;
  agree(team, [&] {
    for (std::size_t i = team.rank(); i < all.size(); i += team.size()) {
      if (checkpoint) checkpoint(1.0 * i / all.size());
      const auto one = flatness_of_modes(run, at_zero, modes.col(i), curvature[i], options);
      mine.insert(mine.end(), {static_cast<double>(i), one.left, one.right, one.slope, one.curvature});
    }
  });
  const auto rows = team.gather_all(mine);
  for (std::size_t at = 0; at < rows.size(); at += 5) {
    const int mode = rows[at];
    all[mode] = {mode, rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4], curvature[mode], {}, {}};
  }
  return all;
}

/// One product with C_B a mode.
Numbers noise_along(const Communicator& team, const NetworkWindowProblem& problem, const Eigen::MatrixXd& modes) {
  Numbers noise(modes.cols(), nan);
  if (!problem.scheme) return noise;
  const auto& run = problem.run;
  CurvatureOperator covariance(team, run.network, run.weights, run.set, CurvatureKind::noise_covariance, std::nullopt,
                               *problem.scheme);
  for (Index i = 0; i < modes.cols(); ++i)
    noise[i] = modes.col(i).dot(apply_to_columns(covariance.product(), modes.col(i)).col(0));
  return noise;
}

void observe_modes(const Communicator& team, const NetworkWindowProblem& problem, Eigen::MatrixXd& modes,
                   NetworkWindow& found) {
  const auto& weights = problem.run.weights;
  DirectionSet set;
  set.iterations = problem.window.iterations;
  // Any point of the window will do: what is made of its projections does not know where they begin.
  set.mean = Eigen::VectorXf::Map(weights.data(), std::ssize(weights)).cast<double>();
  set.directions = modes;
  if (modes.cols() > 0) set.rounding = rounding_bounds(set.mean, set.iterations, 0.0, modes).maxCoeff();
  found.rounding = set.rounding;
  std::vector<int> all(modes.cols());
  std::iota(all.begin(), all.end(), 0);
  DynamicsOptions few_lags;
  few_lags.lags = 3;  // the curves are not kept
  found.dynamics = measure_dynamics(team, problem.window, set, all, few_lags);
  orient_along_drift(modes, found.dynamics);
  const auto step = problem.run.step();
  const bool plain = problem.steps_known && step && step->momentum == 0.0;
  found.stationarity = plain ? stationarity(team, problem.window) : nan;
}

void fit_network_exponents(const Numbers& curvature, PsiOptions fit, NetworkWindow& found) {
  fit.fit_first = 0;
  fit.fit_last = std::ssize(curvature) - 1;
  fit.moving = std::ranges::count_if(curvature, [](double h) { return h > 0.0; });
  const auto relation = relate(found.dynamics, found.flatness, found.rounding);
  const VarianceFlatness variance{relation.direction, relation.variance, relation.flatness, curvature, found.rounding};
  found.psi = fit_psi({&variance, 1}, fit);
  found.exponents = fit_dynamics({&relation, 1}, fit);
}

}  // namespace

NetworkWindow measure_network_window(const Communicator& team, const NetworkWindowProblem& problem,
                                     Eigen::MatrixXd modes, const std::vector<double>& curvature,
                                     const FlatnessOptions& flatness, PsiOptions fit,
                                     const std::function<void(double fraction)>& checkpoint) {
  NetworkWindow found;
  observe_modes(team, problem, modes, found);
  found.flatness = flatness_of_modes(team, problem.run, modes, curvature, flatness, checkpoint);
  found.noise = noise_along(team, problem, modes);
  const Numbers unknown(found.noise.size(), nan);
  found.predicted = problem.steps_known ? predict_variance(problem.run, curvature, found.noise)
                                        : PredictedVariance{unknown, unknown, unknown};
  fit_network_exponents(curvature, fit, found);
  return found;
}

}  // namespace flatsweep
