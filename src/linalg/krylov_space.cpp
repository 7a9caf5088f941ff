#include "krylov_space.hpp"

#include "flatsweep/base/index.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {
using Eigen::MatrixXd;

namespace {

// What is smaller than this share of the largest product |A x| is rounding.
constexpr double rounding = 1e-13;
// Squares of singular values are taken, so that only so many decades of them are trusted at once.
constexpr double trusted_range = 1e-6;

/// Columns that combine those of a block to orthonormal ones: its Gram matrix's eigenvectors over their lengths, those
/// longer than `least`. Stathopoulos & Wu, SIAM J. Sci. Comput. 23 (2002) 2165.
MatrixXd orthonormal_combinations(const Communicator& comm, const MatrixXd& gram, double trusted, double least) {
  const auto squares = eigen_symmetric_on_root(comm, gram);
  const double shortest = std::max(trusted * std::sqrt(std::max(squares.values(0), 0.0)), least);
  const Index kept = (squares.values.array() > shortest * shortest).count();
  return squares.vectors.leftCols(kept) * squares.values.head(kept).cwiseSqrt().cwiseInverse().asDiagonal();
}

}  // namespace

KrylovSpace::KrylovSpace(const Communicator& comm, const BlockOperator& apply, Index n, int block, std::uint64_t start)
    : comm_(comm),
      apply_(apply),
      rows_(comm, n),
      block_(std::min<Index>(block, n)),
      random_(n, RandomPurpose::solver, start),
      basis_(rows_.local().size(), 0),
      next_(rows_.local().size(), 0) {}

void KrylovSpace::grow() {
  const MatrixXd block = next_.cols() > 0 ? std::move(next_) : orthonormalise(random_block());
  append(block);
  const MatrixXd image = apply_(rows_.gather(block)).middleRows(rows_.local().begin, rows_.local().size());
  scale_ = std::max(scale_, std::sqrt(rows_.inner(image, image).diagonal().maxCoeff()));
  const MatrixXd within = rows_.inner(basis(), image);
  projected_.block(0, size_ - block.cols(), size_, block.cols()) = within;
  projected_.block(size_ - block.cols(), 0, block.cols(), size_) = within.transpose();
  next_ = orthonormalise(image - rows_.times(basis(), within));
  coupling_ = rows_.inner(next_, image);
}

MatrixXd KrylovSpace::combine(const MatrixXd& coefficients) const {
  return rows_.gather(rows_.times(basis(), coefficients));
}

MatrixXd KrylovSpace::random_block() {
  MatrixXd block(rows_.rows(), std::min(block_, rows_.rows() - size_));
  for (auto& entry : block.reshaped()) entry = random_.normal();
  return without_basis(block.middleRows(rows_.local().begin, rows_.local().size()));
}

MatrixXd KrylovSpace::without_basis(const MatrixXd& block) const {
  return block - rows_.times(basis(), rows_.inner(basis(), block));
}

/// Orthonormal columns that span what of `block` is not rounding.
MatrixXd KrylovSpace::orthonormalise(MatrixXd block) const {
  MatrixXd found(block.rows(), 0);
  while (found.cols() < rows_.rows() - size_) {
    const auto combinations =
        orthonormal_combinations(comm_, rows_.inner(block, block), trusted_range, rounding * scale_);
    if (combinations.cols() == 0) break;
    const MatrixXd columns = cleaned(rows_.times(block, combinations), found);
    if (columns.cols() == 0) break;
    found.conservativeResize(Eigen::NoChange, found.cols() + columns.cols());
    found.rightCols(columns.cols()) = columns;
    if (combinations.cols() == block.cols()) break;
    block -= rows_.times(columns, rows_.inner(columns, block));
  }
  return found;
}

// Twice is enough: what rounding left of the basis is taken out again, at unit length. A column that was little else is
// dropped.
MatrixXd KrylovSpace::cleaned(MatrixXd columns, const MatrixXd& found) const {
  columns = without_basis(columns);
  columns -= rows_.times(found, rows_.inner(found, columns));
  MatrixXd combinations = orthonormal_combinations(comm_, rows_.inner(columns, columns), 0.0, 0.5);
  const Index room = rows_.rows() - size_ - found.cols();
  if (combinations.cols() > room) combinations = combinations.leftCols(room).eval();
  return rows_.times(columns, combinations);
}

void KrylovSpace::append(const MatrixXd& block) {
  const Index wanted = size_ + block.cols();
  if (wanted > basis_.cols()) {
    const Index room = std::min(rows_.rows(), wanted + wanted / 2);
    basis_.conservativeResize(Eigen::NoChange, room);
    projected_.conservativeResize(room, room);
  }
  basis_.middleCols(size_, block.cols()) = block;
  size_ = wanted;
}

}  // namespace flatsweep
