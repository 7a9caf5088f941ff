#include "flatsweep/linalg/leading_modes.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace flatsweep::leading_modes_test {
namespace {
using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd gaussian(Index rows, Index columns) {
  Random random(rows, RandomPurpose::simulation);
  MatrixXd matrix(rows, columns);
  for (auto& entry : matrix.reshaped()) entry = random.normal();
  return matrix;
}

/// A symmetric operator with these eigenvalues: orthogonal columns are known, the matrix need not be formed.
struct KnownOperator {
  MatrixXd vectors;
  VectorXd values;
  KnownOperator(Index n, VectorXd spectrum) : values(std::move(spectrum)) {
    vectors = orthonormal_basis(gaussian(n, values.size()));
  }
  [[nodiscard]] BlockOperator product() const {
    return [this](const MatrixXd& x) -> MatrixXd {
      return vectors * (values.asDiagonal() * (vectors.transpose() * x)).eval();
    };
  }
};

const Communicator& world() {
  static const auto all = Communicator::world();
  return all;
}

EnoughModes at_least_modes(std::size_t count) {
  return [count](std::span<const double> values) { return values.size() >= count; };
}

EnoughModes fraction_of(double total, double fraction) {
  return [=](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) >= fraction * total;
  };
}

VectorXd power_law(Index count, double power) {
  return Eigen::ArrayXd::LinSpaced(count, 1.0, static_cast<double>(count)).pow(-power).matrix();
}

void expect_leading(const KnownOperator& known, const EigenPairs& found, Index count) {
  ASSERT_GE(found.values.size(), count);
  // A residual of 1e-10 of the largest eigenvalue bounds the error of each eigenvalue.
  EXPECT_LE((found.values.head(count) - known.values.head(count)).cwiseAbs().maxCoeff(), 1e-10 * known.values(0));
  const MatrixXd identity = found.vectors.transpose() * found.vectors;
  EXPECT_LE((identity - MatrixXd::Identity(identity.rows(), identity.cols())).cwiseAbs().maxCoeff(), 1e-12);
  MatrixXd image = known.product()(found.vectors);
  image -= found.vectors * found.values.head(found.vectors.cols()).asDiagonal();
  EXPECT_LE(image.colwise().norm().maxCoeff(), 2e-10 * known.values(0));
}

TEST(LeadingModes, FindAKnownSpectrum) {
  const KnownOperator known(900, power_law(900, 2.0));
  expect_leading(known, leading_modes(world(), known.product(), 900, at_least_modes(60), {.block = 16}), 60);
}

TEST(LeadingModes, StopWhereTheyHoldAFractionOfTheTrace) {
  const KnownOperator known(800, power_law(800, 2.5));
  const double total = known.values.sum();
  const auto found = leading_modes(world(), known.product(), 800, fraction_of(total, 0.999), {.block = 20});
  EXPECT_GE(found.values.sum(), 0.999 * total);
  EXPECT_LT(found.values.size(), 400);  // and goes not on to all
  expect_leading(known, found, found.values.size());
}

TEST(LeadingModes, FindEveryCopyOfARepeatedEigenvalueOfLowRank) {
  // 30 equal ones, more than a block of 8 can span in one Krylov space, and rank 40 of 300.
  VectorXd values = VectorXd::Constant(40, 0.5);
  values.head(10) = power_law(10, 1.0) + VectorXd::Ones(10);
  const KnownOperator known(300, values);
  const auto found = leading_modes(world(), known.product(), 300, fraction_of(values.sum(), 1.0 - 1e-12), {.block = 8});
  expect_leading(known, found, 40);
  EXPECT_NEAR(found.values.head(40).sum(), values.sum(), 1e-9);
}

TEST(LeadingModes, OfATinyOperatorAreAllOfThem) {
  const KnownOperator known(5, power_law(5, 1.0));
  expect_leading(known, leading_modes(world(), known.product(), 5, at_least_modes(5)), 5);
}

TEST(LeadingModes, OfNothingAreZeros) {
  const auto found = leading_modes(
      world(), [](const MatrixXd& x) -> MatrixXd { return 0.0 * x; }, 50, at_least_modes(3));
  EXPECT_EQ(found.values.cwiseAbs().maxCoeff(), 0.0);
}

TEST(LeadingModes, AreTheSameEachTime) {
  const KnownOperator known(200, power_law(200, 2.0));
  const auto first = leading_modes(world(), known.product(), 200, at_least_modes(10), {.block = 8});
  const auto second = leading_modes(world(), known.product(), 200, at_least_modes(10), {.block = 8});
  EXPECT_EQ(first.values, second.values);
  EXPECT_EQ(first.vectors, second.vectors);
}

TEST(LeadingModes, GiveNoMoreVectorsThanAskedFor) {
  const KnownOperator known(200, power_law(200, 2.0));
  const auto found = leading_modes(world(), known.product(), 200, at_least_modes(20), {.block = 8, .vectors = 3});
  EXPECT_EQ(found.vectors.cols(), 3);
  expect_leading(known, found, 20);
}

TEST(LeadingModes, AgreeWithSlepc) {
  const KnownOperator known(500, power_law(500, 2.0));
  const auto ours = leading_modes(world(), known.product(), 500, at_least_modes(25), {.block = 16});
  const auto slepc = leading_eigenpairs(
      [&](std::span<const double> x, std::span<double> y) {
        Eigen::Map<VectorXd>(y.data(), 500) = known.product()(Eigen::Map<const VectorXd>(x.data(), 500)).col(0);
      },
      500, 25);
  EXPECT_LE((ours.values.head(25) - slepc.values).cwiseAbs().maxCoeff(), 2e-10);  // both to 1e-10 of 1
}

TEST(LeadingModes, AreBitwiseTheSameOnOneRankAndOnAll) {
  const KnownOperator known(1500, power_law(1500, 2.0));  // five segments of rows
  const auto together = leading_modes(world(), known.product(), 1500, at_least_modes(40), {.block = 16});
  const auto alone = leading_modes(Communicator::self(), known.product(), 1500, at_least_modes(40), {.block = 16});
  EXPECT_EQ(together.values, alone.values);
  EXPECT_EQ(together.vectors, alone.vectors);
  EXPECT_EQ(together.residuals, alone.residuals);
}

TEST(LeadingModes, SayWhenNoneAreEnough) {
  const KnownOperator known(60, power_law(60, 1.0));
  EXPECT_THROW((void)leading_modes(world(), known.product(), 60, fraction_of(1e6, 1.0)), SolverError);
}

}  // namespace
}  // namespace flatsweep::leading_modes_test
