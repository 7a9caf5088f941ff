#include "flatsweep/analysis/pca.hpp"

#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace flatsweep {

namespace {

using Eigen::Index;

struct Ends {
  Eigen::VectorXd first, last;
  void see(const SnapshotBlock& rows) {
    if (first.size() == 0) first = rows.row(0).cast<double>().transpose();
    last = rows.row(rows.rows() - 1).cast<double>().transpose();
  }
};

/// Modes, mean and variances, before anything is derived from them.
struct Modes {
  Eigen::VectorXd mean;
  EigenPairs pairs;
};

// Blocks are dealt over the team in turn; the first snapshot is close enough to the mean for the sums to keep digits.
Modes modes_by_covariance(const Communicator& team, const SnapshotSource& source, Ends& ends) {
  std::optional<SecondMoment> moment;
  int block = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& rows) {
    ends.see(rows);
    if (!moment) moment.emplace(ends.first);
    if (block++ % team.size() == team.rank()) moment->add(rows);
  });
  moment->reduce(team);
  auto mean = moment->mean();
  Eigen::MatrixXd covariance = moment->covariance();
  moment.reset();
  return {std::move(mean), eigen_symmetric(team, std::move(covariance))};
}

// Right singular vectors X^T u / sqrt(lambda) of the centred rows; centring takes one dimension away.
EigenPairs lift_from_gram(const RowMatrixF& rows, const Eigen::VectorXd& mean, EigenPairs gram) {
  const auto count = static_cast<double>(rows.rows());
  const Index rank = gram.values(0) > 0.0 ? (gram.values.array() > 1e-13 * gram.values(0)).count() : 0;
  EigenPairs lifted;
  lifted.values = gram.values.head(rank) / count;
  Eigen::MatrixXd centred = rows.cast<double>();
  centred.rowwise() -= mean.transpose();
  lifted.vectors = centred.transpose() * gram.vectors.leftCols(rank);
  for (Index i = 0; i < rank; ++i) lifted.vectors.col(i).normalize();
  return lifted;
}

Modes modes_by_gram(const Communicator& team, const SnapshotSource& source, Ends& ends) {
  RowMatrixF rows(source.iterations, source.size);
  Index filled = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& block) {
    ends.see(block);
    rows.middleRows(filled, block.rows()) = block;
    filled += block.rows();
  });
  Modes modes;
  modes.mean = rows.cast<double>().colwise().mean().transpose();
  modes.pairs = lift_from_gram(rows, modes.mean, eigen_symmetric(team, gram_matrix(rows, modes.mean)));
  return modes;
}

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

Eigen::VectorXd cosine_contents(const RowMatrixF& projection) {
  Eigen::VectorXd contents = Eigen::VectorXd::Zero(projected_modes);
  for (Index k = 0; k < projection.rows(); ++k) {
    const Eigen::VectorXd theta = projection.row(k).cast<double>().transpose();
    contents(k) = cosine_content({theta.data(), static_cast<std::size_t>(theta.size())}, static_cast<int>(k) + 1);
  }
  return contents;
}

void measure_dimensions(Pca& pca) {
  const std::span<const double> variance(pca.variance.data(), static_cast<std::size_t>(pca.variance.size()));
  pca.total_variance = pca.variance.sum();
  pca.learning_dimension = learning_dimension(variance, pca.total_variance);
  pca.learning_dimension_without_first = learning_dimension(variance.subspan(1), pca.total_variance - variance[0]);
  pca.learning_dimension_null = random_walk_learning_dimension(pca.iterations);
}

}  // namespace

Pca principal_components(const Communicator& team, const SnapshotSource& given, std::int64_t modes) {
  SnapshotSource source = given;
  source.iterations = team.broadcast(given.iterations);
  source.size = team.broadcast(given.size);
  Ends ends;
  auto found =
      source.size <= source.iterations ? modes_by_covariance(team, source, ends) : modes_by_gram(team, source, ends);
  // Every rank has the same values here and throws alike.
  if (found.pairs.values.size() == 0 || !(found.pairs.values(0) > 0.0))
    throw_error(ErrorKind::solver,
                "the layer's weights did not move in the window, so that there is no variance to analyse", true);
  Pca pca;
  pca.iterations = source.iterations;
  pca.mean = std::move(found.mean);
  pca.variance = Eigen::VectorXd::Zero(source.size);
  pca.variance.head(found.pairs.values.size()) = found.pairs.values.cwiseMax(0.0);
  const Index available = found.pairs.vectors.cols();
  const Index kept = modes > 0 ? std::min<Index>(modes, available) : available;
  pca.directions =
      kept == available ? std::move(found.pairs.vectors) : Eigen::MatrixXd(found.pairs.vectors.leftCols(kept));
  orient(pca.directions, ends.last - ends.first);
  measure_dimensions(pca);
  pca.solution_alignment = std::abs(pca.directions.col(0).dot(ends.last)) / ends.last.norm();
  if (team.leads()) pca.projection = project(source, pca);
  pca.cosine_content = team.leads() ? cosine_contents(pca.projection) : Eigen::VectorXd::Zero(projected_modes);
  team.broadcast(std::span(pca.cosine_content.data(), static_cast<std::size_t>(projected_modes)));
  return pca;
}

}  // namespace flatsweep
