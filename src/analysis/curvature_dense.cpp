#include "curvature_parts.hpp"
#include "flatsweep/analysis/gradient_moments.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep {

namespace {

MatrixSpectrum whole_spectrum(const Communicator& team, const Eigen::MatrixXd& matrix) {
  return {to_vector(eigenvalues_symmetric(team, matrix)), {}, matrix.trace(), 0.0};
}

/// With the eigenvectors that belong to it.
MatrixSpectrum whole_spectrum(const Eigen::MatrixXd& matrix, const EigenPairs& pairs) {
  return {to_vector(pairs.values), {}, matrix.trace(), 0.0};
}

/// u_i^T C u_i.
std::vector<double> along(const Eigen::MatrixXd& matrix, const Eigen::MatrixXd& vectors) {
  return to_vector((matrix * vectors).cwiseProduct(vectors).colwise().sum().transpose());
}

LayerExpansion measure_whole_hessian(const CurvatureTask& task, LayerCurvature& result) {
  const auto& problem = task.problem;
  auto expansion = expand_loss(task.team, problem.network, problem.weights, problem.layer, problem.set);
  result.loss = expansion.loss;
  result.gradient_norm = expansion.gradient.norm();
  task.step(0.3);
  result.log_loss_hessian = whole_spectrum(task.team, expansion.log_loss_hessian());
  return expansion;
}

/// Spectra of everything made of gradients; what is returned is C_B, where minibatches are known.
std::optional<Eigen::MatrixXd> measure_gradients(const CurvatureTask& task, LayerCurvature& result) {
  const auto& problem = task.problem;
  if (problem.scheme)
    result.minibatch_second_moment =
        whole_spectrum(task.team, minibatch_second_moment(task.team, problem.network, problem.weights, problem.layer,
                                                          problem.set, *problem.scheme));
  task.step(0.45);
  const auto moments = gradient_moments(task.team, problem.network, problem.weights, problem.layer, problem.set);
  task.step(0.7);
  result.empirical_fisher = whole_spectrum(task.team, moments.second);
  if (!problem.scheme) return std::nullopt;
  return moments.noise_covariance(*problem.scheme);
}

/// @return the eigenvectors of C_B
Eigen::MatrixXd compare_noise(const CurvatureTask& task, const Eigen::MatrixXd& noise, const Eigen::MatrixXd& hessian,
                              const EigenPairs& hessian_pairs, LayerCurvature& result) {
  auto noise_pairs = eigen_symmetric(task.team, noise);
  result.noise_covariance = whole_spectrum(noise, noise_pairs);
  task.step(0.9);
  compare_matrices(noise, hessian, result.relation);
  result.relation.noise_along_hessian = along(noise, hessian_pairs.vectors);
  return std::move(noise_pairs.vectors);
}

SquaredHessian measure_squares(const CurvatureTask& task, const std::optional<Eigen::MatrixXd>& noise,
                               const Eigen::MatrixXd& hessian, const EigenPairs& hessian_pairs) {
  const auto& problem = task.problem;
  const auto squares =
      expand_loss(task.team, problem.network, problem.weights, problem.layer, problem.set, LayerMatrix::squares)
          .hessian;
  SquaredHessian found;
  found.spectrum = whole_spectrum(task.team, squares);
  if (noise) compare_matrices(*noise, squares, found.beside_noise);
  compare_matrices(squares, hessian, found.beside_hessian);
  found.along_hessian = along(squares, hessian_pairs.vectors);
  return found;
}

}  // namespace

void measure_dense(const CurvatureTask& task, LayerCurvature& result) {
  const auto expansion = measure_whole_hessian(task, result);
  const auto noise = measure_gradients(task, result);
  task.step(0.8);
  const auto hessian_pairs = eigen_symmetric(task.team, expansion.hessian);
  result.hessian = whole_spectrum(expansion.hessian, hessian_pairs);
  std::optional<Eigen::MatrixXd> noise_vectors;
  if (noise) noise_vectors = compare_noise(task, *noise, expansion.hessian, hessian_pairs, result);
  if (task.options.squared_hessian) result.squared = measure_squares(task, noise, expansion.hessian, hessian_pairs);
  set_overlaps(task, noise_vectors, hessian_pairs.vectors, result.relation);
  const Eigen::MatrixXd chosen = task.directions(Eigen::all, result.direction);
  set_along(task, expansion.hessian * chosen, expansion.gradient, result);
  if (noise) set_noise_along(task, *noise * chosen, result);
}

}  // namespace flatsweep
