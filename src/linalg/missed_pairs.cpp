#include "missed_pairs.hpp"

#include "flatsweep/linalg/leading_modes.hpp"

#include <algorithm>
#include <cstdint>

namespace flatsweep {

namespace {
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Of sign A on the vectors orthogonal to those known, which have the eigenvalue -scale here, below all others.
BlockOperator without(const SymmetricOperator& apply, const Eigen::Ref<const MatrixXd>& known, double sign,
                      double scale) {
  return [&apply, known, sign, scale](const MatrixXd& x) {
    const MatrixXd shares = known.transpose() * x;
    const MatrixXd rest = x - known * shares;
    MatrixXd y = sign * apply_to_columns(apply, rest);
    y -= known * (known.transpose() * y);
    y -= known * (scale * shares);
    return y;
  };
}

/// Unit vectors without what rounding left of those known.
MatrixXd orthogonal_to(const Eigen::Ref<const MatrixXd>& known, const MatrixXd& vectors) {
  return (vectors - known * (known.transpose() * vectors)).colwise().normalized();
}

/// Puts a pair where its value belongs. @return how many there are now
Index insert(EigenPairs& pairs, Index found, double sign, double value, const VectorXd& vector, double residual) {
  Index place = found;
  while (place > 0 && sign * pairs.values(place - 1) < sign * value) --place;
  if (place == pairs.values.size()) return found;
  for (Index i = std::min(found, pairs.values.size() - 1); i > place; --i) {
    pairs.values(i) = pairs.values(i - 1);
    pairs.residuals(i) = pairs.residuals(i - 1);
    pairs.vectors.col(i) = pairs.vectors.col(i - 1);
  }
  pairs.values(place) = value;
  pairs.residuals(place) = residual;
  pairs.vectors.col(place) = vector;
  return std::min(found + 1, pairs.values.size());
}

}  // namespace

void take_in_missed(const Communicator& comm, const SymmetricOperator& apply, Outermost outermost, double scale,
                    double tolerance, EigenPairs& pairs, Index found) {
  const double sign = outermost == Outermost::largest ? 1.0 : -1.0;
  for (std::uint64_t search = 1; found > 0; ++search) {
    const double beyond = sign * pairs.values(found - 1) + tolerance * scale;
    const auto rest =
        leading_modes(comm, without(apply, pairs.vectors.leftCols(found), sign, scale), pairs.vectors.rows(),
                      [&](std::span<const double> values) { return values.back() <= beyond; },
                      {.block = 1, .tolerance = 0.5 * tolerance, .scale = scale, .start = search});
    const Index missed = (rest.values.array() > beyond).count();
    const MatrixXd vectors = orthogonal_to(pairs.vectors.leftCols(found), rest.vectors.leftCols(missed));
    for (Index i = 0; i < missed; ++i) {
      const VectorXd vector = vectors.col(i);
      const double residual = (sign * apply_to_columns(apply, vector) - rest.values(i) * vector).norm();
      found = insert(pairs, found, sign, sign * rest.values(i), vector, residual);
    }
    if (missed == 0) return;
  }
}

}  // namespace flatsweep
