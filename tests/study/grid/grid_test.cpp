#include "flatsweep/study/grid/grid.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/study/grid/window_opening.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep::grid_test {
namespace {

using testing::ElementsAre;

Config noise_grid() {
  Config config;
  config.study = Study::noise;
  config.grid.noise_method = {NoiseMethod::sgd, NoiseMethod::gradient_descent, NoiseMethod::isotropic};
  config.grid.noise_strength = {0.5, 2.0};
  config.grid.learning_rate = {0.1, 0.3};
  config.grid.seed = {1, 2};
  return config;
}

TEST(Grid, WithoutAxesIsOneReplicaOfTheTables) {
  Config config;
  config.train.batch_size = 20;
  config.train.seed = 7;
  config.train.optimizer.kind = OptimizerKind::adam;
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 1U);
  EXPECT_EQ(replicas[0].id, 0);
  EXPECT_EQ(replicas[0].batch_size, 20);
  EXPECT_EQ(replicas[0].learning_rate, 0.1);
  EXPECT_EQ(replicas[0].seed, 7);
  EXPECT_EQ(replicas[0].optimizer, OptimizerKind::adam);
  EXPECT_EQ(replicas[0].psi, 4.0);
}

/// Two values on every axis: the bits of a replica's number say which, the fastest axis in the lowest bit.
Config two_values_on_every_axis() {
  Config config;
  config.grid.batch_size = {10, 20};
  config.grid.learning_rate = {0.1, 0.2};
  config.grid.width = {30, 40};
  config.grid.hidden_layers = {1, 2};
  config.grid.optimizer = {OptimizerKind::sgd, OptimizerKind::momentum};
  config.grid.sampling = {Sampling::reshuffle, Sampling::with_replacement};
  config.grid.psi = {3.0, 4.0};
  config.grid.seed = {5, 6};
  return config;
}

TEST(Grid, SeedsVaryFastestThenPsiAndBatchSizeSlowest) {
  const auto replicas = expand_grid(two_values_on_every_axis());
  ASSERT_EQ(replicas.size(), 256U);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const auto& r = replicas[i];
    const auto bit = [i](int axis) { return (i >> axis) % 2 == 1; };
    EXPECT_EQ(r.id, static_cast<std::int64_t>(i));
    EXPECT_EQ(r.seed, bit(0) ? 6 : 5);
    EXPECT_EQ(r.psi, bit(1) ? 4.0 : 3.0);
    EXPECT_EQ(r.sampling, bit(2) ? Sampling::with_replacement : Sampling::reshuffle);
    EXPECT_EQ(r.optimizer, bit(3) ? OptimizerKind::momentum : OptimizerKind::sgd);
    EXPECT_EQ(r.hidden_layers, bit(4) ? 2 : 1);
    EXPECT_EQ(r.width, bit(5) ? 40 : 30);
    EXPECT_EQ(r.learning_rate, bit(6) ? 0.2 : 0.1);
    EXPECT_EQ(r.batch_size, bit(7) ? 20 : 10);
  }
}

TEST(Grid, TemperaturesAreLearningRatesOverBatchSizes) {
  Config config;
  config.grid.batch_size = {10, 250};
  config.grid.temperature = {0.0001, 0.0007};
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 4U);
  const std::vector<double> expected = {0.001, 0.007, 0.025, 0.175};
  for (std::size_t i = 0; i < replicas.size(); ++i) EXPECT_EQ(replicas[i].learning_rate, expected[i]) << i;
  config.grid.learning_rate = {0.1};
  EXPECT_THROW((void)expand_grid(config), ConfigError);
}

TEST(Grid, AnAxisReplacesTheValueOfItsTable) {
  Config config;
  config.train.batch_size = 20;
  config.grid.batch_size = {100, 10};
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 2U);
  EXPECT_EQ(replicas[0].batch_size, 100) << "the order is that of the list";
  EXPECT_EQ(replicas[1].batch_size, 10);
}

TEST(Grid, AReplicaOfAnotherArchitectureHasNoWidthAndDepth) {
  auto config = two_values_on_every_axis();
  config.network.architecture = named_architecture("lenet5");
  const auto replicas = expand_grid(config);
  EXPECT_EQ(replicas.size(), 64U);
  for (const auto& replica : replicas) {
    EXPECT_EQ(replica.architecture, config.network.architecture);
    EXPECT_EQ(replica.width, 0);
    EXPECT_EQ(replica.hidden_layers, 0);
  }
}

TEST(Grid, AnAxisOfTheMlpIsADashOnTheTerminalElsewhere) {
  Config config;
  EXPECT_EQ(axis_table(Study::landscape, expand_grid(config), AxisRows::replicas)[1],
            "     50     0.1    50   2      sgd        reshuffle     4     1");
  config.network.architecture = named_architecture("lenet5");
  EXPECT_EQ(axis_table(Study::landscape, expand_grid(config), AxisRows::replicas)[1],
            "     50     0.1     -   -      sgd        reshuffle     4     1");
}

TEST(Grid, TheTerminalNamesWhatTheStudyKnows) {
  auto config = noise_grid();
  const auto noise = axis_table(Study::noise, expand_grid(config), AxisRows::replicas);
  EXPECT_EQ(noise[0], "      B   alpha     H   L optimiz.         sampling             method sigma_n  seed");
  EXPECT_EQ(noise[1], "     50     0.1    50   2      sgd        reshuffle                sgd       0     1");
  config.study = Study::landscape;
  const auto points = axis_table(Study::landscape, expand_grid(config), AxisRows::grid_points);
  EXPECT_EQ(points[0], "      B   alpha     H   L optimiz.         sampling");
}

TEST(Grid, ReplicasThatDifferInPsiAloneShareOneUnit) {
  Config config;
  config.grid.psi = {3.0, 4.0, 5.0};
  config.grid.seed = {1, 2};
  const auto units = group_into_units(expand_grid(config));
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(units[0].id, 0);
  EXPECT_THAT(units[0].replicas, ElementsAre(0, 2, 4));
  EXPECT_EQ(units[1].id, 1);
  EXPECT_THAT(units[1].replicas, ElementsAre(1, 3, 5));
  EXPECT_EQ(units[1].replica.seed, 2);
}

TEST(Grid, OneGridPointHoldsAllSeedsAndPsi) {
  const auto replicas = expand_grid(two_values_on_every_axis());
  for (const std::size_t i : {0U, 1U, 2U, 3U}) EXPECT_TRUE(same_grid_point(replicas[0], replicas[i])) << i;
  for (const std::size_t i : {4U, 8U, 16U, 32U, 64U, 128U})
    EXPECT_FALSE(same_grid_point(replicas[0], replicas[i])) << i;
  auto other = replicas[0];
  other.architecture = named_architecture("lenet5");
  EXPECT_FALSE(same_grid_point(replicas[0], other));
}

TEST(Replica, TrainerOptionsTakeTheGridsValuesAndTheTablesOthers) {
  Config config;
  config.train.optimizer.momentum = 0.5;
  Replica replica;
  replica.batch_size = 25;
  replica.learning_rate = 0.3;
  replica.optimizer = OptimizerKind::momentum;
  replica.sampling = Sampling::shuffle_once;
  replica.seed = 9;
  replica.weight_decay = 0.01;
  const auto options = replica.trainer_options(config);
  EXPECT_EQ(options.batch_size, 25);
  EXPECT_EQ(options.seed, 9);
  EXPECT_EQ(options.sampling, Sampling::shuffle_once);
  EXPECT_EQ(options.optimizer.learning_rate, 0.3);
  EXPECT_EQ(options.optimizer.kind, OptimizerKind::momentum);
  EXPECT_EQ(options.optimizer.momentum, 0.5);
  EXPECT_EQ(options.optimizer.weight_decay, 0.01);
}

// Cosine decay ends as the window opens, unless it is told to end elsewhere.
TEST(Replica, KnowsTheLearningRateOfItsWindowWhereThatIsOne) {
  Config config;
  config.train.schedule.decay = Decay::cosine;
  config.train.schedule.end_factor = 0.25;
  Replica replica;
  replica.learning_rate = 0.4;
  EXPECT_NEAR(replica.options_in_window(config)->optimizer.learning_rate, 0.1, 1e-15);
  EXPECT_EQ(replica.options_in_window(config)->schedule.factor(0), 1.0);
  config.train.schedule.decay_ends = config.window.epoch + 1;
  EXPECT_FALSE(replica.options_in_window(config).has_value());
  config.train.schedule.decay_ends = config.window.epoch - 1;
  config.window.start = WindowStart::zero_error;  // it may open while the rate still falls
  EXPECT_FALSE(replica.options_in_window(config).has_value());
  config.train.schedule.decay = Decay::constant;
  EXPECT_EQ(replica.options_in_window(config)->optimizer.learning_rate, 0.4);
}

TEST(Grid, AForkOfALaterStateOpensItsWindowThere) {
  Config config;
  config.window.epoch = 3;
  config.window.epochs = 2;
  config.train.schedule.decay = Decay::steps;
  config.train.schedule.step_epochs = {4};
  config.train.schedule.step_factor = 0.5;
  EXPECT_EQ(window_opening(config), 3);
  EXPECT_FALSE(expand_grid(config)[0].options_in_window(config).has_value()) << "the rate falls within epochs 3 and 4";
  config.fork.results = "results.h5";
  config.fork.epoch = 6;
  EXPECT_EQ(window_opening(config), 6);
  EXPECT_EQ(expand_grid(config)[0].options_in_window(config)->optimizer.learning_rate, 0.05);
  config.window.start = WindowStart::zero_error;
  config.window.zero_error_epochs = 1;
  EXPECT_TRUE(expand_grid(config)[0].options_in_window(config).has_value()) << "the state is behind the step";
}

TEST(Grid, TemperaturesWithoutALearningRateAreRefused) {
  Config config;
  config.grid.temperature = {1e308};
  EXPECT_EQ(message_of<ConfigError>([&] { (void)expand_grid(config); }),
            "grid.temperature = 1e+308 with batch_size = 50 is no finite learning rate; take less");
}

TEST(Grid, LimitsOfTheTrainingSetAreAnAxis) {
  Config config;
  config.grid.train_limit = {100, 500};
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 2U);
  EXPECT_EQ(data_in_use(config).train_limit, 500);
  EXPECT_EQ(replicas[0].part_of({500, 10, {1, 2, 2}, 3}).train_count, 100);
  EXPECT_EQ(replicas[1].training_samples(500), 500);
  EXPECT_EQ(replicas[0].training_samples(100), 100) << "of its own images all";
  config.grid.train_limit = {0, 100};
  EXPECT_EQ(data_in_use(config).train_limit, 0) << "all are read";
  EXPECT_EQ(expand_grid(config)[0].training_samples(500), 500);
}

TEST(Replica, ScalesAllInitialWeights) {
  const auto network = multilayer_perceptron(6, 2, 5, 3);
  auto replica = expand_grid({})[0];
  const auto plain = replica.initial_weights(network, {});
  EXPECT_EQ(plain, initial_weights(network, replica.seed, Initialisation::plain)) << "bit for bit where the scale is 1";
  replica.initial_scale = 0.25;  // a power of two: the product is exact
  const auto scaled = replica.initial_weights(network, {});
  ASSERT_EQ(scaled.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(4.0F * scaled[i], plain[i]) << i;
}

TEST(Grid, ReplicasOfDifferentInitialScalesTrainApart) {
  Config config;
  config.grid.initial_scale = {0.5, 2.0};
  config.grid.seed = {1, 2};
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 4U);
  EXPECT_EQ(replicas[1].initial_scale, 0.5);
  EXPECT_EQ(replicas[2].initial_scale, 2.0);
  EXPECT_FALSE(same_grid_point(replicas[1], replicas[2]));
  EXPECT_EQ(group_into_units(replicas).size(), 4U);
  const auto table = axis_table(Study::landscape, replicas, AxisRows::replicas);
  EXPECT_EQ(table[0], "      B   alpha     H   L   scale optimiz.         sampling   psi  seed");
  EXPECT_EQ(table[3], "     50     0.1    50   2       2      sgd        reshuffle     4     1");
}

TEST(Replica, BuildsItsNetworkForTheImages) {
  const DatasetShape data{100, 10, {3, 32, 32}, 10};
  auto replica = expand_grid({})[0];
  EXPECT_EQ(replica.network(data).parameters, 3072U * 50 + 50 + 2550 + 510);
  replica.architecture = named_architecture("lenet5");
  EXPECT_EQ(replica.network(data).parameters, 62006U);
}

TEST(Replica, NetworksHaveTheActivationTheLossAndTheClassesOfTheirData) {
  Config config;
  config.grid.activation = {Activation::tanh, Activation::relu};
  config.grid.loss = {Loss::cross_entropy, Loss::square};
  config.train.loss = Loss::square;
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 4U);
  EXPECT_EQ(group_into_units(replicas).size(), 4U);
  const auto network = replicas[1].network({100, 10, {1, 1, 30}, 26, PixelType::singles});
  EXPECT_EQ(network.layers[1].activation, Activation::tanh);
  EXPECT_EQ(network.layers[2].activation, Activation::identity);
  EXPECT_EQ(network.loss, Loss::square);
  EXPECT_EQ(network.classes(), 26);
  EXPECT_EQ(network.input_numbers, PixelType::singles);
  EXPECT_EQ(replicas[2].network({100, 10, {1, 1, 30}, 26}).loss, Loss::cross_entropy);
}

TEST(Replica, AnEpochLeavesOutAnIncompleteMinibatch) {
  Replica replica;
  replica.batch_size = 30;
  EXPECT_EQ(replica.iterations_per_epoch({100, 10, 28, 28}), 3);
}

TEST(Grid, MethodsWithoutNoiseHaveOneStrength) {
  const auto replicas = expand_grid(noise_grid());
  // For both rates: sgd and gd once, isotropic twice; times two seeds.
  ASSERT_EQ(replicas.size(), 16U);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    EXPECT_EQ(replicas[i].id, static_cast<std::int64_t>(i));
    EXPECT_EQ(replicas[i].noise_strength > 0.0, replicas[i].noise_method == NoiseMethod::isotropic);
  }
  EXPECT_EQ(group_into_units(replicas).size(), 16U);
}

TEST(Grid, SgdMayHaveARateOfItsOwn) {
  auto config = noise_grid();
  config.noise.sgd_learning_rate = 0.05;
  const auto replicas = expand_grid(config);
  ASSERT_EQ(replicas.size(), 14U);
  for (const auto& replica : replicas)
    EXPECT_EQ(replica.learning_rate == 0.05, replica.noise_method == NoiseMethod::sgd);
}

TEST(Grid, RefusesMoreReplicasThanCanBeListed) {
  Config config;
  for (int i = 1; i <= 1000; ++i) {
    config.grid.seed.push_back(i);
    config.grid.width.push_back(i);
    config.grid.batch_size.push_back(i);  // 10^9 in all
  }
  EXPECT_EQ(message_of<ConfigError>([&] { (void)expand_grid(config); }),
            "the axes of grid make more than 100000 replicas; take shorter axes, or several runs");
  config.grid.batch_size.resize(10);
  config.grid.width.resize(10);
  EXPECT_EQ(group_into_units(expand_grid(config)).size(), 100000U);
}

TEST(Grid, OtherStudiesKnowNoNoise) {
  auto config = noise_grid();
  config.study = Study::landscape;
  EXPECT_EQ(expand_grid(config).size(), 4U);
}

}  // namespace
}  // namespace flatsweep::grid_test
