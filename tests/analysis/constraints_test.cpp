#include "flatsweep/analysis/constraints.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <Eigen/Core>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flatsweep::constraints_test {
namespace {

using testing::ElementsAre;

constexpr Index size = 10;
constexpr double unbounded = std::numeric_limits<double>::quiet_NaN();

Eigen::MatrixXd random_basis(std::uint64_t stream) {
  Random random(1, RandomPurpose::simulation, stream);
  Eigen::MatrixXd square(size, size);
  for (auto& x : square.reshaped()) x = random.normal();
  return dense_basis(square);
}

LayerConstraints example() {
  Pca pca;
  pca.directions = random_basis(1);
  pca.variance = Eigen::VectorXd::LinSpaced(size, 0.0, -9.0).unaryExpr([](double x) { return std::pow(10.0, x); });
  LayerConstraints layer;
  layer.block = {20, size};
  layer.anchor.assign(size, 0.5F);
  layer.set_directions(pca, 6);
  return layer;
}

Eigen::MatrixXd matrix_of(const Penalty& penalty) {
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(size, size);
  if (const auto* modes = std::get_if<ModePenalty>(&penalty)) {
    for (Index i = 0; i < modes->modes.rows(); ++i) {
      const Eigen::VectorXd p = modes->modes.row(i).transpose().cast<double>();
      matrix += modes->stiffness[i] * p * p.transpose();
    }
  } else {
    const auto& weights = std::get<WeightPenalty>(penalty);
    for (std::size_t i = 0; i < weights.weight.size(); ++i)
      matrix(weights.weight[i], weights.weight[i]) += weights.stiffness[i];
  }
  return matrix;
}

TEST(Constraints, OfLdcHaveTheStiffnessThatPsiGivesTheirVariance) {
  const auto layer = example();
  const auto four = std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc, 4.0, 3, LeadingMode::in}));
  EXPECT_EQ(four.modes, layer.directions.topRows(3));
  EXPECT_EQ(four.block, layer.block);
  // sigma = 1, 10^-1/2, 10^-1, and F^-2 = sigma^(4/psi).
  EXPECT_THAT(four.stiffness,
              ElementsAre(testing::DoubleNear(1.0, 1e-14), testing::DoubleNear(std::pow(10.0, -0.5), 1e-14),
                          testing::DoubleNear(0.1, 1e-14)));
  const auto two = std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc, 2.0, 3, LeadingMode::out}));
  EXPECT_EQ(two.modes, layer.directions.middleRows(1, 3));
  EXPECT_THAT(two.stiffness, ElementsAre(testing::DoubleNear(0.1, 1e-14), testing::DoubleNear(1e-2, 1e-14),
                                         testing::DoubleNear(1e-3, 1e-14)));
}

TEST(Constraints, AreNoMoreThanThereAre) {
  const auto layer = example();
  const auto all = std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc, 4.0, 100, LeadingMode::in}));
  EXPECT_EQ(all.modes.rows(), 6);
  const auto rest = std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc, 4.0, 100, LeadingMode::out}));
  EXPECT_EQ(rest.stiffness.size(), 5U);
  EXPECT_EQ(std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc, 4.0, 0, LeadingMode::in})).modes.rows(), 0);
}

TEST(Constraints, OfMeasuredFlatnessLetUnboundedDirectionsGo) {
  auto layer = example();
  std::vector<DirectionFlatness> measured(3);
  for (int i = 0; i < 3; ++i) measured[i].direction = i;
  measured[0].left = -1.0, measured[0].right = 1.0;
  measured[1].left = -1.0, measured[1].right = unbounded;
  measured[2].left = -2.0, measured[2].right = 3.0;
  layer.set_flatness(measured);
  const auto penalty =
      std::get<ModePenalty>(make_penalty(layer, {ConstraintKind::ldc_flatness, 4.0, 4, LeadingMode::in}));
  EXPECT_THAT(penalty.stiffness, ElementsAre(0.25, 0.0, 0.04, 0.0));
}

TEST(Constraints, OfEwcAreTheLargestEntriesInOrderOfTheirWeights) {
  auto layer = example();
  Eigen::VectorXd exact(size), empirical = Eigen::VectorXd::Zero(size), batched = Eigen::VectorXd::Zero(size);
  exact << 1, 9, 3, 3, 0, 7, 2, 8, 0, 4;
  empirical(6) = 1.0;
  batched(2) = 1.0;
  layer.set_diagonals({exact, empirical, batched});
  const auto of = [&](ConstraintKind kind, std::int64_t count) {
    return std::get<WeightPenalty>(make_penalty(layer, {kind, 4.0, count, LeadingMode::in}));
  };
  EXPECT_THAT(of(ConstraintKind::ewc, 4).weight, ElementsAre(1, 5, 7, 9));
  EXPECT_THAT(of(ConstraintKind::ewc, 4).stiffness, ElementsAre(9, 7, 8, 4));
  EXPECT_THAT(of(ConstraintKind::ewc, 5).weight, ElementsAre(1, 2, 5, 7, 9)) << "of equal ones the first";
  EXPECT_THAT(of(ConstraintKind::ewc_empirical, 1).weight, ElementsAre(6));
  EXPECT_THAT(of(ConstraintKind::ewc_batched, 1).weight, ElementsAre(2));
}

TEST(Constraints, OfL2HoldEveryWeightAlike) {
  const auto penalty = make_penalty(example(), {ConstraintKind::l2, 4.0, 1, LeadingMode::in});
  EXPECT_EQ(matrix_of(penalty), Eigen::MatrixXd::Identity(size, size));
}

// The modes are stored in single precision.
TEST(Constraints, OfLaplaceAreTheFisherMatrixOrItsLeadingPart) {
  const Eigen::MatrixXd basis = random_basis(2);
  Eigen::VectorXd values(size);
  values << 9, 5, 3, 2, 1, 0.5, 0.2, 0, 0, 0;
  const Eigen::MatrixXd fisher = basis * values.asDiagonal() * basis.transpose();
  auto layer = example();
  layer.set_fisher_modes(fisher, size);
  EXPECT_LT((matrix_of(make_penalty(layer, {ConstraintKind::laplace, 4.0, size, LeadingMode::in})) - fisher).norm(),
            1e-5);
  const auto two = make_penalty(layer, {ConstraintKind::laplace, 4.0, 2, LeadingMode::in});
  const Eigen::MatrixXd leading = basis.leftCols(2) * values.head(2).asDiagonal() * basis.leftCols(2).transpose();
  EXPECT_LT((matrix_of(two) - leading).norm(), 1e-5);
  EXPECT_GE(std::ranges::min(layer.fisher_values), 0.0);
}

TEST(MergedPenalties, AddUpAlongModesThatAreNotOrthogonalToOneAnother) {
  const auto first = example();
  auto second = example();
  second.directions = random_basis(3).transpose().cast<float>().topRows(6);
  second.anchor.assign(size, -1.0F);
  const auto a = make_penalty(first, {ConstraintKind::ldc, 4.0, 4, LeadingMode::in});
  const auto b = make_penalty(second, {ConstraintKind::ldc, 4.0, 5, LeadingMode::in});
  const auto merged = merge_penalties(a, b);
  EXPECT_LT((matrix_of(merged) - matrix_of(a) - matrix_of(b)).norm(), 1e-6);
  const auto& modes = std::get<ModePenalty>(merged);
  EXPECT_EQ(modes.anchor, second.anchor);
  const Eigen::MatrixXf overlaps = modes.modes * modes.modes.transpose();
  EXPECT_LT((overlaps - Eigen::MatrixXf::Identity(overlaps.rows(), overlaps.cols())).norm(), 1e-5);
}

TEST(MergedPenalties, AddUpWeightByWeight) {
  const WeightPenalty a{{0, size}, std::vector<float>(size, 0.0F), {1, 4}, {2.0, 3.0}};
  const WeightPenalty b{{0, size}, std::vector<float>(size, 1.0F), {0, 4}, {5.0, 7.0}};
  const auto merged = std::get<WeightPenalty>(merge_penalties(a, b));
  EXPECT_THAT(merged.weight, ElementsAre(0, 1, 4));
  EXPECT_THAT(merged.stiffness, ElementsAre(5.0, 2.0, 10.0));
  EXPECT_EQ(merged.anchor, b.anchor);
}

}  // namespace
}  // namespace flatsweep::constraints_test
