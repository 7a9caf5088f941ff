#include "flatsweep/analysis/curvature.hpp"

#include "chosen_columns.hpp"
#include "curvature_parts.hpp"
#include "flatsweep/analysis/subspace_overlap.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace flatsweep {

namespace {

void set_flatness(std::span<const DirectionFlatness> flatness, LayerCurvature& result) {
  for (const int direction : result.direction) {
    const auto found = std::ranges::find(flatness, direction, &DirectionFlatness::direction);
    const double f = found == flatness.end() ? nan : found->flatness();
    result.flatness.push_back(f);
    result.flatness_curvature.push_back(8.0 / (f * f));
  }
}

void fit_noise_to_hessian(const PsiOptions& fit, LayerCurvature& result) {
  auto& relation = result.relation;
  std::vector<int> modes(relation.noise_along_hessian.size());
  std::iota(modes.begin(), modes.end(), 0);
  PsiOptions of_modes = fit;  // eigenvectors of H, of which none stands still
  of_modes.moving = std::numeric_limits<int>::max();
  relation.hessian_basis =
      fit_noise(modes, std::span(result.hessian.values).first(modes.size()), relation.noise_along_hessian, of_modes);
  relation.pca_basis = fit_noise(result.direction, result.hessian_along, result.noise_along, fit);
}

void fit_squares(const PsiOptions& fit, LayerCurvature& result) {
  auto& squared = *result.squared;
  std::vector<int> modes(squared.along_hessian.size());
  std::iota(modes.begin(), modes.end(), 0);
  PsiOptions of_modes = fit;
  of_modes.moving = std::numeric_limits<int>::max();
  squared.curvature_exponent = fit_noise(modes, result.hessian.values, squared.along_hessian, of_modes);
  if (!result.relation.noise_along_hessian.empty())
    squared.noise_exponent = fit_noise(modes, squared.along_hessian, result.relation.noise_along_hessian, of_modes);
}

}  // namespace

void set_along(const CurvatureTask& task, const Eigen::MatrixXd& hessian, const Eigen::VectorXd& gradient,
               LayerCurvature& result) {
  for (std::size_t i = 0; i < result.direction.size(); ++i) {
    const Index column = i;
    const auto p = task.directions.col(result.direction[i]);
    const double curvature = p.dot(hessian.col(column)), slope = p.dot(gradient) / result.loss;
    result.hessian_along.push_back(curvature);
    result.log_loss_along.push_back(curvature / result.loss - slope * slope);
    result.hessian_residual.push_back((hessian.col(column) - curvature * p).norm());
  }
}

void set_noise_along(const CurvatureTask& task, const Eigen::MatrixXd& noise, LayerCurvature& result) {
  for (std::size_t i = 0; i < result.direction.size(); ++i)
    result.noise_along.push_back(task.directions.col(result.direction[i]).dot(noise.col(i)));
}

void set_overlaps(const CurvatureTask& task, const std::optional<Eigen::MatrixXd>& noise,
                  const Eigen::MatrixXd& hessian, NoiseCurvature& relation) {
  const auto& pca = task.directions;
  const Index of_noise = noise ? noise->cols() : hessian.cols();
  const auto most = std::min({Index{task.options.modes}, of_noise, hessian.cols(), pca.cols()});
  for (const int k : {1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000})
    if (k <= most) relation.subspace.push_back(k);
  if (relation.subspace.empty()) return;
  if (noise) {
    relation.noise_hessian = subspace_overlaps(*noise, hessian, relation.subspace);
    relation.noise_pca = subspace_overlaps(*noise, pca, relation.subspace);
  }
  relation.hessian_pca = subspace_overlaps(hessian, pca, relation.subspace);
  for (const int k : relation.subspace) relation.overlap_null.push_back(random_subspace_overlap(k, pca.rows()).mean);
}

LayerCurvature measure_curvature(const Communicator& team, const CurvatureProblem& problem,
                                 const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
                                 std::span<const DirectionFlatness> flatness, const CurvatureOptions& options,
                                 const PsiOptions& fit, const std::function<void(double fraction)>& checkpoint) {
  check_columns(directions, chosen);
  LayerCurvature result;
  result.size = std::ssize(problem.network.layers[problem.layer]);
  result.dense = result.size <= options.dense_limit;
  result.direction = chosen;
  set_flatness(flatness, result);
  const auto step = [&](double fraction) {
    if (checkpoint) agree(team, [&] { checkpoint(fraction); });
  };
  const CurvatureTask task{team, problem, directions, options, fit.seed, step};
  if (result.dense)
    measure_dense(task, result);
  else
    measure_modes(task, result);
  if (problem.scheme) fit_noise_to_hessian(fit, result);
  if (result.squared) fit_squares(fit, result);
  return result;
}

}  // namespace flatsweep
