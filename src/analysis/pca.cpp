#include "flatsweep/analysis/pca.hpp"

#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "window_modes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

// An eigenvector's sign is free; this choice makes pictures and restarts agree.
void orient(Eigen::MatrixXd& directions, const Eigen::VectorXd& displacement) {
  for (Index i = 0; i < directions.cols(); ++i)
    if (directions.col(i).dot(displacement) < 0.0) directions.col(i) *= -1.0;
}

RowMatrixF project(const SnapshotSource& source, const Pca& pca) {
  const Index count = std::min<Index>(projected_modes, pca.directions.cols());
  RowMatrixF projection(count, pca.iterations);
  Index filled = 0;
  const Eigen::MatrixXd directions = pca.directions.leftCols(count);
  source.for_each_block([&](const SnapshotBlock& rows) {
    const Eigen::MatrixXd centred = rows.cast<double>().rowwise() - pca.mean.transpose();
    projection.middleCols(filled, rows.rows()) = (centred * directions).transpose().cast<float>();
    filled += rows.rows();
  });
  return projection;
}

Eigen::VectorXd cosine_contents(const RowMatrixF& projection, int moving) {
  Eigen::VectorXd contents = Eigen::VectorXd::Zero(projected_modes);
  if (projection.rows() > moving) contents.head(projection.rows()).tail(projection.rows() - moving).setConstant(nan);
  for (Index k = 0; k < std::min<Index>(projection.rows(), moving); ++k) {
    const Eigen::VectorXd theta = projection.row(k).cast<double>().transpose();
    contents(k) = cosine_content(entries(theta), static_cast<int>(k) + 1);
  }
  return contents;
}

void measure_dimensions(Pca& pca) {
  const auto computed = pca.variance.size() - pca.variance.array().isNaN().count();
  const std::span<const double> variance(pca.variance.data(), computed);
  if (pca.moving > 0) pca.learning_dimension = learning_dimension(variance, pca.total_variance, learning_fraction);
  if (pca.moving > 1)
    pca.learning_dimension_without_first =
        learning_dimension(variance.subspan(1), pca.total_variance - variance[0], learning_fraction);
  pca.learning_dimension_null = random_walk_learning_dimension(pca.iterations);
}

void find_moving(Pca& pca) {
  const auto bounds = rounding_bounds(pca.mean, pca.iterations, pca.variance(0), pca.directions);
  pca.moving = count_moving(pca.variance, bounds);
  pca.rounding = rounding_level(pca.variance, bounds, pca.moving);
}

}  // namespace

Pca principal_components(const Communicator& team, const SnapshotSource& given, const PcaOptions& options) {
  SnapshotSource source = given;
  source.iterations = team.broadcast(given.iterations);
  source.size = team.broadcast(given.size);
  auto modes = modes_of_window(team, source, options);
  // Every rank has the same values here and throws alike.
  if (modes.directions.cols() == 0 || !(modes.variance(0) > 0.0))
    throw_error(ErrorKind::solver,
                "the layer's weights did not move in the window, so that there is no variance to analyse", true);
  Pca pca;
  pca.iterations = source.iterations;
  pca.mean = std::move(modes.mean);
  pca.variance = std::move(modes.variance);
  pca.total_variance = modes.total_variance;
  pca.directions = std::move(modes.directions);
  find_moving(pca);
  orient(pca.directions, modes.last - modes.first);
  measure_dimensions(pca);
  pca.solution_alignment = pca.moving > 0 ? std::abs(pca.directions.col(0).dot(modes.last)) / modes.last.norm() : nan;
  if (team.is_root()) pca.projection = project(source, pca);
  pca.cosine_content =
      team.is_root() ? cosine_contents(pca.projection, pca.moving) : Eigen::VectorXd::Zero(projected_modes);
  team.broadcast(entries(pca.cosine_content).first(projected_modes));
  return pca;
}

}  // namespace flatsweep
