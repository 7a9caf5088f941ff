#include "flatsweep/analysis/bases.hpp"

#include "flatsweep/analysis/gradient_noise.hpp"
#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/analysis/sample_statistics.hpp"
#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"
#include "orient.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;

std::vector<int> numbers_up_to(Index count) {
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

CurvatureProblem curvature_problem(const BasisProblem& problem) {
  return {problem.run.network, problem.run.weights, problem.run.layer, problem.run.set, problem.scheme};
}

std::int64_t random_directions(std::int64_t size, const BasisOptions& options) {
  return options.directions > 0 ? options.directions : size;
}

BasisVectors vectors_of(const Communicator& team, const BasisProblem& problem, Basis basis, const BasisOptions& options,
                        const std::function<void()>& checkpoint) {
  const auto& layer = problem.run.network.layers[problem.run.layer];
  const std::int64_t size = std::ssize(layer);
  switch (basis) {
    case Basis::pca:
      break;
    case Basis::hessian:
      return hessian_basis(team, curvature_problem(problem), options, checkpoint);
    case Basis::noise:
      return noise_basis(team, curvature_problem(problem), options, checkpoint);
    case Basis::random:
      return random_basis(size, random_directions(size, options), problem.run.options.seed, problem.run.layer);
    case Basis::filters:
      return filter_basis(problem.run.weights.subspan(layer.weights, size), layer.outputs,
                          random_directions(size, options), problem.run.options.seed, problem.run.layer);
  }
  const auto& pca = *problem.pca;
  return {Numbers(pca.variance.begin(), pca.variance.begin() + pca.directions.cols()), pca.directions, pca.moving};
}

/// Where both matrices are known whole and steps are linear in the gradients.
bool predicts_whole(const BasisProblem& problem, const std::map<Basis, BasisVectors>& vectors) {
  const auto whole = [&](Basis basis) { return vectors.contains(basis) && vectors.at(basis).whole(); };
  return whole(Basis::hessian) && whole(Basis::noise) && problem.steps_known && problem.run.step();
}

std::vector<int> choose(const BasisProblem& problem, Basis basis, Index available, const BasisOptions& options) {
  if (basis == Basis::random || basis == Basis::filters)
    return numbers_up_to(available);  // no more were drawn than are looked at
  if (basis != Basis::pca || problem.known_flatness.empty())
    return choose_directions(available, options.directions, options.spacing);
  return column_of(problem.known_flatness, &DirectionFlatness::direction);
}

/// The directions that are looked at, as a set of their own. Variances are those of the PCA along its own directions,
/// so that exponents are those of the analyses before, and are not known yet along others.
DirectionSet set_of(const BasisProblem& problem, Basis basis, const Eigen::MatrixXd& vectors,
                    const std::vector<int>& chosen) {
  const auto& pca = *problem.pca;
  DirectionSet set{pca.iterations, pca.mean, {}, vectors, pca.rounding};
  if (basis == Basis::pca)
    set.variance = pca.variance(chosen);
  else if (!chosen.empty())
    set.rounding = rounding_bounds(pca.mean, pca.iterations, pca.variance(0), vectors).maxCoeff();
  return set;
}

/// p_1 is an eigenvector of the window's covariance: along u the rest of it is u^T Sigma u - (u . p_1)^2 sigma_1^2.
Numbers without_first(const Pca& pca, const BasisMeasurement& found) {
  const Eigen::VectorXd along_first = found.vectors.transpose() * pca.directions.col(0);
  Numbers rest = found.dynamics.variance;
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= square(along_first(i)) * pca.variance(0);
  return rest;
}

void measure_noise_along(const Communicator& team, const BasisProblem& problem, BasisMeasurement& found) {
  const auto& run = problem.run;
  const auto count = found.dynamics.direction.size();
  found.noise.assign(count, nan);
  if (problem.scheme)
    found.noise = project_gradients(team, {run.network, run.layer, run.set, problem.scheme->batch_size}, run.weights,
                                    problem.scheme->order, found.vectors, numbers_up_to(found.vectors.cols()))
                      .variance(problem.scheme->sampling, epoch_remainder(run.set.count(), problem.scheme->batch_size));
  found.noise_strength = found.noise;
  const double factor = problem.steps_known ? velocity_per_gradient(run.options.optimizer) : nan;
  for (auto& strength : found.noise_strength) strength *= factor;
}

void predict_along_basis(const BasisProblem& problem, BasisMeasurement& found) {
  const Numbers unknown(found.noise.size(), nan);
  const auto curvature = column_of(found.flatness, &DirectionFlatness::loss_curvature);
  found.predicted = problem.steps_known ? predict_variance(problem.run, curvature, found.noise)
                                        : PredictedVariance{unknown, unknown, unknown};
}

/// Of what follows from the window's snapshots.
void fit_window(const PsiOptions& fit, const Numbers& curvature, BasisMeasurement& found) {
  const auto& dynamics = found.dynamics;
  const auto relation = relate(dynamics, found.flatness, found.rounding);
  VarianceFlatness variance{relation.direction, relation.variance, relation.flatness, curvature, found.rounding};
  found.psi = fit_psi({&variance, 1}, fit);
  variance.variance = found.variance_without_first;
  found.psi_without_first = fit_psi({&variance, 1}, fit).all;
  found.exponents = fit_dynamics({&relation, 1}, fit);
  Numbers moving = relation.variance;
  for (auto& value : moving)
    if (!(value > found.rounding)) value = nan;
  found.variance_curvature = fit_noise(dynamics.direction, curvature, moving, fit);
}

double mean_over_range(const PsiOptions& fit, const std::vector<DirectionFlatness>& flatness) {
  Numbers taken;
  for (const auto& f : flatness)
    if (fit.takes(f.direction)) taken.push_back(f.flatness());
  return geometric_mean(taken);
}

void fit_basis_exponents(const BasisProblem& problem, PsiOptions fit, BasisMeasurement& found) {
  fit.moving = found.determined;
  const auto curvature = column_of(found.flatness, &DirectionFlatness::loss_curvature);
  found.psi = fit_psi({}, fit);
  if (problem.pca != nullptr) fit_window(fit, curvature, found);
  found.noise_curvature = fit_noise(found.dynamics.direction, curvature, found.noise, fit);
  found.mean_flatness = mean_over_range(fit, found.flatness);
}

/// Velocities are not known of snapshots that are some steps apart.
void forget_velocities(Dynamics& dynamics, std::size_t vectors) {
  for (auto* numbers : {&dynamics.noise_strength, &dynamics.tau, &dynamics.tau_window, &dynamics.drift})
    numbers->assign(vectors, nan);
}

void look_at_window(const Communicator& team, const BasisProblem& problem, Basis basis, const std::vector<int>& chosen,
                    BasisMeasurement& found) {
  const auto set = set_of(problem, basis, found.vectors, chosen);
  found.rounding = set.rounding;
  DynamicsOptions few_lags;
  few_lags.lags = 3;  // the curves are not kept
  found.dynamics = measure_dynamics(team, problem.window, set, numbers_up_to(std::ssize(chosen)), few_lags);
  if (basis != Basis::pca) orient_along_drift(found.vectors, found.dynamics);
  if (!problem.velocities_known) forget_velocities(found.dynamics, chosen.size());
  found.variance_without_first = without_first(*problem.pca, found);
}

void look_at_no_window(BasisMeasurement& found) {
  const Numbers unknown(found.vectors.cols(), nan);
  found.rounding = nan;
  found.dynamics.variance = found.variance_without_first = unknown;
  forget_velocities(found.dynamics, unknown.size());
  orient_by_largest_entry(found.vectors);
}

/// The chosen vectors of the basis, and what the window did along them.
BasisMeasurement observe_basis(const Communicator& team, const BasisProblem& problem, const BasisVectors& whole,
                               Basis basis, const BasisOptions& options) {
  const auto chosen = choose(problem, basis, whole.vectors.cols(), options);
  BasisMeasurement found;
  found.determined = whole.determined;
  found.vectors = whole.vectors(Eigen::all, chosen);
  for (const int number : chosen) found.eigenvalue.push_back(whole.eigenvalue[number]);
  if (problem.pca == nullptr)
    look_at_no_window(found);
  else
    look_at_window(team, problem, basis, chosen, found);
  found.dynamics.direction = chosen;
  return found;
}

std::vector<DirectionFlatness> flatness_of_basis(const Communicator& team, const BasisProblem& problem, Basis basis,
                                                 LayerProbe& probe, const BasisMeasurement& found,
                                                 const FlatnessOptions& options,
                                                 const std::function<void(double fraction)>& checkpoint) {
  if (basis == Basis::pca && !problem.known_flatness.empty()) return problem.known_flatness;
  auto flatness = measure_flatness(team, probe, found.vectors, numbers_up_to(found.vectors.cols()),
                                   problem.solution_norm, options, checkpoint);
  for (std::size_t i = 0; i < flatness.size(); ++i) flatness[i].direction = found.dynamics.direction[i];
  return flatness;
}

bool is_known(const BasisProblem& problem, Basis basis) {
  if (basis == Basis::pca) return problem.pca != nullptr;
  return basis != Basis::noise || problem.scheme;
}

}  // namespace

LayerBases make_bases(const Communicator& team, const BasisProblem& problem, const std::vector<Basis>& wanted,
                      const BasisOptions& options, const std::function<void()>& checkpoint) {
  LayerBases bases;
  for (const auto basis : wanted)
    if (is_known(problem, basis)) bases.vectors[basis] = vectors_of(team, problem, basis, options, checkpoint);
  if (predicts_whole(problem, bases.vectors))
    on_root(team, [&] {
      bases.prediction.emplace(problem.run, bases.vectors.at(Basis::hessian), bases.vectors.at(Basis::noise));
    });
  return bases;
}

BasisMeasurement measure_basis(const Communicator& team, const BasisProblem& problem, const LayerBases& bases,
                               Basis basis, LayerProbe& probe, const BasisOptions& options,
                               const FlatnessOptions& flatness_options, const PsiOptions& fit,
                               const std::function<void(double fraction)>& checkpoint) {
  auto found = observe_basis(team, problem, bases.vectors.at(basis), basis, options);
  if (bases.prediction) found.whole_prediction = bases.prediction->along(found.vectors);
  found.loss = probe.loss();
  found.flatness = flatness_of_basis(team, problem, basis, probe, found, flatness_options, checkpoint);
  measure_noise_along(team, problem, found);
  predict_along_basis(problem, found);
  fit_basis_exponents(problem, fit, found);
  return found;
}

}  // namespace flatsweep
