#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "linalg/matrices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <petscsys.h>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace flatsweep::extreme_eigenpairs_test {
namespace {

using testing::HasSubstr;

const Communicator& team() {
  static const auto world = Communicator::world();
  return world;
}

/// A user's PETSc option while this value lives.
class PetscOption {
 public:
  PetscOption(std::string name, const char* value) : name_(std::move(name)) {
    EXPECT_EQ(PetscOptionsSetValue(nullptr, name_.c_str(), value), 0);
  }
  ~PetscOption() { PetscOptionsClearValue(nullptr, name_.c_str()); }
  PetscOption(const PetscOption&) = delete;
  PetscOption& operator=(const PetscOption&) = delete;

 private:
  std::string name_;
};

TEST(LeadingEigenpairs, AgreeWithTheFullSolve) {
  const Eigen::MatrixXd matrix = decaying(400);
  const auto full = eigen_symmetric(matrix);
  const auto leading = leading_eigenpairs(team(), product_with(matrix), 400, 20);
  // A residual r bounds a symmetric eigenvalue's error; r <= 1e-10 of the largest eigenvalue, 1.
  EXPECT_LE((leading.values - full.values.head(20)).cwiseAbs().maxCoeff(), 1e-10);
  // sin(angle) <= r / gap, and the gap at 20 is 20^-2 - 21^-2 = 2.3e-4: angle < 5e-7, its cosine within 1e-12 of 1.
  for (int i = 0; i < 20; ++i) EXPECT_NEAR(std::abs(leading.vectors.col(i).dot(full.vectors.col(i))), 1.0, 1e-12);
}

TEST(LeadingEigenpairs, ReportTheirResiduals) {
  const Eigen::MatrixXd matrix = decaying(150);
  const auto pairs = leading_eigenpairs(team(), product_with(matrix), 150, 5);
  for (int i = 0; i < 5; ++i) {
    const double residual = (matrix * pairs.vectors.col(i) - pairs.values(i) * pairs.vectors.col(i)).norm();
    EXPECT_NEAR(pairs.residuals(i), residual, 1e-14);  // rounding of one product with |A| = 1
    EXPECT_LE(residual, 1e-10);                        // the default tolerance
  }
}

TEST(LeadingEigenpairs, AreTheSameEachTime) {
  const Eigen::MatrixXd matrix = decaying(100);
  const auto first = leading_eigenpairs(team(), product_with(matrix), 100, 4);
  const auto second = leading_eigenpairs(team(), product_with(matrix), 100, 4);
  EXPECT_EQ(first.values, second.values);
  EXPECT_EQ(first.vectors, second.vectors);
}

TEST(LeadingEigenpairs, IncludeZeroEigenvaluesOfASemiDefiniteOperator) {
  const Eigen::MatrixXd matrix = degenerate(60) - Eigen::MatrixXd::Identity(60, 60);
  const auto pairs = leading_eigenpairs(team(), product_with(matrix), 60, 6);
  EXPECT_LE((pairs.values.head(3).array() - 4.0).abs().maxCoeff(), 4e-10);  // tolerance times the largest eigenvalue
  EXPECT_LE(pairs.values.tail(3).cwiseAbs().maxCoeff(), 4e-10);
}

/// Eigenvalue 3 ten times, then 2.9, 2.8, ... 2.1, and the others between 0 and 1.
Eigen::VectorXd multiple_spectrum(Index n) {
  Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(n, 1.0, 0.0);
  values.head(10).setConstant(3.0);
  for (Index i = 10; i < 19; ++i) values(i) = 2.9 - 0.1 * static_cast<double>(i - 10);
  return values;
}

// A Krylov space of one vector holds one vector of each eigenspace: the others come in by rounding, or not at all.
TEST(LeadingEigenpairs, AreAsManyAsAMultipleEigenvalueHas) {
  const Index n = 150;
  const Eigen::VectorXd values = multiple_spectrum(n);
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors;
  const Eigen::MatrixXd matrix = basis * values.asDiagonal() * basis.transpose();
  for (const auto& [count, tolerance] : {std::pair{12, 1e-5}, {19, 1e-10}}) {
    const auto pairs = leading_eigenpairs(team(), product_with(matrix), n, count, tolerance);
    // A residual bounds an eigenvalue's error.
    EXPECT_LE((pairs.values - values.head(count)).cwiseAbs().maxCoeff(), 3.0 * tolerance) << pairs.values.transpose();
    const Eigen::MatrixXd gram = pairs.vectors.transpose() * pairs.vectors;
    EXPECT_LE((gram - Eigen::MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(), 1e-11);  // SLEPc's own vectors
    const Eigen::MatrixXd errors = matrix * pairs.vectors - pairs.vectors * pairs.values.asDiagonal();
    for (int i = 0; i < count; ++i) EXPECT_LE(errors.col(i).norm(), 3.0 * tolerance);
  }
}

TEST(LeadingEigenpairs, OfSmallOperatorsMayBeAllButOne) {
  const auto pairs = leading_eigenpairs(team(), product_with(second_difference(3)), 3, 2);
  EXPECT_NEAR(pairs.values(0), 2.0 + std::numbers::sqrt2, 4e-10);  // tolerance times the largest eigenvalue
  EXPECT_NEAR(pairs.values(1), 2.0, 4e-10);
}

TEST(LeadingEigenpairs, FailWhenTheToleranceCannotBeMet) {
  const Eigen::MatrixXd matrix = decaying(100);
  EXPECT_THROW((void)leading_eigenpairs(team(), product_with(matrix), 100, 10, 1e-20), SolverError);
}

// Products in single precision: the Krylov space alone would have residuals below any tolerance.
TEST(LeadingEigenpairs, DoNotTakeResidualsThatAProductDoesNotBear) {
  const Eigen::MatrixXd matrix = decaying(100);
  const auto rounded = [&](std::span<const double> x, std::span<double> y) {
    product_with(matrix)(x, y);
    for (double& value : y) value = static_cast<float>(value);
  };
  EXPECT_THROW((void)leading_eigenpairs(team(), rounded, 100, 10, 1e-10), SolverError);
  const auto pairs = leading_eigenpairs(team(), rounded, 100, 10, 1e-5);
  for (int i = 0; i < 10; ++i) {
    const double residual = (matrix * pairs.vectors.col(i) - pairs.values(i) * pairs.vectors.col(i)).norm();
    EXPECT_LE(residual, 1e-5);
  }
}

TEST(LeadingEigenpairs, PassOnWhatTheOperatorThrows) {
  int calls = 0;
  const auto apply = [&](std::span<const double> x, std::span<double> y) {
    if (++calls == 5) throw IoError("the disk is gone");
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<double>(i) * x[i];
  };
  EXPECT_THROW((void)leading_eigenpairs(team(), apply, 50, 3), IoError);
  EXPECT_EQ(calls, 5);
  EXPECT_NO_THROW((void)leading_eigenpairs(team(), apply, 50, 3));  // PETSc is usable afterwards
}

TEST(LeadingEigenpairs, RefuseAsManyAsThereAre) {
  try {
    (void)leading_eigenpairs(team(), product_with(second_difference(3)), 3, 3);
    ADD_FAILURE() << "no error";
  } catch (const SolverError& error) {
    EXPECT_THAT(error.what(), HasSubstr("between 1 and 2"));
  }
}

TEST(LeadingEigenpairs, AreBitwiseTheSameOnEveryRank) {
  const Eigen::MatrixXd matrix = decaying(101);
  const auto pairs = leading_eigenpairs(team(), product_with(matrix), 101, 7);
  std::vector<double> mine(pairs.vectors.data(), pairs.vectors.data() + pairs.vectors.size());
  mine.insert(mine.end(), pairs.values.begin(), pairs.values.end());
  std::vector<double> leader = mine;
  team().broadcast(leader);
  EXPECT_EQ(mine, leader);
}

TEST(LeadingEigenpairs, OverRanksAgreeWithThoseOfOneRank) {
  const Eigen::MatrixXd matrix = decaying(100);
  const auto together = leading_eigenpairs(team(), product_with(matrix), 100, 6);
  const auto alone = leading_eigenpairs(product_with(matrix), 100, 6);
  EXPECT_LE((together.values - alone.values).cwiseAbs().maxCoeff(), 2e-10);  // the tolerance of both
}

TEST(LeadingEigenpairs, ObeyTheUsersOptions) {
  const Eigen::MatrixXd matrix = decaying(200);
  const auto solve = [&] { (void)leading_eigenpairs(team(), product_with(matrix), 200, 10); };
  const auto solve_smallest = [&] { (void)smallest_eigenpairs(team(), product_with(matrix), 200, 1, 1.0, 1e-2); };
  {
    const PetscOption all("-eps_max_it", "1");
    EXPECT_THROW(solve(), SolverError);
    const PetscOption these("-leading_eps_max_it", "100");  // goes before what is said of all
    EXPECT_NO_THROW(solve());
  }
  const PetscOption leading("-leading_eps_max_it", "1");
  EXPECT_THROW(solve(), SolverError);
  EXPECT_NO_THROW(solve_smallest());
}

TEST(LeadingEigenpairs, SayHowManyWereFound) {
  const Eigen::MatrixXd matrix = decaying(200);
  const PetscOption option("-leading_eps_max_it", "1");
  try {
    (void)leading_eigenpairs(team(), product_with(matrix), 200, 10);
    ADD_FAILURE() << "no error";
  } catch (const SolverError& error) {
    EXPECT_THAT(error.what(), HasSubstr("of 10 leading eigenpairs in 1 iterations"));
    EXPECT_THAT(error.what(), HasSubstr("-leading_eps_max_it"));
  }
}

TEST(LeadingEigenpairs, AreNaNBehindThoseThatConvergedWhereThatIsAskedFor) {
  const Eigen::MatrixXd matrix = decaying(200);
  const auto full = eigen_symmetric(matrix);
  const PetscOption steps("-leading_eps_max_it", "2"), room("-leading_eps_ncv", "24");
  const auto pairs = leading_eigenpairs(team(), product_with(matrix), 200, 20, 1e-10, Shortage::marked);
  const auto known = converged_pairs(pairs);
  ASSERT_GT(known, 0);
  ASSERT_LT(known, 20);
  EXPECT_LE((pairs.values.head(known) - full.values.head(known)).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_LE(pairs.residuals.head(known).maxCoeff(), 1e-10);
  EXPECT_TRUE(pairs.values.tail(20 - known).array().isNaN().all());
  EXPECT_TRUE(pairs.residuals.tail(20 - known).array().isNaN().all());
  EXPECT_TRUE(pairs.vectors.rightCols(20 - known).array().isNaN().all());
}

TEST(LeadingEigenpairs, AreAllNaNWhereNoneCouldConverge) {
  const Eigen::MatrixXd matrix = decaying(200);
  const PetscOption option("-leading_eps_max_it", "1");
  const auto pairs = leading_eigenpairs(team(), product_with(matrix), 200, 10, 1e-15, Shortage::marked);
  EXPECT_LT(converged_pairs(pairs), 10);
}

// Half of the eigenvalues of a random symmetric matrix are negative.
TEST(SmallestEigenpairs, AgreeWithTheFullSolveOfAnIndefiniteMatrix) {
  const int n = 150;
  const Eigen::MatrixXd matrix = random_symmetric(n);
  const auto full = eigen_symmetric(matrix);
  const double scale = full.values(0);
  const auto pairs = smallest_eigenpairs(team(), product_with(matrix), n, 5, scale);
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(pairs.values(i), full.values(n - 1 - i), 1e-10 * scale);  // a residual bounds an eigenvalue's error
    EXPECT_LE(pairs.residuals(i), 1e-10 * scale);
    const double residual = (matrix * pairs.vectors.col(i) - pairs.values(i) * pairs.vectors.col(i)).norm();
    EXPECT_NEAR(pairs.residuals(i), residual, 1e-13 * scale);  // rounding of one product
  }
}

TEST(SmallestEigenpairs, AreAsManyAsAMultipleEigenvalueHas) {
  const Index n = 150;
  const Eigen::VectorXd values = -multiple_spectrum(n);
  const Eigen::MatrixXd basis = eigen_symmetric(random_symmetric(n)).vectors;
  const Eigen::MatrixXd matrix = basis * values.asDiagonal() * basis.transpose();
  const auto pairs = smallest_eigenpairs(team(), product_with(matrix), n, 12, 3.0, 1e-5);
  EXPECT_LE((pairs.values - values.head(12)).cwiseAbs().maxCoeff(), 3e-5) << pairs.values.transpose();
}

TEST(SmallestEigenpairs, OfASemiDefiniteMatrixAreZeros) {
  const Eigen::MatrixXd matrix = degenerate(60) - Eigen::MatrixXd::Identity(60, 60);
  const auto pairs = smallest_eigenpairs(team(), product_with(matrix), 60, 3, 4.0);
  EXPECT_LE(pairs.values.cwiseAbs().maxCoeff(), 4e-10);  // tolerance times the scale
}

}  // namespace
}  // namespace flatsweep::extreme_eigenpairs_test
