#include "flatsweep/analysis/pooled_pca.hpp"

#include "dense_modes.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numbers>

namespace flatsweep::pooled_pca_test {
namespace {
using Eigen::MatrixXd;
using Eigen::VectorXd;

using Windows = std::vector<RowMatrixF>;

/// Walks of different length that start far apart, with steps of falling size along the coordinates, so that few modes
/// hold most of the variance.
Windows walks(const std::vector<Index>& lengths, Index size) {
  Random random(size, RandomPurpose::simulation);
  Windows windows;
  for (const Index length : lengths) {
    MatrixXd rows(length, size);
    for (auto& entry : rows.reshaped()) entry = random.normal();
    rows.row(0) *= 30.0;
    for (Index t = 1; t < length; ++t) rows.row(t) += rows.row(t - 1);
    for (Index i = 0; i < size; ++i) rows.col((7 * i) % size) *= std::pow(static_cast<double>(i + 1), -1.2);
    windows.emplace_back(rows.cast<float>());
  }
  return windows;
}

MatrixXd centred(const RowMatrixF& window) {
  return window.cast<double>().rowwise() - window.cast<double>().colwise().mean();
}

std::vector<PoolMember> members_of(const Communicator& comm, const Windows& windows) {
  const auto own = owned_members(comm, windows.size());
  std::vector<PoolMember> members;
  for (std::size_t a = 0; a < windows.size(); ++a) {
    PoolMember member{windows[a].rows(),
                      windows[a].cast<double>().colwise().mean().transpose(),
                      centred(windows[a]).squaredNorm() / static_cast<double>(windows[a].rows()),
                      {}};
    const auto number = static_cast<std::int64_t>(a);
    if (number >= own.begin && number < own.end)
      member.source = in_memory(std::make_shared<const RowMatrixF>(windows[a]));
    members.push_back(std::move(member));
  }
  return members;
}

PooledPca pool(const Communicator& comm, const Windows& windows, const PooledPcaOptions& options = {}) {
  return pooled_principal_components(comm, members_of(comm, windows), options);
}

MatrixXd dense_covariance(const Windows& windows) {
  MatrixXd sum = MatrixXd::Zero(windows.front().cols(), windows.front().cols());
  Index count = 0;
  for (const auto& window : windows) {
    sum += centred(window).transpose() * centred(window);
    count += window.rows();
  }
  return sum / static_cast<double>(count);
}

struct Case {
  const char* name;
  std::vector<Index> lengths;
  Index size;
  std::int64_t direct_modes;
  PoolRoute route;
};

class PooledRoutes : public testing::TestWithParam<Case> {};

// Against Eigen's dense solve of the covariance, summed in another order.
TEST_P(PooledRoutes, AgreeWithADenseCovariance) {
  const auto& c = GetParam();
  const auto windows = walks(c.lengths, c.size);
  const auto pca = pool(Communicator::world(), windows, {.directions = 6, .direct_modes = c.direct_modes});
  EXPECT_EQ(pca.route, c.route);
  const MatrixXd covariance = dense_covariance(windows);
  const VectorXd expected = dense_modes(covariance).values;
  const Index count = pca.variance.size();
  // Rounding of direct solves is far below; the Krylov residuals are 1e-10 of the largest eigenvalue.
  EXPECT_LE((pca.variance - expected.head(count)).cwiseAbs().maxCoeff(), 1e-10 * expected(0));
  EXPECT_NEAR(pca.total_variance, expected.sum(), 1e-12 * expected.sum());
  EXPECT_GE(pca.variance.sum(), 0.999 * pca.total_variance);
  ASSERT_EQ(pca.directions.cols(), 6);
  const MatrixXd defect = covariance * pca.directions - pca.directions * pca.variance.head(6).asDiagonal();
  EXPECT_LE(defect.colwise().norm().maxCoeff(), 2e-10 * expected(0));
  EXPECT_LE((pca.directions.transpose() * pca.directions - MatrixXd::Identity(6, 6)).cwiseAbs().maxCoeff(), 1e-12);
}

TEST_P(PooledRoutes, GiveTheSameBitsForAnyNumberOfRanks) {
  const auto& c = GetParam();
  const auto windows = walks(c.lengths, c.size);
  const PooledPcaOptions options{.directions = 4, .direct_modes = c.direct_modes};
  const auto together = pool(Communicator::world(), windows, options);
  const auto alone = pool(Communicator::self(), windows, options);
  EXPECT_EQ(together.variance, alone.variance);
  EXPECT_EQ(together.directions, alone.directions);
  EXPECT_EQ(together.member_share, alone.member_share);
  EXPECT_EQ(together.between_variance, alone.between_variance);
  EXPECT_EQ(together.modes_for_fraction, alone.modes_for_fraction);
}

TEST_P(PooledRoutes, ShareTheVarianceOfAModeAmongTheMembers) {
  const auto& c = GetParam();
  const auto windows = walks(c.lengths, c.size);
  const auto pca = pool(Communicator::world(), windows, {.directions = 3, .direct_modes = c.direct_modes});
  double snapshots = 0.0;
  for (const auto& window : windows) snapshots += static_cast<double>(window.rows());
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(pca.member_share.row(i).sum(), 1.0, 1e-9);  // the Krylov residual over lambda
    for (std::size_t a = 0; a < windows.size(); ++a)
      EXPECT_NEAR(pca.member_share(i, static_cast<Index>(a)),
                  (centred(windows[a]) * pca.directions.col(i)).squaredNorm() / snapshots / pca.variance(i), 1e-12);
  }
}

// The last one has several segments of rows; more members than ranks and fewer.
INSTANTIATE_TEST_SUITE_P(
    Routes, PooledRoutes,
    testing::Values(Case{"covariance", {40, 60, 50, 90}, 45, 3000, PoolRoute::covariance},
                    Case{"gram", {20, 30, 25}, 600, 3000, PoolRoute::gram},
                    Case{"products", {500, 520, 510, 600}, 300, 50, PoolRoute::products},
                    Case{"products of two wide windows", {300, 400}, 1100, 50, PoolRoute::products}),
    [](const auto& test) {
      std::string name = test.param.name;
      for (char& letter : name) letter = letter == ' ' ? '_' : letter;
      return name;
    });

/// Cosines cos(pi k (t+1/2)/T) have mean 0 and mean square 1/2 and are orthogonal: a window of known variance along
/// chosen coordinates, around a mean of its own.
RowMatrixF cosines(Index length, Index size, Index first_coordinate, std::vector<double> variances, float mean) {
  RowMatrixF rows = RowMatrixF::Constant(length, size, mean);
  for (std::size_t k = 0; k < variances.size(); ++k)
    for (Index t = 0; t < length; ++t)
      rows(t, first_coordinate + static_cast<Index>(k)) += static_cast<float>(
          std::sqrt(2.0 * variances[k]) * std::cos(std::numbers::pi * static_cast<double>(k + 1) *
                                                   (static_cast<double>(t) + 0.5) / static_cast<double>(length)));
  return rows;
}

// Two windows that share no coordinate: each mode belongs to one of them, with half its variance there.
TEST(PooledPca, OfDisjointLowRankWindowsHasTheModesOfBoth) {
  const Windows windows = {cosines(100, 60, 0, {8.0, 2.0}, 0.0F), cosines(100, 60, 30, {4.0, 1.0}, 0.5F)};
  for (const std::int64_t direct : {3000, 10}) {
    const auto pca =
        pool(Communicator::world(), windows, {.fraction = 1.0 - 1e-9, .directions = 4, .direct_modes = direct});
    const Eigen::Vector4d expected(4.0, 2.0, 1.0, 0.5);
    EXPECT_LE((pca.variance.head(4) - expected).cwiseAbs().maxCoeff(), 1e-5);  // single precision
    EXPECT_NEAR(pca.total_variance, 7.5, 1e-5);
    const Eigen::Matrix<double, 4, 2> shares{{1, 0}, {0, 1}, {1, 0}, {0, 1}};
    EXPECT_LE((pca.member_share - shares).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_EQ(pca.modes_for_fraction, 4);
    // The means differ by 0.5 along 60 coordinates: weights 1/2 give 0.25 * 0.5^2 * 60.
    EXPECT_NEAR(pca.between_variance(0), 3.75, 1e-5);
    EXPECT_NEAR(pca.between_variance(1), 0.0, 1e-12);
  }
}

TEST(PooledPca, OfOneWindowIsItsOwnPca) {
  const Windows one = {walks({80}, 30).front()};
  const auto pca = pool(Communicator::world(), one);
  const VectorXd expected = dense_modes(dense_covariance(one)).values;
  EXPECT_LE((pca.variance - expected).cwiseAbs().maxCoeff(), 1e-12 * expected(0));
  EXPECT_LE(pca.between_variance.maxCoeff(), 1e-20);
}

// Fewer snapshots than weights, variances from 1 to 1e-12: the Gram matrix's rounding mixes the last modes.
TEST(PooledPca, DirectionsAreOrthonormalDownToTheTail) {
  auto windows = walks({60, 80}, 200);
  for (auto& window : windows)
    for (Index i = 0; i < 200; ++i) window.col(i) *= static_cast<float>(std::pow(10.0, -0.03 * i));
  const auto pca = pool(Communicator::world(), windows, {.directions = 200});
  EXPECT_EQ(pca.route, PoolRoute::gram);
  const Index count = pca.directions.cols();
  EXPECT_GT(count, 100);
  EXPECT_LT(pca.variance(count - 1), 1e-10 * pca.variance(0));
  EXPECT_LE((pca.directions.transpose() * pca.directions - MatrixXd::Identity(count, count)).cwiseAbs().maxCoeff(),
            2e-11);
}

TEST(PooledPca, StopsBetweenPassesOnEveryRank) {
  const auto windows = walks({200, 200}, 300);
  int passes = 0;
  const auto stop = [&] {
    if (++passes == 2) throw_error(ErrorKind::stopped, "asked to", true);
  };
  const auto world = Communicator::world();
  EXPECT_THROW((void)pooled_principal_components(world, members_of(world, windows), {.direct_modes = 10}, stop),
               Stopped);
}

TEST(PooledPca, PassesOnTheErrorOfASourceToEveryRank) {
  const auto world = Communicator::world();
  auto members = members_of(world, walks({50, 60, 70}, 20));
  members.back().source.for_each_block = [](const SnapshotVisitor&) { throw IoError("the checkpoint is gone"); };
  EXPECT_THROW((void)pooled_principal_components(world, members, {}), IoError);
}

}  // namespace
}  // namespace flatsweep::pooled_pca_test
