#include "flatsweep/linalg/second_moment.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <gtest/gtest.h>

namespace flatsweep::second_moment_test {
namespace {

// Rows with a mean far from zero and columns of very different spread, as weights near the end of training have.
RowMatrixF snapshots(int rows, int columns) {
  Random random(rows, RandomPurpose::simulation);
  RowMatrixF result(rows, columns);
  for (int t = 0; t < rows; ++t)
    for (int i = 0; i < columns; ++i) result(t, i) = static_cast<float>(3.0 + i % 5 + random.normal() / (1.0 + i % 7));
  return result;
}

using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
using LongVector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;

LongVector plain_mean(const RowMatrixF& rows) { return rows.cast<long double>().colwise().mean().transpose(); }

LongMatrix plain_covariance(const RowMatrixF& rows) {
  const LongVector mean = plain_mean(rows);
  LongMatrix result = LongMatrix::Zero(rows.cols(), rows.cols());
  for (Index t = 0; t < rows.rows(); ++t)
    for (Index i = 0; i < rows.cols(); ++i)
      for (Index j = 0; j < rows.cols(); ++j) result(i, j) += (rows(t, i) - mean(i)) * (rows(t, j) - mean(j));
  return result / static_cast<long double>(rows.rows());
}

double largest_difference(const Eigen::MatrixXd& a, const LongMatrix& b) {
  return static_cast<double>((a.cast<long double>() - b).cwiseAbs().maxCoeff());
}

// The first row as shift lies up to four deviations, 4, off the mean, so (x - s)(x - s) has entries up to 17; their
// rounding over T = 1000 summands grows as sqrt(T): 32 x 2.2e-16 x 17 = 1.2e-13, less the factor by which typical
// entries are smaller. Single precision anywhere would show at 1e-7.
constexpr double tolerance = 1e-13;

SecondMoment moment_of(const SnapshotBlock& rows, const Eigen::VectorXd& shift) {
  SecondMoment moment(shift);
  moment.add(rows);
  return moment;
}

TEST(SecondMoment, AgreesWithAPlainLoopInLongDouble) {
  const RowMatrixF rows = snapshots(1000, 53);  // two full blocks of rows and a part
  const auto moment = moment_of(rows, rows.row(0).transpose().cast<double>());
  EXPECT_EQ(moment.count(), 1000);
  EXPECT_LE(largest_difference(moment.mean(), plain_mean(rows)), tolerance);
  EXPECT_LE(largest_difference(moment.covariance(), plain_covariance(rows)), tolerance);
}

TEST(SecondMoment, FillsBothTriangles) {
  const RowMatrixF rows = snapshots(100, 150);
  const Eigen::MatrixXd covariance = moment_of(rows, Eigen::VectorXd::Zero(150)).covariance();
  EXPECT_EQ(covariance, covariance.transpose());
}

TEST(SecondMoment, DoesNotDependOnTheShift) {
  const RowMatrixF rows = snapshots(400, 40);
  const Eigen::MatrixXd near = moment_of(rows, rows.row(0).transpose().cast<double>()).covariance();
  const Eigen::MatrixXd far = moment_of(rows, Eigen::VectorXd::Zero(40)).covariance();
  // Without a shift the mean's square, up to 7^2 = 49, is taken away: 49 times the rounding.
  EXPECT_LE((near - far).cwiseAbs().maxCoeff(), 49 * tolerance);
}

TEST(SecondMoment, TakesRowsInAnyPortions) {
  const RowMatrixF rows = snapshots(600, 30);
  SecondMoment portions(Eigen::VectorXd::Constant(30, 5.0));
  for (int first = 0; first < 600; first += 150) portions.add(rows.middleRows(first, 150));
  EXPECT_EQ(portions.count(), 600);
  EXPECT_LE(largest_difference(portions.covariance(), plain_covariance(rows)), 10 * tolerance);  // shift off by up to 3
}

TEST(SecondMoment, TakesColumnsOfAWiderBlock) {
  const RowMatrixF rows = snapshots(90, 40);
  const RowMatrixF part = rows.middleCols(10, 20);
  const auto moment = moment_of(rows.middleCols(10, 20), part.row(0).transpose().cast<double>());
  EXPECT_LE(largest_difference(moment.covariance(), plain_covariance(part)), tolerance);
}

TEST(SecondMoment, AddsUpOverRanks) {
  const auto world = Communicator::world();
  const RowMatrixF rows = snapshots(500, 37);
  const Range mine = share(500, world.rank(), world.size());
  auto moment = moment_of(rows.middleRows(mine.begin, mine.size()), rows.row(0).transpose().cast<double>());
  moment.reduce(world);
  EXPECT_EQ(moment.count(), 500);
  EXPECT_LE(largest_difference(moment.mean(), plain_mean(rows)), tolerance);
  EXPECT_LE(largest_difference(moment.covariance(), plain_covariance(rows)), tolerance);
}

Eigen::MatrixXd gram_of(const RowMatrixF& rows, int panels) {
  GramSum gram(rows.rows());
  for (int i = 0; i < panels; ++i) {
    const Range part = share(rows.cols(), i, panels);
    gram.add(rows.middleCols(part.begin, part.size()));
  }
  return gram.take_centred();
}

TEST(GramSum, AgreesWithAPlainProductInLongDouble) {
  const RowMatrixF rows = snapshots(45, 600);
  const LongMatrix centred = rows.cast<long double>().rowwise() - plain_mean(rows).transpose();
  for (const int panels : {1, 3}) {
    const Eigen::MatrixXd gram = gram_of(rows, panels);
    EXPECT_EQ(gram, gram.transpose());
    // Sums over 600 columns, not divided by their number.
    EXPECT_LE(largest_difference(gram, centred * centred.transpose()), 600 * tolerance);
  }
}

TEST(GramSum, DoesNotDependOnPanelsOfWholeBlocks) {
  const RowMatrixF rows = snapshots(20, 3 * 256);
  EXPECT_EQ(gram_of(rows, 1), gram_of(rows, 3));
}

TEST(GramSum, AddsUpOverRanks) {
  const auto world = Communicator::world();
  const RowMatrixF rows = snapshots(30, 500);
  const Range mine = share(500, world.rank(), world.size());
  GramSum gram(30);
  gram.add(rows.middleCols(mine.begin, mine.size()));
  gram.reduce(world);
  EXPECT_LE((gram.take_centred() - gram_of(rows, 1)).cwiseAbs().maxCoeff(), 500 * tolerance);
}

TEST(GramSum, HasTheSpectrumOfTheCovariance) {
  const RowMatrixF rows = snapshots(60, 90);
  const auto moment = moment_of(rows, rows.row(0).transpose().cast<double>());
  const Eigen::VectorXd of_covariance = eigen_symmetric(moment.covariance()).values;
  const Eigen::VectorXd of_gram = eigen_symmetric(gram_of(rows, 1)).values / 60.0;
  // Eigenvalues move by no more than the norm of the matrices' rounding, 90 entries of 1e-14 at most.
  EXPECT_LE((of_covariance.head(60) - of_gram).cwiseAbs().maxCoeff(), 90 * tolerance);
  EXPECT_LE(of_covariance.tail(30).cwiseAbs().maxCoeff(), 90 * tolerance);
}

}  // namespace
}  // namespace flatsweep::second_moment_test
