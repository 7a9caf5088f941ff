// The loss along a direction against plain loops in 80 bits, for networks and sample counts that fill no block: whole
// registers of every width must come out right, and nothing may be written behind them.
#include "flatsweep/analysis/layer_probe.hpp"

#include "flatsweep/base/index.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::layer_probe_test {
namespace {

const std::vector<double> steps = {0.0, 0.4, -0.9};

/// The mean loss after a step, exactly.
long double loss_at(const Problem& problem, const Layer& layer, std::span<const float> direction, long double step) {
  auto moved = widen(problem.weights);
  for (std::size_t i = 0; i < direction.size(); ++i) moved[layer.weights + i] += step * direction[i];
  return problem.loss_at(moved) / static_cast<long double>(problem.images.labels.size());
}

// Sums of some hundred terms of single precision, each good to 6e-8.
void expect_profile(const Problem& problem, int index) {
  const auto& layer = problem.network.layers[index];
  SCOPED_TRACE(layer.name + " of " + name_of(problem.network, problem.batch));
  const auto direction = random_direction(layer.size());
  LayerProbe probe(problem.network, problem.weights, index, problem.images.set);
  std::vector<double> losses(steps.size());
  const LayerProbe::Profile profile{direction, steps, losses};
  probe.evaluate({&profile, 1});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto exact = static_cast<double>(loss_at(problem, layer, direction, steps[i]));
    EXPECT_NEAR(losses[i], exact, 5e-6 * std::max(1.0, exact)) << "step " << steps[i];
  }
  const LayerProbe::WeightDirection along = direction;
  const auto derivatives = probe.derivatives({&along, 1}).front();
  const long double h = 1e-6L;
  const auto slope = static_cast<double>(
      (loss_at(problem, layer, direction, h) - loss_at(problem, layer, direction, -h)) / (2.0L * h));
  EXPECT_NEAR(derivatives.first, slope, 1e-5 * std::max(1.0, std::abs(slope)));
}

void expect_profiles_of_all_layers(const Problem& problem) {
  for (int layer = 0; layer < static_cast<int>(problem.network.layers.size()); ++layer) expect_profile(problem, layer);
}

TEST(LayerProbe, EqualsPlainLoopsForEveryNumberOfClassesAndSamples) {
  for (int classes = 2; classes <= 40; ++classes)
    for (const int samples : {1 + classes % 7, 13 + classes, 63 + classes % 5}) {
      expect_profiles_of_all_layers(Problem(12, 1, 7, classes, samples));
      expect_profiles_of_all_layers(
          Problem(convolutional({1, 6, 5}, {"conv 3 kernel 2", "pool 2", "fc 5"}, classes), samples));
    }
}

TEST(LayerProbe, EqualsPlainLoopsOfConvolutionNetworks) {
  for (const auto* problem : convolution_problems()) expect_profiles_of_all_layers(*problem);
  for (const int samples : {1, 16, 33})
    expect_profiles_of_all_layers(
        Problem(convolutional({1, 12, 12}, {"conv 4 kernel 5", "pool 2", "fc 20"}, 10), samples));
}

TEST(LayerProbe, EqualsPlainLoopsOfTheConnectedLayersOfLeNet5) {
  const auto network = build_network({3, 32, 32}, named_architecture("lenet5").layers, 10);
  for (const int samples : {1, 18})
    for (int layer = 2; layer < 5; ++layer) expect_profile(Problem(network, samples), layer);
}

// Many steps towards one another, as a search takes them: what a line keeps may change no loss by more than it may
// leave out, and nothing at all where it may leave out nothing.
TEST(LayerProbe, ALineGivesTheLossesThatItsDirectionHasWithout) {
  const Problem problem(convolutional({1, 6, 5}, {"conv 3 kernel 2", "pool 2", "fc 5"}, 10), 700);
  for (int layer = 0; layer < 3; ++layer) {
    const auto direction = random_direction(problem.network.layers[layer].size());
    LayerProbe probe(problem.network, problem.weights, layer, problem.images.set);
    for (const double negligible : {0.0, 1e-4, 1e-2}) {
      LayerProbe::Line line;
      line.start(direction, negligible);
      LayerProbe::Line* lines[] = {&line};
      const auto at_zero = probe.derivatives(lines).front();
      const LayerProbe::WeightDirection along = direction;
      const auto without = probe.derivatives({&along, 1}).front();
      EXPECT_EQ(at_zero.first, without.first);
      EXPECT_EQ(at_zero.second, without.second);
      for (const std::vector<double>& round : {std::vector{1.0, -0.5}, {1.1}, {1.0999, 1.1001, -0.501}}) {
        std::vector<double> kept(round.size()), anew(round.size());
        const LayerProbe::Profile profiles[] = {{direction, round, kept, &line}, {direction, round, anew}};
        probe.evaluate(profiles);
        for (std::size_t i = 0; i < round.size(); ++i)
          EXPECT_NEAR(kept[i], anew[i], negligible) << "layer " << layer << ", step " << round[i];
      }
    }
  }
}

// What the first mode reads: outputs of every sample, in blocks.
TEST(LayerProbe, ShowsTheOutputsOfEverySample) {
  const Problem problem(convolutional({1, 8, 7}, {"conv 4 kernel 3", "pool 2", "fc 6"}, 5), 37);
  for (int index = 0; index < static_cast<int>(problem.network.layers.size()); ++index) {
    const auto& layer = problem.network.layers[index];
    const auto direction = random_direction(layer.size());
    LayerProbe probe(problem.network, problem.weights, index, problem.images.set);
    std::vector<int> seen(steps.size(), 0);
    probe.visit_logits(direction, steps, [&](const LayerProbe::LogitBlock& block) {
      auto moved = widen(problem.weights);
      for (std::size_t i = 0; i < direction.size(); ++i)
        moved[layer.weights + i] += static_cast<long double>(steps[block.step]) * direction[i];
      for (std::size_t s = 0; s < block.labels.size(); ++s, ++seen[block.step]) {
        const auto sample = static_cast<std::size_t>(block.samples[s]);
        const auto exact = plain_logits(problem.network, moved, problem.images.set.image(sample));
        for (std::size_t c = 0; c < exact.size(); ++c)
          EXPECT_NEAR(block.logits(static_cast<Index>(s), static_cast<Index>(c)), static_cast<double>(exact[c]), 1e-5);
      }
    });
    EXPECT_EQ(seen, std::vector<int>(steps.size(), 37));
  }
}

}  // namespace
}  // namespace flatsweep::layer_probe_test
