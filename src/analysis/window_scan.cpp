#include "flatsweep/analysis/window_scan.hpp"

#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/index.hpp"
#include "known_windows.hpp"

#include <algorithm>
#include <optional>

namespace flatsweep {

namespace {

/// Room for `windows` lengths and `directions` directions.
WindowScan empty_scan(const std::vector<std::int64_t>& lengths, std::size_t directions) {
  WindowScan scan;
  scan.length = lengths;
  const Index windows = std::ssize(lengths);
  scan.leading_fraction = Eigen::MatrixXd::Zero(windows, 3);
  scan.variance = Eigen::MatrixXd::Zero(windows, directions);
  return scan;
}

void add_own_modes(WindowScan& scan, const Pca& pca) {
  const Index row = std::ssize(scan.total_variance);
  const Index leading = std::min<Index>(3, pca.variance.size());
  scan.leading_fraction.row(row).head(leading) = pca.variance.head(leading).transpose() / pca.total_variance;
  scan.total_variance.push_back(pca.total_variance);
  scan.learning_dimension.push_back(pca.learning_dimension);
  scan.learning_dimension_without_first.push_back(pca.learning_dimension_without_first);
  scan.learning_dimension_null.push_back(pca.learning_dimension_null);
  scan.learning_dimension_null_without_first.push_back(
      random_walk_learning_dimension(pca.iterations, learning_fraction, 2));
}

Exponent psi_of_window(std::span<const int> chosen, const Eigen::VectorXd& variance, std::span<const double> flatness,
                       double rounding, const PsiOptions& options) {
  if (flatness.empty()) return {};
  VarianceFlatness relation;
  relation.rounding = rounding;
  relation.direction.assign(chosen.begin(), chosen.end());
  relation.variance.assign(variance.begin(), variance.end());
  relation.flatness.assign(flatness.begin(), flatness.end());
  relation.loss_curvature.resize(chosen.size(), 0.0);
  return fit_psi({&relation, 1}, options).all;
}

}  // namespace

SnapshotSource part_of(const SnapshotSource& source, std::int64_t first, std::int64_t length) {
  SnapshotSource part{length, source.size, {}};
  part.for_each_block = [source, first, length](const SnapshotVisitor& visit) {
    Index begin = 0;  // number of the block's first row
    source.for_each_block([&](const SnapshotBlock& rows) {
      const Index from = std::max<Index>(first - begin, 0);
      const Index to = std::min<Index>(first + length - begin, rows.rows());
      begin += rows.rows();
      if (from < to) visit(rows.middleRows(from, to - from));
    });
  };
  return part;
}

std::vector<std::int64_t> scan_lengths(std::int64_t iterations, int halvings) {
  std::vector<std::int64_t> lengths;
  for (int halving = halvings; halving > 0; --halving)
    if (const auto length = iterations >> halving; length >= 4) lengths.push_back(length);
  lengths.push_back(iterations);
  return lengths;
}

WindowScan scan_window(const Communicator& team, const SnapshotSource& source, const Pca& pca,
                       std::span<const int> chosen, std::span<const double> flatness, const PsiOptions& psi,
                       int halvings) {
  return scan_window(team, source, pca, nullptr, chosen, flatness, psi, halvings);
}

WindowScan scan_window(const Communicator& team, const SnapshotSource& source, const Pca& pca, const Pca* known,
                       std::span<const int> chosen, std::span<const double> flatness, const PsiOptions& psi,
                       int halvings) {
  auto scan = empty_scan(scan_lengths(pca.iterations, halvings), chosen.size());
  Eigen::MatrixXd columns(pca.directions.rows(), std::ssize(chosen));
  for (std::size_t i = 0; i < chosen.size(); ++i) columns.col(i) = pca.directions.col(chosen[i]);
  PsiOptions options = psi;
  options.moving = pca.moving;
  for (std::size_t i = 0; i < scan.length.size(); ++i) {
    Eigen::VectorXd variance(columns.cols());
    double rounding = pca.rounding;
    if (scan.length[i] == pca.iterations) {
      add_own_modes(scan, pca);
      for (std::size_t k = 0; k < chosen.size(); ++k) variance(k) = pca.variance(chosen[k]);
    } else {
      const auto window = part_of(source, pca.iterations - scan.length[i], scan.length[i]);
      const bool at_hand = known != nullptr && known->iterations == scan.length[i];
      std::optional<ChosenPca> own;
      if (!at_hand) own = chosen_components(team, window, {});
      const Pca& part = at_hand ? *known : *own;
      add_own_modes(scan, part);
      variance = variance_along(team, window, columns);
      rounding = part.rounding;
    }
    scan.variance.row(i) = variance.transpose();
    scan.rounding.push_back(rounding);
    scan.psi.push_back(psi_of_window(chosen, variance, flatness, rounding, options));
  }
  return scan;
}

}  // namespace flatsweep
