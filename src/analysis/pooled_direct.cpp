#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/par/agreement.hpp"
#include "pool.hpp"

#include <algorithm>

namespace flatsweep {
using Eigen::MatrixXd;

namespace {

// Columns of all snapshots' rows that go to the root rank at once, and bytes of own rows that are held between passes.
constexpr Index pooled_column_step = 256;
constexpr double pooled_panel_bytes = 0x1.0p28;

MatrixXd covariance_sum(const PoolMember& member) {
  SecondMoment moment(member.mean);
  member.source.for_each_block([&](const SnapshotBlock& rows) { moment.add(rows); });
  return moment.covariance() * member.iterations;
}

/// Rows of every rank, one below the other, of the same columns.
MatrixXd stack_rows(const Communicator& comm, const MatrixXd& rows) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const RowMajor mine = rows;
  const auto all = comm.gather_all(entries(mine));
  return Eigen::Map<const RowMajor>(all.data(), std::ssize(all) / rows.cols(), rows.cols());
}

/// X X^T of all centred snapshots, summed by the root rank over steps of columns; lower triangle, there alone.
MatrixXd gram_on_root(const Pool& pool) {
  const Index iterations = pool.iterations();
  MatrixXd gram;
  if (pool.comm().is_root()) gram = MatrixXd::Zero(iterations, iterations);
  const Index steps = pooled_panel_bytes / (8.0 * pooled_column_step * iterations);
  const Index panel = pooled_column_step * std::max<Index>(1, steps);
  for (Index first = 0; first < pool.size(); first += panel) {
    pool.start_pass();
    const Index width = std::min(panel, pool.size() - first);
    MatrixXd mine;
    agree(pool.comm(), [&] { mine = pool.own_columns(first, width); });
    for (Index step = 0; step < width; step += pooled_column_step) {
      const MatrixXd columns =
          stack_rows(pool.comm(), mine.middleCols(step, std::min(pooled_column_step, width - step)));
      if (pool.comm().is_root()) gram.selfadjointView<Eigen::Lower>().rankUpdate(columns);
    }
  }
  return gram;
}

}  // namespace

EigenPairs pooled_modes_by_covariance(const Pool& pool, Index directions) {
  MatrixXd covariance = pool.sum(pool.size(), pool.size(), covariance_sum) / pool.iterations();
  auto pairs = eigen_symmetric_on_root(pool.comm(), std::move(covariance));
  pairs.vectors = pairs.vectors.leftCols(std::min(directions, pairs.vectors.cols())).eval();
  return pairs;
}

// Right singular vectors of the centred snapshots, X^T s / |X^T s|.
EigenPairs pooled_modes_by_gram(const Pool& pool, Index directions) {
  MatrixXd gram = gram_on_root(pool);
  if (!pool.comm().is_root()) gram = MatrixXd::Zero(pool.iterations(), pool.iterations());
  auto pairs = eigen_symmetric_on_root(pool.comm(), std::move(gram));
  const Index rank = (pairs.values.array() > 1e-13 * pairs.values(0)).count();
  const MatrixXd left = pairs.vectors.leftCols(std::min(directions, rank));
  const auto* begin = pool.members().data();
  pairs.vectors = pool.sum(pool.size(), left.cols(), [&](const PoolMember& member) -> MatrixXd {
    Index row = 0;
    for (const auto* before = begin; before != &member; ++before) row += before->iterations;
    MatrixXd right = MatrixXd::Zero(pool.size(), left.cols());
    member.source.for_each_block([&](const SnapshotBlock& rows) {
      const MatrixXd centred = rows.cast<double>().rowwise() - member.mean.transpose();
      right.noalias() += centred.transpose() * left.middleRows(row, rows.rows());
      row += rows.rows();
    });
    return right;
  });
  pairs.vectors.colwise().normalize();
  agree(pool.comm(), [&] { restore_orthonormality(pairs.vectors); });
  const Index found = pairs.vectors.cols() < left.cols() ? pairs.vectors.cols() : rank;
  pairs.values = (pairs.values.head(found) / pool.iterations()).eval();
  return pairs;
}

}  // namespace flatsweep
