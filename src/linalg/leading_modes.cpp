#include "flatsweep/linalg/leading_modes.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace flatsweep {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

// What is smaller than this share of the largest product |A x| is rounding.
constexpr double rounding = 1e-13;
// Squares of singular values are taken, so that only so many decades of them are trusted at once.
constexpr double trusted_range = 1e-6;
// The projected problem is solved whenever the space has grown by this factor.
constexpr double growth = 1.15;

/// An orthonormal basis V of the Krylov space, block after block, and V^T A V.
class KrylovSpace {
 public:
  KrylovSpace(const BlockOperator& apply, Index n, int block)
      : apply_(apply), n_(n), block_(std::min<Index>(block, n)), random_(n, RandomPurpose::solver) {}

  [[nodiscard]] Index size() const { return size_; }
  [[nodiscard]] auto basis() const { return basis_.leftCols(size_); }
  [[nodiscard]] MatrixXd projected() const { return projected_.topLeftCorner(size_, size_); }
  /// A V = V (V^T A V) + (the next block) coupling, in the last columns.
  [[nodiscard]] const MatrixXd& coupling() const { return coupling_; }

  /// Takes the next block in. A block that A leads nowhere new is followed by a random one.
  void grow() {
    const MatrixXd block = next_.cols() > 0 ? std::move(next_) : orthonormalise(random_block());
    append(block);
    MatrixXd image;
    apply_(block, image);
    scale_ = std::max(scale_, image.colwise().norm().maxCoeff());
    const MatrixXd within = basis().transpose() * image;
    projected_.block(0, size_ - block.cols(), size_, block.cols()) = within;
    projected_.block(size_ - block.cols(), 0, block.cols(), size_) = within.transpose();
    next_ = orthonormalise(image - basis() * within);
    coupling_ = next_.transpose() * image;
  }

 private:
  MatrixXd random_block() {
    MatrixXd block(n_, std::min(block_, n_ - size_));
    for (auto& entry : block.reshaped()) entry = random_.normal();
    return block - basis() * (basis().transpose() * block);
  }

  void append(const MatrixXd& block) {
    const Index wanted = size_ + block.cols();
    if (wanted > basis_.cols()) {
      const Index room = std::min(n_, wanted + wanted / 2);
      basis_.conservativeResize(n_, room);
      projected_.conservativeResize(room, room);
    }
    basis_.middleCols(size_, block.cols()) = block;
    size_ = wanted;
  }

  /// Orthonormal columns that span what of `block` lies outside of the basis, leaving out what is rounding.
  /// Stathopoulos & Wu, SIAM J. Sci. Comput. 23 (2002) 2165.
  MatrixXd orthonormalise(MatrixXd block) const {
    MatrixXd found(n_, 0);
    while (found.cols() < n_ - size_) {
      const auto squares = eigen_symmetric(MatrixXd(block.transpose() * block));
      const double largest = std::sqrt(std::max(squares.values(0), 0.0));
      const double least = std::max(trusted_range * largest, rounding * scale_);
      const Index kept = (squares.values.array() > least * least).count();
      if (kept == 0) break;
      MatrixXd columns = block * squares.vectors.leftCols(kept);
      for (Index i = 0; i < kept; ++i) columns.col(i) /= std::sqrt(squares.values(i));
      columns = cleaned(std::move(columns), found);
      if (columns.cols() == 0) break;
      found.conservativeResize(n_, found.cols() + columns.cols());
      found.rightCols(columns.cols()) = columns;
      if (kept == block.cols()) break;
      block -= columns * (columns.transpose() * block);
    }
    return found;
  }

  // Twice is enough: what rounding left of the basis is taken out again, at unit length.
  [[nodiscard]] MatrixXd cleaned(MatrixXd columns, const MatrixXd& found) const {
    columns -= basis() * (basis().transpose() * columns);
    columns -= found * (found.transpose() * columns);
    const auto squares = eigen_symmetric(MatrixXd(columns.transpose() * columns));
    const Index kept = std::min((squares.values.array() > 0.25).count(), n_ - size_ - found.cols());
    MatrixXd result = columns * squares.vectors.leftCols(kept);
    for (Index i = 0; i < kept; ++i) result.col(i) /= std::sqrt(squares.values(i));
    return result;
  }

  const BlockOperator& apply_;
  Index n_, block_;
  Random random_;
  MatrixXd basis_{n_, 0}, projected_, next_, coupling_;
  Index size_ = 0;
  double scale_ = 0.0;
};

Eigen::VectorXd residuals_of(const EigenPairs& ritz, const MatrixXd& coupling) {
  if (coupling.rows() == 0) return Eigen::VectorXd::Zero(ritz.values.size());
  return (coupling * ritz.vectors.bottomRows(coupling.cols())).colwise().norm().transpose();
}

/// The converged leading Ritz pairs: up to the first that has not.
Index converged(const EigenPairs& ritz, double tolerance) {
  const double bound = tolerance * std::abs(ritz.values(0));
  const auto* end = ritz.residuals.data() + ritz.residuals.size();
  return std::find_if_not(ritz.residuals.data(), end, [&](double r) { return r <= bound; }) - ritz.residuals.data();
}

EigenPairs in_full_space(const KrylovSpace& space, const EigenPairs& ritz, Index count, Index vectors) {
  const Index wanted = vectors > 0 ? std::min(vectors, count) : count;
  return {ritz.values.head(count), space.basis() * ritz.vectors.leftCols(wanted), ritz.residuals.head(count)};
}

bool suffice(const EnoughModes& enough, const Eigen::VectorXd& values, Index count) {
  return count > 0 && enough({values.data(), static_cast<std::size_t>(count)});
}

}  // namespace

EigenPairs leading_modes(const BlockOperator& apply, Index n, const EnoughModes& enough,
                         const LeadingModesOptions& options) {
  KrylovSpace space(apply, n, options.block);
  double next_check = 2.0 * options.block;
  while (true) {
    space.grow();
    if (static_cast<double>(space.size()) < next_check && space.size() < n && space.coupling().rows() > 0) continue;
    next_check = growth * static_cast<double>(space.size());
    auto ritz = eigen_symmetric(space.projected());
    ritz.residuals = residuals_of(ritz, space.coupling());
    const Index count = converged(ritz, options.tolerance);
    if (suffice(enough, ritz.values, count)) return in_full_space(space, ritz, count, options.vectors);
    if (space.size() == n)
      throw SolverError("all " + std::to_string(n) + " modes do not hold what was asked of the leading ones");
  }
}

EigenPairs leading_modes(MatrixXd matrix, const EnoughModes& enough, const LeadingModesOptions& options) {
  constexpr Index small = 3000;  // rows up to which a direct solve takes no longer
  if (matrix.rows() > small)
    return leading_modes([&](const MatrixXd& x, MatrixXd& y) { y.noalias() = matrix * x; }, matrix.rows(), enough,
                         options);
  auto pairs = eigen_symmetric(std::move(matrix));
  if (!suffice(enough, pairs.values, pairs.values.size()))
    throw SolverError("all " + std::to_string(pairs.values.size()) +
                      " modes do not hold what was asked of the leading ones");
  if (options.vectors > 0 && options.vectors < pairs.vectors.cols())
    pairs.vectors = pairs.vectors.leftCols(options.vectors).eval();
  return pairs;
}

}  // namespace flatsweep
