#include "flatsweep/analysis/minibatch_landscape.hpp"

#include "analysis/toy_minibatches.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::minibatch_landscape_test {
namespace {

/// Mean over samples of the squared largest rate at which an output moves along p: the scale of second derivatives, of
/// which single precision loses about 1e-6.
double output_scale(const ToyMinibatches& toy, std::span<const std::uint32_t> samples, int layer,
                    const Eigen::VectorXd& p) {
  constexpr long double h = 1e-6L;
  auto up = widen(toy.weights), down = up;
  for (Index k = 0; k < p.size(); ++k) {
    up[toy.at(layer).weights + static_cast<std::size_t>(k)] += h * p(k);
    down[toy.at(layer).weights + static_cast<std::size_t>(k)] -= h * p(k);
  }
  double sum = 0.0;
  for (const auto n : samples) {
    const auto above = plain_logits(toy.network, up, toy.images.set.image(n));
    const auto below = plain_logits(toy.network, down, toy.images.set.image(n));
    double widest = 0.0;
    for (std::size_t c = 0; c < above.size(); ++c)
      widest = std::max(widest, std::abs(static_cast<double>((above[c] - below[c]) / (2.0L * h))));
    sum += 4.0 * widest * widest;  // two outputs may move against one another
  }
  return sum / static_cast<double>(samples.size());
}

// Differences with step 1e-5 cross no kink here and err by 1e-10 of fourth derivatives and 1e-19/1e-10 of the loss.
void expect_derivatives(const ToyMinibatches& toy, int layer) {
  const auto directions = toy.directions(layer, 3);
  const Eigen::MatrixXf columns = directions.cast<float>();
  MinibatchLandscape landscape(toy.network, toy.weights, layer, toy.images.set, ToyMinibatches::batch, columns);
  for (const std::size_t mu : {0U, 3U}) {
    const auto samples = toy.minibatch(mu);
    landscape.load(samples);
    const auto found = landscape.derivatives();
    const auto at = [&](const Eigen::VectorXd& step) { return toy.loss(samples, layer, step); };
    EXPECT_NEAR(found.loss, static_cast<double>(at(0.0 * directions.col(0))), 1e-6 * found.loss);
    constexpr double h = 1e-5;
    std::vector<double> scale;
    for (Index i = 0; i < 3; ++i) scale.push_back(output_scale(toy, samples, layer, directions.col(i)));
    for (Index i = 0; i < 3; ++i) {
      const auto p = directions.col(i);
      EXPECT_NEAR(found.gradient(i), toy.slope(samples, layer, p, 0.0), 1e-6 * std::sqrt(scale[std::size_t(i)]));
      for (Index j = 0; j < 3; ++j) {
        const auto q = directions.col(j);
        const auto mixed = (at(h * (p + q)) - at(h * (p - q)) - at(h * (q - p)) + at(-h * (p + q))) / (4.0L * h * h);
        EXPECT_NEAR(found.curvature(i, j), static_cast<double>(mixed),
                    1e-6 * std::sqrt(scale[std::size_t(i)] * scale[std::size_t(j)]) + 1e-8)
            << toy.at(layer).name << " minibatch " << mu << " directions " << i << ", " << j;
      }
    }
  }
}

TEST(MinibatchLandscape, DerivativesOfFullyConnectedLayersEqualFiniteDifferences) {
  const auto toy = ToyMinibatches::dense();
  for (int layer = 0; layer < 3; ++layer) expect_derivatives(toy, layer);
}

TEST(MinibatchLandscape, DerivativesOfConvolutionsEqualFiniteDifferences) {
  const auto toy = ToyMinibatches::convolutional();
  for (int layer = 0; layer < static_cast<int>(toy.network.layers.size()); ++layer) expect_derivatives(toy, layer);
}

/// Every minimum must lie where the plain slope turns from downhill to uphill, below the loss at 0; where there is none
/// the loss must still fall at the end of the reach. Returns how many of each there were.
struct Counts {
  int minima = 0, none = 0;
};
Counts expect_minima(const ToyMinibatches& toy, int layer, double furthest) {
  const auto directions = toy.directions(layer, 3);
  const Eigen::MatrixXf columns = directions.cast<float>();
  MinibatchLandscape landscape(toy.network, toy.weights, layer, toy.images.set, ToyMinibatches::batch, columns);
  Counts counts;
  for (const std::size_t mu : {0U, 1U, 2U, 3U}) {
    const auto samples = toy.minibatch(mu);
    landscape.load(samples);
    for (int i = 0; i < 3; ++i) {
      const Eigen::VectorXd p = directions.col(i);
      const double downhill = toy.slope(samples, layer, p, 0.0) > 0.0 ? -1.0 : 1.0;
      const double found = landscape.minimum(i, {0.3 * downhill * furthest, furthest, 1e-5});
      if (std::isnan(found)) {
        ++counts.none;
        EXPECT_LT(downhill * toy.slope(samples, layer, p, downhill * furthest), 0.0);
        continue;
      }
      ++counts.minima;
      EXPECT_GT(downhill * found, 0.0);
      EXPECT_LE(std::abs(found), furthest);
      // The loss falls at every step before: a nearer minimum can lie between two steps only.
      for (double step = 0.3 * furthest; step < std::abs(found) - 4e-5; step *= 2.0)
        EXPECT_LT(downhill * toy.slope(samples, layer, p, downhill * step), 0.0);
      // The search's tolerance, and rounding 1e-6 of slopes of order one against curvatures of order 0.1.
      const double near = found - downhill * 4e-5, far = found + downhill * 4e-5;
      EXPECT_LT(downhill * toy.slope(samples, layer, p, near), 0.0) << toy.at(layer).name << ' ' << mu << ' ' << i;
      EXPECT_GT(downhill * toy.slope(samples, layer, p, far), 0.0) << toy.at(layer).name << ' ' << mu << ' ' << i;
      EXPECT_LT(toy.loss(samples, layer, found * p), toy.loss(samples, layer, 0.0 * p));
    }
  }
  return counts;
}

TEST(MinibatchLandscape, MinimaOfFullyConnectedLayersAreWhereTheSlopeTurns) {
  const auto toy = ToyMinibatches::dense();
  Counts all;
  for (int layer = 0; layer < 3; ++layer) {
    const auto counts = expect_minima(toy, layer, 2.0);
    all.minima += counts.minima;
    all.none += counts.none;
  }
  EXPECT_GE(all.minima, 8);
  EXPECT_GE(all.none, 1);
}

TEST(MinibatchLandscape, MinimaOfConvolutionsAreWhereTheSlopeTurns) {
  const auto toy = ToyMinibatches::convolutional();
  for (const int layer : {0, 1}) EXPECT_GE(expect_minima(toy, layer, 2.0).minima, 3);
}

TEST(MinibatchLandscape, HasNoMinimumAlongADirectionThatMovesNothing) {
  const auto toy = ToyMinibatches::dense();
  const Eigen::MatrixXf nowhere = Eigen::MatrixXf::Zero(std::ssize(toy.at(1)), 1);
  MinibatchLandscape landscape(toy.network, toy.weights, 1, toy.images.set, ToyMinibatches::batch, nowhere);
  landscape.load(toy.minibatch(0));
  EXPECT_TRUE(std::isnan(landscape.minimum(0, {0.0, 1.0, 1e-5})));
  EXPECT_TRUE(std::isnan(landscape.minimum(0, {0.0, std::nan(""), 1e-5})));
}

}  // namespace
}  // namespace flatsweep::minibatch_landscape_test
