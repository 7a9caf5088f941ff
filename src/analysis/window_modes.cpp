#include "window_modes.hpp"

#include "centred_products.hpp"
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/leading_modes.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/linalg/symmetric_spectrum.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

namespace flatsweep {

namespace {
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Columns of the Gram matrix's snapshots that are held at a time, of all T: 256 MB of them, in steps of GramSum's own
// blocks so that the sums do not depend on it.
constexpr Index column_step = 256;
constexpr double panel_bytes = 0x1.0p28;

// The modes behind the first need the more of them, and what they ask for is enough for all modes.
EnoughModes holds_learning_fraction(double total) {
  return [total](std::span<const double> values) {
    const double behind_first = std::accumulate(values.begin() + 1, values.end(), 0.0);
    return behind_first >= learning_fraction * (total - values[0]) - 1e-12 * total;
  };
}

void see_ends(WindowModes& modes, const SnapshotBlock& rows) {
  if (modes.first.size() == 0) modes.first = rows.row(0).cast<double>().transpose();
  modes.last = rows.row(rows.rows() - 1).cast<double>().transpose();
}

/// Computed variances in front, then zeros where these are all of them, else NaN.
VectorXd fill_variance(const VectorXd& values, Index size, bool all) {
  VectorXd variance = VectorXd::Constant(size, all ? 0.0 : nan);
  variance.head(values.size()) = values.cwiseMax(0.0);
  return variance;
}

Index kept_directions(const PcaOptions& options, Index available) {
  return options.directions > 0 ? std::min<Index>(options.directions, available) : available;
}

// Blocks are dealt over the team in turn; the first snapshot is close enough to the mean for the sums to keep digits.
MatrixXd covariance_matrix(const Communicator& team, const SnapshotSource& source, WindowModes& modes) {
  std::optional<SecondMoment> moment;
  int block = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& rows) {
    see_ends(modes, rows);
    if (!moment) moment.emplace(modes.first);
    if (block++ % team.size() == team.rank()) moment->add(rows);
  });
  moment->reduce(team);
  modes.mean = moment->mean();
  MatrixXd covariance = moment->covariance();
  modes.total_variance = covariance.trace();
  return covariance;
}

WindowModes modes_by_covariance(const Communicator& team, const SnapshotSource& source, const PcaOptions& options) {
  WindowModes modes;
  auto pairs = eigen_symmetric(team, covariance_matrix(team, source, modes));
  modes.variance = fill_variance(pairs.values, source.size, true);
  const Index kept = kept_directions(options, pairs.vectors.cols());
  modes.directions = kept == pairs.vectors.cols() ? std::move(pairs.vectors) : MatrixXd(pairs.vectors.leftCols(kept));
  return modes;
}

RowMatrixF read_columns(const Communicator& team, const SnapshotSource& source, Index first, Index width) {
  RowMatrixF panel(source.iterations, width);
  Index filled = 0;
  for_each_shared_block(team, columns_of(source, first, width), [&](const SnapshotBlock& rows) {
    panel.middleRows(filled, rows.rows()) = rows;
    filled += rows.rows();
  });
  return panel;
}

/// Ends, mean and the Gram matrix; the columns of every panel are dealt over the team.
MatrixXd gram_matrix(const Communicator& team, const SnapshotSource& source, WindowModes& modes) {
  GramSum gram(source.iterations);
  const Index steps = panel_bytes / (4.0 * column_step * source.iterations);
  const Index width = column_step * std::max<Index>(1, steps);
  for (auto* row : {&modes.first, &modes.last, &modes.mean}) *row = VectorXd::Zero(source.size);
  for (Index first = 0; first < source.size; first += width) {
    const auto panel = read_columns(team, source, first, std::min(width, source.size - first));
    modes.first.segment(first, panel.cols()) = panel.row(0).cast<double>().transpose();
    modes.last.segment(first, panel.cols()) = panel.row(panel.rows() - 1).cast<double>().transpose();
    auto mean = modes.mean.segment(first, panel.cols());
    for (Index t = 0; t < panel.rows(); ++t) mean += panel.row(t).cast<double>().transpose();
    const Range mine = share((panel.cols() + column_step - 1) / column_step, team.rank(), team.size());
    const Index begin = mine.begin * column_step, end = std::min<Index>(mine.end * column_step, panel.cols());
    gram.add(panel.middleCols(begin, end - begin));
  }
  modes.mean /= source.iterations;
  gram.reduce(team);
  return gram.take_centred();
}

/// Right singular vectors X^T u / |X^T u| of the centred rows, as many as stand out of rounding; the rows' blocks are
/// dealt over the team.
MatrixXd lift(const Communicator& team, const SnapshotSource& source, const VectorXd& mean, const MatrixXd& left) {
  MatrixXd right = MatrixXd::Zero(source.size, left.cols());
  Index first = 0;
  int block = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& rows) {
    if (block++ % team.size() == team.rank()) {
      const MatrixXd centred = rows.cast<double>().rowwise() - mean.transpose();
      add_transposed_product(centred, left.middleRows(first, rows.rows()), right);
    }
    first += rows.rows();
  });
  team.sum(entries(right));
  for (Index i = 0; i < right.cols(); ++i) right.col(i).normalize();
  agree(team, [&] { restore_orthonormality(right); });
  return right;
}

/// Modes that have a direction: centring takes one dimension away, so that at most T - 1 have.
Index rank_of(const VectorXd& values) { return values(0) > 0.0 ? (values.array() > 1e-13 * values(0)).count() : 0; }

WindowModes modes_by_gram(const Communicator& team, const SnapshotSource& source, const PcaOptions& options) {
  WindowModes modes;
  MatrixXd gram = gram_matrix(team, source, modes);
  const double count = source.iterations;
  modes.total_variance = gram.trace() / count;
  const auto pairs = eigen_symmetric(team, std::move(gram));
  const Index rank = rank_of(pairs.values);
  modes.variance = fill_variance(pairs.values.head(rank) / count, source.size, true);
  const Index kept = kept_directions(options, std::min(rank, pairs.vectors.cols()));
  modes.directions = lift(team, source, modes.mean, pairs.vectors.leftCols(kept));
  const Index found = modes.directions.cols();
  if (found < kept) modes.variance.tail(source.size - found).setZero();
  return modes;
}

// Cheaper than either matrix while the modes that are needed are few beside N and T: 4 N flops for a snapshot and
// vector.
WindowModes modes_by_products(const Communicator& team, const SnapshotSource& source, const PcaOptions& options) {
  auto moments = window_moments(team, source);
  const BlockOperator covariance = [&](const MatrixXd& x) -> MatrixXd {
    MatrixXd products = centred_products(team, source, moments.mean, x);
    team.sum(entries(products));
    return products / source.iterations;
  };
  auto pairs = leading_modes(team, covariance, source.size, holds_learning_fraction(moments.total_variance),
                             {.vectors = options.directions});
  return {std::move(moments.first), std::move(moments.last),
          std::move(moments.mean),  fill_variance(pairs.values, source.size, pairs.values.size() == source.size),
          std::move(pairs.vectors), moments.total_variance};
}

}  // namespace

WindowModes modes_of_window(const Communicator& team, const SnapshotSource& source, const PcaOptions& options) {
  if (options.spectrum == Spectrum::leading && std::min(source.size, source.iterations) > options.direct_modes)
    return modes_by_products(team, source, options);
  return source.size <= source.iterations ? modes_by_covariance(team, source, options)
                                          : modes_by_gram(team, source, options);
}

WindowSpectrum spectrum_of_window(const Communicator& team, const SnapshotSource& source) {
  WindowSpectrum spectrum;
  auto& modes = spectrum.modes;
  if (source.size <= source.iterations) {
    const auto solved = std::make_shared<SymmetricSpectrum>(team, covariance_matrix(team, source, modes));
    modes.variance = fill_variance(solved->values(), source.size, true);
    spectrum.count = source.size;
    spectrum.directions = [solved](std::span<const int> numbers) { return solved->vectors(numbers); };
    return spectrum;
  }
  const double count = source.iterations;
  auto gram = gram_matrix(team, source, modes);
  modes.total_variance = gram.trace() / count;
  const auto solved = std::make_shared<SymmetricSpectrum>(team, std::move(gram));
  spectrum.count = rank_of(solved->values());
  modes.variance = fill_variance(solved->values().head(spectrum.count) / count, source.size, true);
  spectrum.directions = [solved, &team, source, mean = modes.mean](std::span<const int> numbers) {
    return lift(team, source, mean, solved->vectors(numbers));
  };
  return spectrum;
}

}  // namespace flatsweep
