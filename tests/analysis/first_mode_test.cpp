#include "flatsweep/analysis/first_mode.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "nn/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace flatsweep::first_mode_test {
namespace {
using Eigen::VectorXd;

/// A network at weights that it was not trained to, a set of images, and orthonormal directions in one layer.
struct Problem {
  Problem(Network net, int layer_number, int samples)
      : network(std::move(net)),
        layer(layer_number),
        images(samples, network.inputs(), network.classes(), 4, 80.0),
        weights(initial_weights(network, 3, Initialisation::plain)) {
    for (float& w : weights) w *= 3.0F;  // away from the flat start
    const Index size = std::ssize(place());
    Random random(11, RandomPurpose::simulation);
    Eigen::MatrixXd noise =
        Eigen::MatrixXd::NullaryExpr(size, std::min<Index>(size, 6), [&] { return random.normal(); });
    // Gram-Schmidt.
    for (Index i = 0; i < noise.cols(); ++i) {
      for (Index j = 0; j < i; ++j) noise.col(i) -= noise.col(j).dot(noise.col(i)) * noise.col(j);
      noise.col(i).normalize();
    }
    pca.directions = noise;
    pca.variance = VectorXd::Constant(size, 0.04);
  }

  [[nodiscard]] const Layer& place() const { return network.layers[layer]; }
  [[nodiscard]] std::span<const float> solution() const {
    return std::span(weights).subspan(place().weights, place().size());
  }
  /// w_0 + step p_i, the direction in single precision as the probe has it.
  [[nodiscard]] Wide moved(Index direction, double step) const {
    Wide wide = widen(weights);
    for (Index j = 0; j < pca.directions.rows(); ++j)
      wide[place().weights + static_cast<std::size_t>(j)] +=
          static_cast<long double>(step) * pca.directions(j, direction);
    return wide;
  }
  [[nodiscard]] double log_loss(Index direction, double step) const {
    const auto count = images.labels.size();
    const auto sum = plain_evaluation(network, moved(direction, step), images.set, 0, count).loss;
    return static_cast<double>(std::log(sum / static_cast<long double>(count)));
  }
  [[nodiscard]] double gap(std::size_t sample, double step) const {
    auto logits = plain_logits(network, moved(0, step), images.set.image(sample));
    const auto right = logits[images.labels[sample]];
    logits[images.labels[sample]] = -std::numeric_limits<long double>::infinity();
    return static_cast<double>(right - *std::ranges::max_element(logits));
  }
  [[nodiscard]] FirstMode measure(const Communicator& team, const FirstModeOptions& options,
                                  std::span<const DirectionFlatness> flatness) const {
    LayerProbe probe(network, weights, layer, images.set);
    return measure_first_mode(team, probe, pca, solution(), images.labels, flatness, options);
  }

  Network network;
  int layer;
  ToyImages images;
  std::vector<float> weights;
  Pca pca;
};

DirectionFlatness between(int direction, double left, double right) {
  DirectionFlatness flatness;
  flatness.direction = direction;
  flatness.left = left;
  flatness.right = right;
  return flatness;
}

Network convolutional(const ImageShape& input, std::initializer_list<std::string_view> layers, int classes) {
  std::vector<LayerSpec> specs;
  for (const auto layer : layers) specs.push_back(parse_layer_spec(layer));
  return build_network(input, specs, classes);
}

std::vector<Problem*> problems() {
  static Problem first(multilayer_perceptron(20, 2, 9, 4), 0, 101);
  static Problem hidden(multilayer_perceptron(20, 2, 9, 4), 1, 101);  // the fused head
  static Problem last(multilayer_perceptron(20, 2, 9, 4), 2, 101);
  static Problem deep(multilayer_perceptron(20, 4, 9, 4), 2, 101);
  static Problem kernel(convolutional({1, 8, 9}, {"conv 4 kernel 3 padding 1", "pool 2", "conv 5 kernel 3"}, 4), 0, 37);
  static Problem second(convolutional({2, 8, 8}, {"conv 3 kernel 3", "pool 2", "conv 4 kernel 2", "pool 2"}, 3), 1, 37);
  return {&first, &hidden, &last, &deep, &kernel, &second};
}

// Outputs are of order ten, in single precision through up to five layers.
constexpr double single = 5e-5;

TEST(LayerProbe, LogitsEqualThoseOfTheNetworkWithItsWeightsMoved) {
  for (const auto* problem : problems()) {
    LayerProbe probe(problem->network, problem->weights, problem->layer, problem->images.set);
    const Eigen::VectorXf p = problem->pca.directions.col(0).cast<float>();
    const std::vector<double> steps = {-2.0, 0.0, 0.7};
    std::vector<std::vector<int>> visits(steps.size(), std::vector<int>(problem->images.labels.size()));
    probe.visit_logits({p.data(), static_cast<std::size_t>(p.size())}, steps, [&](const LayerProbe::LogitBlock& block) {
      for (std::size_t s = 0; s < block.labels.size(); ++s) {
        const auto sample = static_cast<std::size_t>(block.samples[s]);
        ++visits[block.step][sample];
        EXPECT_EQ(block.labels[s], problem->images.labels[sample]);
        const auto expected =
            plain_logits(problem->network, problem->moved(0, steps[block.step]), problem->images.set.image(sample));
        for (std::size_t c = 0; c < expected.size(); ++c)
          EXPECT_NEAR(block.logits(static_cast<Index>(s), static_cast<Index>(c)), static_cast<double>(expected[c]),
                      single * std::max(1.0, static_cast<double>(std::abs(expected[c]))));
      }
    });
    for (const auto& of_step : visits)
      for (const int count : of_step) EXPECT_EQ(count, 1);
  }
}

TEST(FirstMode, GapsProfilesAndSlopesEqualThoseOfTheNetworkWithItsWeightsMoved) {
  const std::vector<DirectionFlatness> flatness = {between(0, -0.8, 1.2), between(3, -0.5, 0.25)};
  for (const auto* problem : problems()) {
    const auto found = problem->measure(Communicator::world(), {5, 7, 3, 300}, flatness);
    EXPECT_EQ(found.range, ThetaRange::crossings);
    EXPECT_TRUE(found.theta.isApprox(VectorXd::LinSpaced(5, -0.8, 1.2)));
    ASSERT_EQ(found.sample.size(), 7U);
    for (std::size_t j = 0; j < 7; ++j) {
      const auto sample = static_cast<std::size_t>(found.sample[j]);
      EXPECT_EQ(found.label[j], problem->images.labels[sample]);
      EXPECT_NEAR(found.at_zero.gap(static_cast<Index>(j)), problem->gap(sample, 0.0), 10 * single);
      for (Index i = 0; i < 5; ++i)
        EXPECT_NEAR(found.gap(i, static_cast<Index>(j)), problem->gap(sample, found.theta(i)), 10 * single);
    }
    ASSERT_EQ(found.modes.size(), 2U);  // direction 4 is the only other whose flatness is known
    EXPECT_EQ(found.modes[1].direction, 3);
    EXPECT_DOUBLE_EQ(found.modes[1].flatness(), 0.75);
    EXPECT_DOUBLE_EQ(found.modes[1].own_theta.back(), 0.25);
    for (const auto& mode : found.modes)
      for (std::size_t i = 0; i < 5; ++i) {
        const double theta = found.theta(static_cast<Index>(i));
        EXPECT_NEAR(mode.log_loss[i], problem->log_loss(mode.direction, theta), single);
        EXPECT_NEAR(mode.own_log_loss[i], problem->log_loss(mode.direction, mode.own_theta[i]), single);
      }
  }
}

TEST(FirstMode, SlopesAreFiniteDifferencesOfTheLogLoss) {
  for (const auto* problem : problems())
    for (const auto& mode : problem->measure(Communicator::world(), {3, 5, 4, 300}, {}).modes) {
      // Small enough for hardly a unit of a few dozen samples to switch within it, in 80 bits.
      const double h = 1e-6;
      const double expected = (problem->log_loss(mode.direction, h) - problem->log_loss(mode.direction, -h)) / (2 * h);
      EXPECT_NEAR(mode.slope, expected, single) << "direction " << mode.direction;
      EXPECT_TRUE(std::isnan(mode.relative_slope()));
    }
}

// Two classes and the last layer: gaps are (w_c - w_other + theta (p_c - p_other)).h, straight with slopes known from
// h, and there is one wrong output, so that eq. S5 with S6 is the loss itself.
TEST(FirstMode, OfALinearSoftmaxLayerHasStraightGapsAndAnExactClosure) {
  const Problem problem(multilayer_perceptron(20, 1, 9, 2), 1, 150);
  const std::vector<DirectionFlatness> flatness = {between(0, -2.0, 3.0)};
  const auto found = problem.measure(Communicator::world(), {11, 150, 2, 300}, flatness);
  for (Index k = 0; k < 150; ++k) {
    Wide image(20);
    for (std::size_t f = 0; f < image.size(); ++f)
      image[f] = problem.images.set.image(static_cast<std::size_t>(k))[f] / 255.0L;
    const auto h = plain_fully_connected(problem.network.layers[0], widen(problem.weights), image);
    double slope = 0.0;
    for (Index j = 0; j < 9; ++j)
      slope += (problem.pca.directions(j, 0) - problem.pca.directions(9 + j, 0)) * static_cast<double>(h[j]);
    if (problem.images.labels[k] == 1) slope = -slope;
    EXPECT_NEAR(found.lines.slope(k), slope, single);
    EXPECT_NEAR(found.lines.intercept(k), found.at_zero.gap(k), single);
    EXPECT_GT(found.lines.r_squared(k), 1.0 - single);
    EXPECT_EQ(found.at_zero.log_others(k), 0.0);
  }
  EXPECT_LT(found.closure->full.max_error, single);
  // Losses here are of order one: the exponential law S7 holds for small ones only.
  EXPECT_GT(found.closure->exponential.max_error, 0.01);
}

// Equations S5 to S8 are those of the cross-entropy; gaps and profiles have a meaning for any loss.
TEST(FirstMode, OfTheSquareLossHasGapsAndNoClosure) {
  auto network = multilayer_perceptron(20, 1, 9, 2);
  network.loss = Loss::square;
  const auto found = Problem(network, 1, 150).measure(Communicator::world(), {11, 150, 2, 300}, {});
  EXPECT_FALSE(found.closure.has_value());
  EXPECT_GT(found.median_r_squared, 1.0 - single);  // the last layer's outputs are straight
}

// Along w_0 itself, in a last layer without bias, moving by theta scales all outputs: beta_k = Delta Y_k(0) / |w_0|.
TEST(FirstMode, AlongTheSolutionOfALastLayerWithoutBiasAmplifiesAllGapsAlike) {
  Problem problem(multilayer_perceptron(20, 1, 9, 4), 1, 80);
  for (std::size_t c = 0; c < 4; ++c) problem.weights[problem.place().bias + c] = 0.0F;
  const VectorXd w =
      Eigen::Map<const Eigen::VectorXf>(problem.solution().data(), problem.pca.directions.rows()).cast<double>();
  problem.pca.directions.col(0) = -w.normalized();
  const double reach = 0.5 * w.norm();  // outputs do not change their sign, so that the largest wrong one stays
  const std::vector<DirectionFlatness> flatness = {between(0, -reach, reach)};
  const auto found = problem.measure(Communicator::world(), {9, 80, 1, 300}, flatness);
  EXPECT_NEAR(found.alignment, 1.0, single);
  EXPECT_NEAR(found.component_correlation, -1.0, single);
  EXPECT_NEAR(found.gap_correlation, -1.0, single);
  EXPECT_NEAR(found.gap_proportionality * found.solution_norm, -1.0, single);
  EXPECT_GT(found.median_r_squared, 1.0 - single);
  EXPECT_EQ(found.modes.size(), 1U);
}

TEST(FirstMode, TakesThreeSigmaWhereTheFlatnessIsNotKnown) {
  const auto* problem = problems()[1];
  for (const double left : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    const std::vector<DirectionFlatness> flatness = {between(0, left, std::numeric_limits<double>::quiet_NaN())};
    const auto found = problem->measure(Communicator::world(), {}, flatness);
    EXPECT_EQ(found.range, ThetaRange::three_sigma);
    EXPECT_DOUBLE_EQ(found.theta(20), 0.6);
    EXPECT_EQ(found.sample.size(), 101U);  // as many as there are
  }
}

TEST(FirstMode, StoresSamplesEvenlySpread) {
  const auto found = problems()[1]->measure(Communicator::world(), {3, 4, 1, 300}, {});
  EXPECT_EQ(found.sample, (std::vector<std::int32_t>{0, 25, 50, 75}));  // of 101
}

TEST(FirstMode, IsTheSameForAnyTeam) {
  for (const auto* problem : {problems()[1], problems()[4]}) {
    const std::vector<DirectionFlatness> flatness = {between(0, -0.8, 1.2), between(2, -0.5, 0.25),
                                                     between(5, -1, NAN)};
    const auto together = problem->measure(Communicator::world(), {7, 20, 5, 300}, flatness);
    const auto alone = problem->measure(Communicator::self(), {7, 20, 5, 300}, flatness);
    EXPECT_EQ(together.gap, alone.gap);
    EXPECT_EQ(together.lines.slope, alone.lines.slope);
    EXPECT_EQ(together.median_r_squared, alone.median_r_squared);
    EXPECT_EQ(together.closure->full.log_loss, alone.closure->full.log_loss);
    ASSERT_EQ(together.modes.size(), alone.modes.size());
    for (std::size_t i = 0; i < alone.modes.size(); ++i) {
      EXPECT_EQ(together.modes[i].direction, alone.modes[i].direction);
      EXPECT_EQ(together.modes[i].slope, alone.modes[i].slope);
      EXPECT_EQ(together.modes[i].log_loss, alone.modes[i].log_loss);
      EXPECT_EQ(together.modes[i].own_log_loss, alone.modes[i].own_log_loss);
      EXPECT_EQ(together.modes[i].own_log_loss.empty(), alone.modes[i].direction == 5);
    }
  }
}

TEST(ChooseModes, SpreadsOverThoseMeasured) {
  const auto all = choose_modes(2500, {}, 8, 300);
  EXPECT_EQ(all.size(), 8U);
  EXPECT_EQ(all.front(), 0);
  EXPECT_EQ(all[1], 1);
  EXPECT_EQ(all.back(), 299);
  EXPECT_EQ(choose_modes(3, {}, 8, 300), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(choose_modes(1, {}, 8, 300), (std::vector<int>{0}));
  const std::vector<DirectionFlatness> some = {between(0, -1, 1), between(2, -1, 1), between(90, -1, 1),
                                               between(2400, -1, 1)};
  EXPECT_EQ(choose_modes(2500, some, 8, 300), (std::vector<int>{0, 2, 90}));
}

}  // namespace
}  // namespace flatsweep::first_mode_test
