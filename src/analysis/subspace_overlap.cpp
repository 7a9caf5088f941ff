#include "flatsweep/analysis/subspace_overlap.hpp"

#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/index.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace flatsweep {
using Eigen::MatrixXd;

std::vector<double> subspace_overlaps(const MatrixXd& u, const MatrixXd& v, std::span<const int> counts) {
  const int most = *std::ranges::max_element(counts);
  const MatrixXd squares = (u.leftCols(most).transpose() * v.leftCols(most)).cwiseAbs2();
  std::vector<double> overlaps;
  for (const int k : counts) overlaps.push_back(squares.topLeftCorner(k, k).sum() / k);
  return overlaps;
}

// The trace of a product of two random projectors of rank k has mean k^2/N and variance 2 k^2 (N-k)^2 / (N^2 (N-1)
// (N+2)), from the second moments of the orthogonal group.
RandomOverlap random_subspace_overlap(Index k, Index n) {
  const double dimensions = n;
  const double rest = dimensions - k;
  return {1.0 * k / dimensions, std::sqrt(2.0 / ((dimensions - 1.0) * (dimensions + 2.0))) * rest / dimensions};
}

std::vector<int> overlap_counts(Index most) {
  std::vector<int> counts;
  for (int decade = 1; decade <= most && decade < 1000000; decade *= 10)
    for (const int step : std::array{1, 2, 5})
      if (step * decade <= most) counts.push_back(step * decade);
  return counts;
}

SeedOverlaps seed_overlaps(std::span<const MatrixXd> directions) {
  const auto least = std::ranges::min_element(directions, {}, [](const MatrixXd& d) { return d.cols(); });
  const auto seeds = directions.size();
  SeedOverlaps all{overlap_counts(least->cols()), {}, {}, {}};
  all.overlap.resize(all.count.size() * seeds * seeds);
  for (std::size_t a = 0; a < seeds; ++a)
    for (std::size_t b = 0; b < seeds; ++b) {
      const auto pair = subspace_overlaps(directions[a], directions[b], all.count);
      for (std::size_t c = 0; c < pair.size(); ++c) all.overlap[(c * seeds + a) * seeds + b] = pair[c];
    }
  for (std::size_t c = 0; c < all.count.size(); ++c) {
    std::vector<double> pairs;
    for (std::size_t a = 0; a < seeds; ++a)
      for (std::size_t b = a + 1; b < seeds; ++b) pairs.push_back(all.overlap[(c * seeds + a) * seeds + b]);
    all.mean.push_back(spread(pairs).mean);
    all.random.push_back(random_subspace_overlap(all.count[c], least->rows()));
  }
  return all;
}

}  // namespace flatsweep
