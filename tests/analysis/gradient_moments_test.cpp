#include "flatsweep/analysis/gradient_moments.hpp"

#include "analysis/toy_curvature.hpp"
#include "flatsweep/analysis/loss_gradient.hpp"
#include "flatsweep/base/index.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace flatsweep::gradient_moments_test {
namespace {

// Gradients in single precision, a minibatch of one sample at a time on the other side.
TEST(GradientMoments, AreThoseOfSingleSamples) {
  const ToyTraining toy;
  for (const int layer : {0, 1, 2}) {
    const auto rows = gradient_rows(toy, layer, 1, everyone(toy));
    const auto moments = gradient_moments(world(), toy.network, toy.start().weights, layer, toy.train.set);
    EXPECT_EQ(moments.samples, 103);
    expect_equal(moments.mean, rows.colwise().mean().transpose());
    expect_equal(moments.second, rows.transpose() * rows / 103.0);
    EXPECT_EQ((moments.second - moments.second.transpose()).cwiseAbs().maxCoeff(), 0.0);
  }
}

TEST(GradientMoments, OfConvolutionsAreThoseOfSingleSamples) {
  for (const auto* problem : convolution_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto& set = problem->images.set;
    const auto rows = gradient_rows(problem->network, problem->weights, set, 0, 1, everyone(set));
    const auto moments = gradient_moments(world(), problem->network, problem->weights, 0, set);
    expect_equal(moments.mean, rows.colwise().mean().transpose());
    expect_equal(moments.second, rows.transpose() * rows / static_cast<double>(rows.rows()));
  }
}

TEST(GradientMoments, GiveTheNoiseCovarianceOfTheOperator) {
  const ToyTraining toy;
  for (const auto sampling : {Sampling::reshuffle, Sampling::with_replacement}) {
    const MinibatchScheme scheme{10, sampling, {}};
    const auto moments = gradient_moments(world(), toy.network, toy.start().weights, 1, toy.train.set);
    expect_equal(moments.noise_covariance(scheme), dense(toy, CurvatureKind::noise_covariance, 1, scheme));
  }
}

TEST(GradientMoments, OfMinibatchesAreThoseOfTheirGradients) {
  const ToyTraining toy;
  const MinibatchScheme scheme{10, Sampling::reshuffle, Sampler(Sampling::reshuffle, 103, 10, 1).order(0)};
  for (const int layer : {1, 2}) {
    const auto rows = gradient_rows(toy, layer, 10, scheme.order);
    const auto second =
        minibatch_second_moment(world(), toy.network, toy.start().weights, layer, toy.train.set, scheme);
    expect_equal(second, rows.transpose() * rows / 10.0);
  }
}

// M samples without replacement are all of them: no noise is left. With replacement it is 1/M of one sample's.
TEST(MinibatchScheme, KnowsFinitePopulations) {
  EXPECT_EQ((MinibatchScheme{103, Sampling::reshuffle, {}}.noise_factor(103)), 0.0);
  EXPECT_EQ((MinibatchScheme{1, Sampling::reshuffle, {}}.noise_factor(103)), 1.0);
  EXPECT_EQ((MinibatchScheme{50, Sampling::with_replacement, {}}.noise_factor(103)), 1.0 / 50.0);
}

// All orders of seven numbers, three a minibatch: the first minibatch about the mean of those that the run sees.
TEST(MinibatchScheme, LeavesOutSamplesThatMinibatchesThatStayNeverSee) {
  const std::array<double, 7> x = {-1.0, 0.0, 0.5, 2.0, 2.5, 4.0, 7.0};
  std::array<int, 7> order = {0, 1, 2, 3, 4, 5, 6};
  const auto mean = [&](int count) {
    double sum = 0.0;
    for (int i = 0; i < count; ++i) sum += x[order[i]];
    return sum / count;
  };
  double all = 0.0, used = 0.0, one = 0.0, orders = 0.0;
  do {
    all += std::pow(mean(3) - mean(7), 2);
    used += std::pow(mean(3) - mean(6), 2);
    one += std::pow(mean(1) - mean(7), 2);
    ++orders;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(orders, 5040.0);
  EXPECT_NEAR((MinibatchScheme{3, Sampling::reshuffle, {}}.noise_factor(7)), all / one, 1e-12);
  EXPECT_NEAR((MinibatchScheme{3, Sampling::shuffle_once, {}}.noise_factor(7)), used / one, 1e-12);
  EXPECT_NEAR((MinibatchScheme{3, Sampling::fixed_partition, {}}.noise_factor(7)), used / one, 1e-12);
}

TEST(LossGradient, EqualsFiniteDifferencesOfPlainLoops) {
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  const auto at = loss_gradient(world(), toy.network, weights, toy.train.set, {toy.network, std::nullopt});
  const auto loss = [&](std::size_t i, long double step) {
    auto moved = widen(weights);
    moved[i] += step;
    return plain_evaluation(toy.network, moved, toy.train.set, 0, 103).loss / 103.0L;
  };
  EXPECT_NEAR(at.loss, static_cast<double>(loss(0, 0.0L)), 1e-6);
  ASSERT_EQ(at.gradient.size(), static_cast<Index>(toy.network.parameters));
  for (std::size_t i = 0; i < weights.size(); i += 17) {
    constexpr long double h = 1e-6L;
    EXPECT_NEAR(at.gradient(static_cast<Index>(i)), static_cast<double>((loss(i, h) - loss(i, -h)) / (2 * h)), 1e-6);
  }
  const auto layer = loss_gradient(world(), toy.network, weights, toy.train.set, {toy.network, 1});
  const auto& block = toy.network.layers[1];
  expect_equal(layer.gradient, at.gradient.segment(static_cast<Index>(block.weights), std::ssize(block)));
}

}  // namespace
}  // namespace flatsweep::gradient_moments_test
