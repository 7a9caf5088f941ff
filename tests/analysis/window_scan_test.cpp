#include "flatsweep/analysis/window_scan.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <memory>
#include <numeric>

namespace flatsweep::window_scan_test {
namespace {

/// Independent weights, weight i an AR(1) of factor a and standard deviation s_i: a = 0 is white noise, 1 a walk.
RowMatrixF autoregressive(Index iterations, const Eigen::VectorXd& scale, double a) {
  Random random(6, RandomPurpose::simulation);
  RowMatrixF rows(iterations, scale.size());
  Eigen::VectorXd x = Eigen::VectorXd::Zero(scale.size());
  for (Index t = 0; t < iterations; ++t) {
    for (Index i = 0; i < x.size(); ++i) x(i) = a * x(i) + scale(i) * random.normal();
    rows.row(t) = x.cast<float>().transpose();
  }
  return rows;
}

SnapshotSource source_of(const RowMatrixF& rows) {
  return Communicator::world().is_root() ? in_memory(std::make_shared<const RowMatrixF>(rows)) : SnapshotSource{};
}

WindowScan scan(const RowMatrixF& rows, const std::vector<int>& chosen, const std::vector<double>& flatness,
                int halvings) {
  const auto world = Communicator::world();
  const auto source = source_of(rows);
  const auto pca = principal_components(world, source);
  return scan_window(world, source, pca, chosen, flatness, {0, 1000, 0.0, 1}, halvings);
}

Eigen::MatrixXd dense_covariance(const RowMatrixF& rows, Index length) {
  Eigen::MatrixXd part = rows.bottomRows(length).cast<double>();
  part.rowwise() -= part.colwise().mean().eval();
  return part.transpose() * part / static_cast<double>(length);
}

TEST(ScanLengths, HalveTheWindow) {
  EXPECT_EQ(scan_lengths(12000, 4), (std::vector<std::int64_t>{750, 1500, 3000, 6000, 12000}));
  EXPECT_EQ(scan_lengths(20, 4), (std::vector<std::int64_t>{5, 10, 20}));
  EXPECT_EQ(scan_lengths(20, 0), (std::vector<std::int64_t>{20}));
}

TEST(PartOf, GivesItsRowsInOrder) {
  RowMatrixF rows(1300, 2);
  for (Index t = 0; t < 1300; ++t) rows.row(t).setConstant(static_cast<float>(t));
  const auto source = in_memory(std::make_shared<const RowMatrixF>(rows));
  // Blocks end at 512 and 1024.
  for (const auto& [first, length] : {std::pair{0, 1300}, {0, 512}, {511, 2}, {512, 700}, {600, 10}, {1299, 1}}) {
    const auto part = part_of(source, first, length);
    EXPECT_EQ(part.iterations, length);
    auto next = static_cast<float>(first);
    part.for_each_block([&](const SnapshotBlock& block) {
      for (Index t = 0; t < block.rows(); ++t) EXPECT_EQ(block(t, 1), next++);
    });
    EXPECT_EQ(next, static_cast<float>(first + length));
  }
}

// Dense algebra on the same rows; windows of 40 rows go the Gram route. Double precision throughout.
TEST(WindowScan, AgreesWithDenseCovariances) {
  const auto rows = autoregressive(640, Eigen::VectorXd::LinSpaced(60, 2.0, 0.5), 0.95);
  const std::vector<int> chosen = {0, 3, 50};
  const auto found = scan(rows, chosen, {}, 4);
  ASSERT_EQ(found.length.size(), 5U);
  const Eigen::MatrixXd whole = dense_covariance(rows, 640);
  const Eigen::MatrixXd directions = dense_modes(whole).vectors;
  for (std::size_t w = 0; w < 5; ++w) {
    const Eigen::MatrixXd covariance = dense_covariance(rows, found.length[w]);
    const Eigen::VectorXd spectrum = dense_modes(covariance).values;
    const auto row = static_cast<Index>(w);
    EXPECT_NEAR(found.total_variance[w], covariance.trace(), 1e-9 * covariance.trace());
    for (Index k = 0; k < 3; ++k) EXPECT_NEAR(found.leading_fraction(row, k), spectrum(k) / covariance.trace(), 1e-9);
    for (Index i = 0; i < 3; ++i) {
      const Eigen::VectorXd p = directions.col(chosen[i]);
      EXPECT_NEAR(found.variance(row, i), p.dot(covariance * p), 1e-7 * spectrum(0));
    }
    EXPECT_TRUE(std::isnan(found.psi[w].value));
  }
}

// 100 weights: the variance of a walk's total in a short window is 4/5 (mean) squared times 2/100 or so, 13 % of it.
TEST(WindowScan, TotalVarianceOfAWalkGrowsWithTheWindow) {
  const auto found = scan(autoregressive(3200, Eigen::VectorXd::Ones(100), 1.0), {0, 1, 2}, {}, 3);
  for (std::size_t w = 0; w < 4; ++w) {
    const auto length = static_cast<double>(found.length[w]);
    const double expected = 100.0 * (length * length - 1.0) / (6.0 * length);
    EXPECT_NEAR(found.total_variance[w], expected, 0.4 * expected);
    EXPECT_LE(found.learning_dimension[w], found.learning_dimension_null[w]);
  }
}

TEST(WindowScan, TotalVarianceOfWhiteNoiseDoesNot) {
  const auto found = scan(autoregressive(3200, Eigen::VectorXd::Ones(50), 0.0), {0, 1, 2}, {}, 3);
  // 400 x 50 squared normal numbers: 1 %; the mean takes 1/400.
  for (const double total : found.total_variance) EXPECT_NEAR(total, 50.0, 0.04 * 50.0);
}

// Widths made to follow sigma^2 = F^-4 of stationary noise: the exponent is the same in every window. The shortest
// window has 400 values a direction, 7 % in sigma^2, over two decades of F^4 and 40 directions: 0.05 in psi.
TEST(WindowScan, PsiOfStationaryNoiseDoesNotDependOnTheWindow) {
  Eigen::VectorXd scale(40);
  for (Index i = 0; i < 40; ++i) scale(i) = std::pow(10.0, -static_cast<double>(i) / 40.0);
  std::vector<int> chosen;
  std::vector<double> flatness;
  for (int i = 0; i < 40; ++i) {
    chosen.push_back(i);
    flatness.push_back(std::pow(scale(i), -0.5));
  }
  flatness[7] = std::nan("");  // an unbounded side
  const auto found = scan(autoregressive(3200, scale, 0.0), chosen, flatness, 3);
  for (const auto& psi : found.psi) {
    EXPECT_NEAR(psi.value, 4.0, 0.2);
    EXPECT_EQ(psi.points, 39);
  }
}

// Both ends of the range are in it; what stands just outside is far from the law.
TEST(WindowScan, PsiIsThatOfItsFitRange) {
  Eigen::VectorXd scale(40);
  for (Index i = 0; i < 40; ++i) scale(i) = std::pow(10.0, -i / 40.0);
  std::vector<int> chosen(40);
  std::iota(chosen.begin(), chosen.end(), 0);
  const auto world = Communicator::world();
  const auto source = source_of(autoregressive(800, scale, 0.0));
  const auto pca = principal_components(world, source);
  const auto psi_with = [&](std::initializer_list<int> outliers) {
    std::vector<double> flatness;
    for (int i = 0; i < 40; ++i) flatness.push_back(std::pow(scale(i), -0.5));
    for (const int i : outliers) flatness[i] *= 1e3;
    return scan_window(world, source, pca, chosen, flatness, {5, 34, 0.0, 1}, 1).psi;
  };
  const auto clean = psi_with({}), outside = psi_with({0, 4, 35, 39}), first = psi_with({5}), last = psi_with({34});
  for (std::size_t w = 0; w < 2; ++w) {
    EXPECT_EQ(clean[w].points, 30);
    EXPECT_NEAR(clean[w].value, 4.0, 0.3);
    EXPECT_EQ(outside[w].value, clean[w].value);
    EXPECT_EQ(outside[w].low, clean[w].low);
    EXPECT_NE(first[w].value, clean[w].value);
    EXPECT_NE(last[w].value, clean[w].value);
  }
}

}  // namespace
}  // namespace flatsweep::window_scan_test
