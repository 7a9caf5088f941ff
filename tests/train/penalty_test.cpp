#include "flatsweep/train/penalty.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <Eigen/Core>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace flatsweep::penalty_test {
namespace {

using Matrix = Eigen::MatrixXd;
using Column = Eigen::VectorXd;

Matrix random_matrix(Index rows, Index columns, std::uint64_t stream) {
  Random random(1, RandomPurpose::simulation, stream);
  Matrix matrix(rows, columns);
  for (auto& x : matrix.reshaped()) x = random.normal();
  return matrix;
}

/// Orthonormal columns.
Matrix random_basis(Index size, Index count) { return dense_basis(random_matrix(size, size, 7)).leftCols(count); }

std::vector<float> floats(const Column& values) {
  std::vector<float> result;
  for (const double v : values) result.push_back(static_cast<float>(v));
  return result;
}

/// Two quadratic tasks: the first is solved by w1 and held on to with the stiffness F = P diag(k) P^T, the second has
/// the loss (w - w2)^T A (w - w2)/2.
struct QuadraticTasks {
  static constexpr Index size = 37, modes = 9;  // no multiples of a register or a pair
  Matrix basis = random_basis(size, modes);
  Column stiffness = Column::LinSpaced(modes, 0.0, -5.0).unaryExpr([](double x) { return std::pow(10.0, x); });
  Column w1 = random_matrix(size, 1, 2), w2 = random_matrix(size, 1, 3);
  Matrix a = [] {
    const Matrix g = random_matrix(size, size, 4);
    return Matrix(g * g.transpose() / size + 0.1 * Matrix::Identity(size, size));
  }();

  [[nodiscard]] ModePenalty penalty() const {
    return {{0, size}, floats(w1), basis.transpose().cast<float>(), {stiffness.begin(), stiffness.end()}};
  }
  /// Minimum of loss plus lambda (w - w1)^T F (w - w1).
  [[nodiscard]] Column minimum(double lambda) const {
    const Matrix f = 2.0 * lambda * basis * stiffness.asDiagonal() * basis.transpose();
    return dense_solution(a + f, a * w2 + f * w1);
  }
  /// Where steps end that begin at w1.
  [[nodiscard]] Column train(double lambda, const OptimizerOptions& options) const {
    ProximalStep proximal(std::vector<Penalty>{penalty()}, {lambda}, proximal_rate(options));
    Optimizer optimizer(options, size);
    auto w = floats(w1);
    for (int step = 0; step < 4000; ++step) {
      const Column at = Eigen::Map<const Eigen::VectorXf>(w.data(), size).cast<double>();
      optimizer.step(w, floats(a * (at - w2)));
      proximal.apply(std::vector{std::span(w)});
    }
    return Eigen::Map<const Eigen::VectorXf>(w.data(), size).cast<double>();
  }
};

class Quadratic : public testing::TestWithParam<double> {};

// Weights are of size 1. Modes in 16 bits turn by 1e-5, which loss of curvatures from 0.1 to 4 makes several times as
// much.
TEST_P(Quadratic, StepsEndWhereLossPlusPenaltyHasItsMinimum) {
  const QuadraticTasks tasks;
  OptimizerOptions options;
  options.learning_rate = 0.2;
  EXPECT_LT((tasks.train(GetParam(), options) - tasks.minimum(GetParam())).cwiseAbs().maxCoeff(), 2e-4);
}

TEST_P(Quadratic, AndWithMomentumToo) {
  const QuadraticTasks tasks;
  OptimizerOptions options;
  options.momentum = 0.8;
  options.learning_rate = 0.04;
  for (const auto kind : {OptimizerKind::momentum, OptimizerKind::nesterov}) {
    options.kind = kind;
    EXPECT_LT((tasks.train(GetParam(), options) - tasks.minimum(GetParam())).cwiseAbs().maxCoeff(), 2e-4)
        << to_string(kind);
  }
}

// With 2 a lambda k from 0 to 4e8: an explicit step would be unstable beyond 2.
INSTANTIATE_TEST_SUITE_P(Strengths, Quadratic, testing::Values(0.0, 0.01, 1.0, 100.0, 1e4, 1e9));

constexpr double rate = 0.1;

/// One step of one point.
void take_step(const Penalty& penalty, double lambda, std::span<float> w) {
  ProximalStep(std::vector{penalty}, {lambda}, rate).apply(std::vector{w});
}

TEST(ProximalStep, AlongAxesIsThatOfSingleWeights) {
  constexpr std::size_t size = 50;
  const std::vector<std::uint32_t> axes = {0, 3, 17, 31, 49};
  const std::vector<double> stiffness = {1.0, 0.1, 30.0, 0.0, 2.0};
  const auto anchor = floats(random_matrix(size, 1, 5));
  RowMatrixF modes = RowMatrixF::Zero(5, size);
  for (std::size_t i = 0; i < axes.size(); ++i) modes(static_cast<Index>(i), axes[i]) = 1.0F;
  auto along_modes = floats(random_matrix(size + 4, 1, 6)), of_weights = along_modes;
  take_step(ModePenalty{{2, size}, anchor, modes, stiffness}, 3.0, along_modes);
  take_step(WeightPenalty{{2, size}, anchor, axes, stiffness}, 3.0, of_weights);
  for (std::size_t j = 0; j < size + 4; ++j) EXPECT_NEAR(along_modes[j], of_weights[j], 5e-5) << j;
}

TEST(ProximalStep, ShrinksEveryComponentByItsOwnFactorAndNoOther) {
  const QuadraticTasks tasks;
  auto w = floats(tasks.w2);
  take_step(tasks.penalty(), 40.0, w);
  const Column moved = Eigen::Map<const Eigen::VectorXf>(w.data(), QuadraticTasks::size).cast<double>() - tasks.w1;
  const Column before = tasks.w2 - tasks.w1;
  Column expected = before;
  for (Index i = 0; i < QuadraticTasks::modes; ++i) {
    const double theta = tasks.basis.col(i).dot(before);
    expected += tasks.basis.col(i) * (theta / (1.0 + 2.0 * rate * 40.0 * tasks.stiffness(i)) - theta);
  }
  EXPECT_LT((moved - expected).cwiseAbs().maxCoeff(), 5e-5);
}

TEST(ProximalStep, WithoutStrengthOrConstraintsChangesNoBit) {
  const QuadraticTasks tasks;
  const auto start = floats(tasks.w2);
  auto w = start;
  take_step(tasks.penalty(), 0.0, w);
  EXPECT_EQ(w, start);
  take_step(ModePenalty{{0, QuadraticTasks::size}, floats(tasks.w1), RowMatrixF(0, QuadraticTasks::size), {}}, 1e9, w);
  EXPECT_EQ(w, start);
  take_step(WeightPenalty{{0, QuadraticTasks::size}, floats(tasks.w1), {}, {}}, 1e9, w);
  EXPECT_EQ(w, start);
}

/// Points with strengths of their own.
struct PointsSideBySide {
  PointsSideBySide(Index size, Index modes, std::size_t points) {
    anchor = random_matrix(size, 1, 5);
    basis = random_basis(size, modes);
    for (Index i = 0; i < modes; ++i) stiffness.push_back(i % 7 == 3 ? 0.0 : std::pow(10.0, i % 5 - 2));
    for (std::size_t p = 0; p < points; ++p) {
      lambdas.push_back(p == 1 ? 0.0 : std::pow(10.0, static_cast<double>(p) - 1.0));
      starts.emplace_back(random_matrix(size, 1, 10 + p));
    }
  }
  /// Where the step leads by its definition.
  [[nodiscard]] Column expected(std::size_t point) const {
    const Column theta = basis.transpose() * (starts[point] - anchor);
    Column end = starts[point];
    for (Index i = 0; i < theta.size(); ++i)
      end += basis.col(i) * (theta(i) / (1.0 + 2.0 * rate * lambdas[point] * stiffness[i]) - theta(i));
    return end;
  }
  [[nodiscard]] std::vector<std::vector<float>> steps() const {
    const ParameterBlock block{0, static_cast<std::size_t>(anchor.size())};
    ProximalStep step(
        std::vector<Penalty>{ModePenalty{block, floats(anchor), basis.transpose().cast<float>(), stiffness}}, lambdas,
        rate);
    std::vector<std::vector<float>> w;
    for (const auto& start : starts) w.push_back(floats(start));
    const std::vector<std::span<float>> points(w.begin(), w.end());
    step.apply(points);
    return w;
  }

  Column anchor;
  Matrix basis;
  std::vector<double> stiffness, lambdas;
  std::vector<Column> starts;
};

// Sizes that fill no piece of 512 weights and no panel of 8 modes, and that fill them; the second point is free. A
// mode in 16 bits errs by 6e-6 in each place, and up to 47 of them are taken out, by up to 3 each.
TEST(ProximalStep, OfPointsSideBySideIsThatOfEachByItsDefinition) {
  for (const auto& [size, modes] : {std::pair<Index, Index>{37, 9}, {300, 47}, {512, 16}, {530, 33}})
    for (const std::size_t points : {1U, 2U, 3U, 4U, 5U}) {
      const PointsSideBySide side_by_side(size, modes, points);
      const auto w = side_by_side.steps();
      for (std::size_t p = 0; p < points; ++p) {
        const Column end = Eigen::Map<const Eigen::VectorXf>(w[p].data(), size).cast<double>();
        EXPECT_LT((end - side_by_side.expected(p)).cwiseAbs().maxCoeff(), 1e-4) << size << " " << points << " " << p;
      }
      if (points > 1) {
        EXPECT_EQ(w[1], floats(side_by_side.starts[1]));
      }
    }
}

TEST(ProximalStep, TouchesItsBlocksOnly) {
  const std::vector<float> anchor(8, 0.0F);
  std::vector<std::uint32_t> all(8);
  std::iota(all.begin(), all.end(), 0U);
  const std::vector<Penalty> penalties = {WeightPenalty{{4, 8}, anchor, all, std::vector<double>(8, 1.0)},
                                          WeightPenalty{{20, 8}, anchor, all, std::vector<double>(8, 3.0)}};
  std::vector<float> w(32, 1.0F);
  ProximalStep(penalties, {1.0}, 0.5).apply(std::vector{std::span(w)});
  for (std::size_t j = 0; j < w.size(); ++j)
    EXPECT_EQ(w[j], j >= 4 && j < 12 ? 0.5F : j >= 20 && j < 28 ? 0.25F : 1.0F) << j;
  EXPECT_EQ(largest_stiffness(penalties), 3.0);
}

TEST(ProximalStep, HasNoSizeBesideAdam) {
  OptimizerOptions options;
  options.kind = OptimizerKind::adam;
  EXPECT_THAT([&] { (void)proximal_rate(options); },
              testing::ThrowsMessage<ConfigError>("a penalty has no proximal step beside adam; take an optimizer whose "
                                                  "steps are linear in the gradients, as sgd"));
}

}  // namespace
}  // namespace flatsweep::penalty_test
