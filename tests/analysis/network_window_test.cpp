#include "flatsweep/analysis/network_window.hpp"

#include "analysis/toy_curvature.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/analysis/snapshot_recorder.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::network_window_test {
namespace {

/// The small training problem after some epochs, with the window of the last four over all 285 weights and biases.
struct Trained : ToyTraining {
  static constexpr int epochs = 4;
  std::vector<float> weights;
  RowMatrixF rows;
  SnapshotSource window;
  NetworkCurvature hessian;

  Trained() {
    options.optimizer.learning_rate = 0.3;
    auto training = trainer();
    for (int epoch = 0; epoch < 6; ++epoch) training.run_steps();
    SnapshotRecorder recorder({{0, static_cast<std::size_t>(network.parameters)}},
                              epochs * training.iterations_per_epoch());
    for (int epoch = 0; epoch < epochs; ++epoch)
      training.run_steps([&](std::span<const float> moved) { recorder.record(moved); });
    weights = training.state().weights;
    rows = *recorder.rows().front();
    window = in_memory(recorder.rows().front());
    const NetworkCurvatureOptions few{.leading = 10, .smallest = 0, .density_probes = 1, .density_steps = 2};
    hessian = measure_network_curvature(world(), network, weights, train.set, CurvatureKind::hessian, few, 1);
  }
  [[nodiscard]] MinibatchScheme scheme() const {
    return {10, Sampling::reshuffle, Sampler(Sampling::reshuffle, 103, 10, 1).order(10)};
  }
  [[nodiscard]] NetworkWindow measure(const Communicator& team, OptimizerKind kind = OptimizerKind::sgd) const {
    FrozenRun run{network, weights, 0, train.set, options, 6, epochs};
    run.options.optimizer.kind = kind;
    PsiOptions fit;
    fit.crossover = 0.05;
    return measure_network_window(team, {run, scheme(), true, window}, hessian.leading_vectors, hessian.leading, {},
                                  fit);
  }
  [[nodiscard]] double loss_at(const Eigen::VectorXd& u, double step, const ImageSet& set) const {
    auto moved = weights;
    for (Index i = 0; i < u.size(); ++i) moved[static_cast<std::size_t>(i)] += static_cast<float>(step * u(i));
    return Evaluator(network).evaluate(moved, set).loss;
  }
};

// Plain algebra on the rows of all weights.
TEST(NetworkWindow, IsThatOfTheRowsAlongTheEigenvectors) {
  const Trained toy;
  const auto found = toy.measure(world());
  ASSERT_EQ(found.dynamics.variance.size(), 10U);
  const Eigen::MatrixXd rows = toy.rows.cast<double>();
  const Eigen::MatrixXd steps = rows.bottomRows(rows.rows() - 1) - rows.topRows(rows.rows() - 1);
  const Eigen::MatrixXd theta = (rows.rowwise() - rows.colwise().mean()) * toy.hessian.leading_vectors;
  const Eigen::MatrixXd v = steps * toy.hessian.leading_vectors;
  for (Index i = 0; i < 10; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double variance = theta.col(i).squaredNorm() / static_cast<double>(theta.rows());
    const double strength = v.col(i).squaredNorm() / static_cast<double>(v.rows());
    EXPECT_NEAR(found.dynamics.variance[at], variance, 1e-10 * variance);
    EXPECT_NEAR(found.dynamics.noise_strength[at], strength, 1e-10 * strength);
    EXPECT_NEAR(found.dynamics.tau[at], variance / strength, 1e-9 * variance / strength);
    EXPECT_NEAR(found.dynamics.drift[at], std::abs(v.col(i).mean()), 1e-12);
  }
  // sum |s|^2 (1 - 1/r) is how |w|^2 grows.
  const double growth = rows.row(rows.rows() - 1).squaredNorm() - rows.row(0).squaredNorm();
  EXPECT_NEAR((1.0 - 1.0 / found.stationarity) * steps.squaredNorm(), growth, 1e-11 * rows.squaredNorm());
}

// Crossings are found to 1e-4 of their position. Differences of single-precision losses over 0.02.
TEST(NetworkWindow, HasTheLossOfTheNetworkAlongThem) {
  const Trained toy;
  const auto found = toy.measure(world());
  const double loss = toy.loss_at(toy.hessian.leading_vectors.col(0), 0.0, toy.train.set);
  int bounded = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    Eigen::VectorXd u = toy.hessian.leading_vectors.col(static_cast<Index>(i));
    const Eigen::MatrixXd rows = toy.rows.cast<double>();
    if ((rows.row(rows.rows() - 1) - rows.row(0)).dot(u) < 0.0) u = -u;
    const auto& f = found.flatness[i];
    EXPECT_EQ(f.direction, static_cast<int>(i));
    EXPECT_EQ(f.loss_curvature, toy.hessian.leading[i]);
    const double above = toy.loss_at(u, 0.01, toy.train.set), below = toy.loss_at(u, -0.01, toy.train.set);
    EXPECT_NEAR(f.slope, (std::log(above) - std::log(below)) / 0.02, 5e-3 * std::sqrt(f.loss_curvature / loss));
    for (const double side : {f.left, f.right}) {
      if (!std::isfinite(side)) continue;
      EXPECT_NEAR(std::log(toy.loss_at(u, side, toy.train.set) / loss), 1.0, 3e-3);
      ++bounded;
    }
  }
  EXPECT_GT(bounded, 15);
}

ImageSet only(const ImageSet& set, std::int64_t n) {
  const auto bytes = static_cast<std::size_t>(set.image_bytes()), at = static_cast<std::size_t>(n);
  return {set.pixels.subspan(at * bytes, bytes), set.labels.subspan(at, 1), set.features};
}

// The covariance of single samples' gradients by differences of their losses; kinks and rounding: 2 %.
TEST(NetworkWindow, HasTheNoiseOfSingleSamples) {
  const Trained toy;
  const auto found = toy.measure(world());
  for (const std::size_t i : {0U, 3U, 6U}) {
    const Eigen::VectorXd u = toy.hessian.leading_vectors.col(static_cast<Index>(i));
    Eigen::ArrayXd along(103);
    for (std::int64_t n = 0; n < 103; ++n) {
      const auto one = only(toy.train.set, n);
      along(n) = (toy.loss_at(u, 0.005, one) - toy.loss_at(u, -0.005, one)) / 0.01;
    }
    const double variance = (along - along.mean()).square().mean();
    const double noise = variance / 10.0 * (103.0 - 10.0) / 102.0;
    EXPECT_NEAR(found.noise[i], noise, 0.02 * noise);
    EXPECT_EQ(found.predicted.window.size(), 10U);
  }
}

TEST(NetworkWindow, DoesNotDependOnTheRanks) {
  const Trained toy;
  const auto found = toy.measure(world()), alone = toy.measure(Communicator::self());
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(found.dynamics.variance[i], alone.dynamics.variance[i]);
    EXPECT_EQ(found.flatness[i].right, alone.flatness[i].right);
    EXPECT_NEAR(found.noise[i], alone.noise[i], 1e-5 * alone.noise[i]);
  }
  EXPECT_EQ(found.psi.all.points, alone.psi.all.points);
}

TEST(NetworkWindow, PredictsNothingOfAdam) {
  const Trained toy;
  const auto found = toy.measure(world(), OptimizerKind::adam);
  for (const double value : found.predicted.window) EXPECT_TRUE(std::isnan(value));
  EXPECT_TRUE(std::isnan(found.stationarity));
}

}  // namespace
}  // namespace flatsweep::network_window_test
