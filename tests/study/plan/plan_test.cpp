#include "flatsweep/study/plan/plan.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/study/studies/studies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace flatsweep::plan_test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

constexpr double rate = 100.0;  // GFlop/s of an imagined core

Config sample_config() {
  Config config;
  config.data.name = "mnist-sample";
  config.data.root = FLATSWEEP_SOURCE_DIR "/data";
  return config;
}

Cost estimate_cost(const Config& config, const Replica& replica, const DatasetShape& data, double speed) {
  return study_of(config).estimate(config, replica, data, speed);
}

/// Of the stages with this name, of all layers.
double seconds_of(const Cost& cost, const std::string& name) {
  double seconds = 0.0;
  for (const auto& stage : cost.stages) seconds += stage.name.starts_with(name) ? stage.seconds : 0.0;
  return seconds;
}

void expect_refused(const std::function<void(Config&)>& change, const std::string& message) {
  auto config = sample_config();
  change(config);
  EXPECT_THAT([&] { (void)make_plan(config, 1, rate); }, testing::ThrowsMessage<ConfigError>(message));
}

TEST(Plan, KnowsTheDataFromItsHeaders) {
  auto config = sample_config();
  config.data.train_limit = 1234;
  const auto plan = make_plan(config, 1, rate);
  EXPECT_EQ(plan.data.train_count, 1234);
  EXPECT_EQ(plan.data.test_count, 2000);
  EXPECT_EQ(plan.data.features(), 784);
}

// Equal replicas: the last team to finish has ceil(replicas / teams) of them.
TEST(Plan, SaysHowLongTeamsWaitForTheLast) {
  auto config = sample_config();
  config.grid.seed = {1, 2, 3};
  const auto one = make_plan(config, 1, rate), two = make_plan(config, 2, rate), three = make_plan(config, 3, rate);
  EXPECT_DOUBLE_EQ(one.idle, 0.0);
  EXPECT_NEAR(two.idle, 0.25, 1e-12);
  EXPECT_NEAR(three.idle, 0.0, 1e-12);
  EXPECT_NEAR(two.seconds, one.seconds * 2 / 3, 1e-9 * one.seconds);
  EXPECT_THAT(describe_plan(config, two),
              testing::Contains(HasSubstr("idle for 25 % of the time; the costliest takes ")));
}

// Unequal replicas: the size that is suggested is the best of all, tried one by one.
TEST(Plan, SuggestsTheQuickestTeamSize) {
  auto config = sample_config();
  config.grid.batch_size = {10, 50, 250};
  config.grid.seed = {1, 2};
  const int ranks = 7;
  const auto plan = make_plan(config, ranks, rate);
  std::vector<double> seconds;
  for (int size = 1; size <= ranks; ++size) {
    config.run.team_size = size;
    seconds.push_back(make_plan(config, ranks, rate).seconds);
  }
  const auto least = std::ranges::min_element(seconds);
  EXPECT_EQ(plan.quickest_team_size, 1 + (least - seconds.begin()));
  EXPECT_DOUBLE_EQ(plan.quickest_seconds, *least);
  EXPECT_LT(plan.quickest_seconds, 0.8 * plan.seconds);
  EXPECT_THAT(describe_plan(config, plan),
              testing::Contains(
                  HasSubstr("run.team_size = " + std::to_string(plan.quickest_team_size) + " is expected to take ")));
}

TEST(Plan, CountsThePooledPcaOfSeveralSeeds) {
  auto config = sample_config();
  config.grid.seed = {1, 2};
  const auto alone = make_plan(config, 1, rate);
  config.pooled_pca.enabled = true;
  const auto pooled = make_plan(config, 1, rate);
  EXPECT_GT(pooled.seconds, alone.seconds);
  EXPECT_DOUBLE_EQ(pooled.quickest_seconds, pooled.seconds) << "one rank has no other team size";
  EXPECT_EQ(pooled.output_bytes - alone.output_bytes, 10.0 * 2500.0 * 8.0);  // ten directions of 50 x 50 weights
  config.grid.seed = {1};
  EXPECT_EQ(make_plan(config, 1, rate).seconds, make_plan(sample_config(), 1, rate).seconds);
}

// Each is a window's training, without the evaluations that epochs of a run have, and a PCA.
TEST(Plan, CountsTheWindowsThatBeginAtEpochs) {
  auto config = sample_config();
  config.at_epochs.epochs = {0, 5, 80};
  config.flatness_at_epochs.enabled = true;
  const auto plan = make_plan(config, 1, rate);
  const auto cost = [&](PrincipalDirections along) {
    config.flatness_at_epochs.along = along;
    return estimate_cost(config, expand_grid(config).front(), plan.data, rate);
  };
  const auto name = "flatness_at_epochs";
  const auto final_ones = cost(PrincipalDirections::final_ones), local_ones = cost(PrincipalDirections::local_ones);
  const auto both = cost(PrincipalDirections::both);
  const double windows = seconds_of(local_ones, name) - seconds_of(final_ones, name);
  const double pca = seconds_of(both, "pca"), epochs = 10.0 / 90.0 * seconds_of(both, "training");
  EXPECT_GT(windows, 3.0 * (pca + 0.5 * epochs));
  EXPECT_LT(windows, 3.0 * (pca + epochs));
  EXPECT_NEAR(seconds_of(both, name), seconds_of(local_ones, name) + seconds_of(final_ones, name), 1e-9 * windows);
  EXPECT_GT(local_ones.result_bytes - final_ones.result_bytes, 3.0 * 40.0 * 2500.0 * 8.0);
  EXPECT_GT(local_ones.bytes, final_ones.bytes);
}

TEST(Plan, ALeadingSpectrumOfAWideLayerTakesLess) {
  auto config = sample_config();
  config.network.width = 150;
  config.train.batch_size = 10;  // T = 10,000 snapshots of 22,500 weights
  config.flatness.enabled = config.first_mode.enabled = config.dynamics.enabled = config.mlf.enabled =
      config.nulls.enabled = false;
  const auto all = make_plan(config, 1, rate);
  config.pca.spectrum = Spectrum::leading;
  const auto leading = make_plan(config, 1, rate);
  EXPECT_LT(leading.seconds, 0.5 * all.seconds);
  EXPECT_LT(leading.bytes_per_rank, all.bytes_per_rank);
}

TEST(Plan, RefusesABatchLargerThanTheSet) {
  expect_refused([](Config& c) { c.train.batch_size = 10001; },
                 "batch_size = 10001 is larger than the training set of 10000 samples; use 10000 or less");
  expect_refused(
      [](Config& c) {
        c.data.train_limit = 100;
        c.grid.batch_size = {50, 200};
      },
      "batch_size = 200 is larger than the training set of 100 samples; use 100 or less");
}

TEST(Plan, RefusesALayerThatTheNetworkLacks) {
  expect_refused([](Config& c) { c.pca.layers = {"fc4"}; },
                 "there is no layer 'fc4' in this network; it has fc1, fc2, fc3");
  expect_refused(
      [](Config& c) {
        c.pca.layers = {"fc3"};
        c.grid.hidden_layers = {2, 1};
      },
      "there is no layer 'fc3' in this network; it has fc1, fc2");
}

TEST(Plan, RefusesALayerThatAConvolutionNetworkLacks) {
  expect_refused([](Config& c) { c.network.architecture = named_architecture("cnn-s1b"); },
                 "there is no layer 'fc2' in this network; it has conv1, conv2, fc1");
}

TEST(Plan, RefusesAnArchitectureThatDoesNotFitTheImages) {
  expect_refused(
      [](Config& c) {
        c.network.architecture = {"custom", {parse_layer_spec("conv 4 kernel 27"), parse_layer_spec("pool 3")}};
      },
      "network.architecture with images of 28 x 28: \"pool 3\" does not fit its input of 2 x 2; take a smaller side");
  expect_refused(
      [](Config& c) {
        c.grid.width = {50, 65536};
      },
      "network.width with images of 28 x 28: layer fc2 would have 4294967296 weights, more than 2147483647; "
      "take fewer channels or units");
}

TEST(Plan, RefusesAWindowTooShortForPca) {
  expect_refused(
      [](Config& c) {
        c.train.batch_size = 10000;
        c.window.epochs = 2;
      },
      "window.length_epochs = 2 with batch_size = 10000 gives 2 snapshots; PCA needs 3 or more, make the window "
      "longer");
}

TEST(Plan, RefusesATrajectoryThatDoesNotFitTheMemory) {
  expect_refused(
      [](Config& c) {
        c.output.trajectory = true;
        c.run.memory_per_rank = 0.001;
      },
      "output.trajectory needs the window in memory: 19 MiB, run.memory_per_rank allows 0.001 GiB; raise it");
}

TEST(Plan, RefusesMoreImagesThanThereAre) {
  expect_refused(
      [](Config& c) {
        c.grid.train_limit = {500, 10000, 0};
      },
      "grid.train_limit: 0 and 10000 are the same, all training images; remove one");
  expect_refused([](Config& c) { c.data.train_limit = 20000; },
                 "data.train_limit = 20000 is more than the 10000 images of " FLATSWEEP_SOURCE_DIR
                 "/data/mnist-sample/train-images-idx3-ubyte.gz");
}

TEST(Plan, FormsTeamsWhereReplicasAreFewerThanRanks) {
  auto config = sample_config();
  config.grid.seed = {1, 2, 3};
  EXPECT_EQ(make_plan(config, 1, rate).team_size, 1);
  EXPECT_EQ(make_plan(config, 3, rate).teams, 3);
  EXPECT_EQ(make_plan(config, 7, rate).team_size, 2);
  EXPECT_EQ(make_plan(config, 7, rate).teams, 3);
  config.run.team_size = 4;
  EXPECT_EQ(make_plan(config, 8, rate).teams, 2);
  EXPECT_EQ(make_plan(config, 2, rate).team_size, 2) << "a team has no more ranks than there are";
}

TEST(Plan, EveryReplicaKnowsItsUnit) {
  auto config = sample_config();
  config.grid.psi = {3.0, 4.0};
  config.grid.seed = {1, 2};
  const auto plan = make_plan(config, 1, rate);
  EXPECT_EQ(plan.units.size(), 2U);
  EXPECT_THAT(plan.unit_of, ElementsAre(0, 1, 0, 1));
}

TEST(Plan, MoreRanksAreNeverExpectedToTakeLonger) {
  auto config = sample_config();
  config.grid.batch_size = {10, 50, 500};
  config.grid.width = {20, 50};
  double before = make_plan(config, 1, rate).seconds;
  for (int ranks = 2; ranks <= 40; ++ranks) {
    const double now = make_plan(config, ranks, rate).seconds;
    EXPECT_LE(now, before) << ranks;
    before = now;
  }
}

TEST(Plan, OneRankTakesTheSumOfAllUnits) {
  auto config = sample_config();
  config.grid.width = {20, 50};
  const auto plan = make_plan(config, 1, rate);
  EXPECT_DOUBLE_EQ(plan.seconds, plan.units[0].cost + plan.units[1].cost);
  EXPECT_LT(plan.units[0].cost, plan.units[1].cost) << "the wider network costs more";
}

TEST(Plan, IsDescribedWithEveryReplicaOfASmallGrid) {
  auto config = sample_config();
  config.grid.psi = {3.0, 4.0};
  const auto lines = describe_plan(config, make_plan(config, 2, rate));
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_THAT(lines[0], HasSubstr("mnist-sample: 10000 training and 2000 test images of 28 x 28"));
  EXPECT_EQ(lines[1], "network   mlp: 784 inputs, L hidden layers of H units, 10 classes");
  EXPECT_THAT(lines[2], HasSubstr("2 replicas, 1 to train; 2 ranks in 1 team of 2"));
  EXPECT_THAT(lines[5], HasSubstr("000000"));
  EXPECT_THAT(lines[6], HasSubstr("shared"));
}

TEST(Plan, NamesTheChannelsOfColourImages) {
  const auto config = sample_config();
  auto plan = make_plan(config, 1, rate);
  plan.data.image = {3, 32, 24};
  EXPECT_THAT(describe_plan(config, plan)[0], EndsWith("test images of 32 x 24, 3 channels"));
}

TEST(Plan, ALongGridIsDescribedInShort) {
  auto config = sample_config();
  for (int seed = 0; seed < 100; ++seed) config.grid.seed.push_back(seed);
  const auto lines = describe_plan(config, make_plan(config, 2, rate));
  EXPECT_EQ(lines.size(), 20U);
  EXPECT_THAT(lines[18], HasSubstr("87 more"));
  EXPECT_THAT(lines[19], HasSubstr("000099"));
}

TEST(Plan, DescribesTheLayersOfAConvolutionNetworkOnceAndNoWidthAndDepth) {
  auto config = sample_config();
  config.network.architecture = named_architecture("cnn-s1b");
  config.pca.layers = {"conv2"};
  const auto lines = describe_plan(config, make_plan(config, 1, rate));
  EXPECT_EQ(lines[1],
            "network   cnn-s1b: conv1 16x1x3x3 pool 2, conv2 32x16x5x5 pool 2, fc1 10x1568; 28682 parameters");
  EXPECT_THAT(lines[5], testing::ContainsRegex(" 50 +0.1 +- +- +sgd "));
}

TEST(Cost, TheWindowTakesFourBytesPerWeightAndIteration) {
  const auto config = sample_config();
  const auto replica = expand_grid(config)[0];
  const DatasetShape data{10000, 2000, {1, 28, 28}, 10};
  EXPECT_DOUBLE_EQ(window_bytes(config, replica, data), 4.0 * 2000 * 2500);
  EXPECT_TRUE(window_fits(config, replica, data));
}

TEST(Cost, GrowsWithTheWorkAndFallsWithTheRate) {
  auto config = sample_config();
  const auto replica = expand_grid(config)[0];
  const DatasetShape data{10000, 2000, {1, 28, 28}, 10};
  const auto cost = estimate_cost(config, replica, data, rate);
  EXPECT_GT(seconds_of(cost, "training"), 0.0);
  EXPECT_GT(seconds_of(cost, "pca"), 0.0);
  EXPECT_GT(cost.bytes, window_bytes(config, replica, data));
  EXPECT_LT(estimate_cost(config, replica, data, 2.0 * rate).seconds(), cost.seconds());
  config.flatness.directions = 10;
  EXPECT_LT(seconds_of(estimate_cost(config, replica, data, rate), "flatness"), seconds_of(cost, "flatness"));
  config.flatness.enabled = false;
  EXPECT_EQ(seconds_of(estimate_cost(config, replica, data, rate), "flatness"), 0.0);
}

TEST(Cost, AConvolutionIsPaidForAtEveryPlace) {
  auto config = sample_config();
  config.network.architecture = named_architecture("cnn-s1b");
  config.pca.layers = {"conv1"};
  const auto replica = expand_grid(config)[0];
  const auto small = estimate_cost(config, replica, {10000, 2000, {1, 28, 28}, 10}, rate);
  const auto large = estimate_cost(config, replica, {10000, 2000, {1, 56, 56}, 10}, rate);
  EXPECT_NEAR(seconds_of(large, "training") / seconds_of(small, "training"), 4.0, 1e-6);
  EXPECT_EQ(seconds_of(large, "pca"), seconds_of(small, "pca")) << "the layer's weights are as many";
  // All but the softmax grows with the places.
  EXPECT_NEAR(seconds_of(large, "flatness") / seconds_of(small, "flatness"), 4.0, 0.01);
}

TEST(Cost, FlatnessOfALaterConvolutionKeepsItsInputOfAllSamples) {
  auto config = sample_config();
  config.network.architecture = named_architecture("cnn-s1b");
  const DatasetShape data{60000, 10000, {1, 28, 28}, 10};
  const auto replica = expand_grid(config)[0];
  const auto bytes = [&](const char* layer) {
    config.pca.layers = {layer};
    config.run.memory_per_rank = 1e-6;
    return estimate_cost(config, replica, data, rate).bytes;
  };
  // 16 channels of 14 x 14, with two zeros on either side of a row and one place behind it.
  EXPECT_GT(bytes("conv2"), 4.0 * 60000 * 16 * 14 * (14 + 4 + 1));
  EXPECT_LT(bytes("conv1"), 1e8) << "images are there as bytes already";
}

TEST(Cost, AWindowBeyondTheBudgetIsNotCounted) {
  auto config = sample_config();
  const auto replica = expand_grid(config)[0];
  const DatasetShape data{10000, 2000, {1, 28, 28}, 10};
  const double kept = estimate_cost(config, replica, data, rate).bytes;
  config.run.memory_per_rank = 1e-6;
  EXPECT_FALSE(window_fits(config, replica, data));
  EXPECT_DOUBLE_EQ(estimate_cost(config, replica, data, rate).bytes, kept - window_bytes(config, replica, data));
}

TEST(Cost, TheMeasuredRateIsPlausible) {
  const auto measured = measure_core();
  EXPECT_GT(measured.rate, 0.05);
  EXPECT_LT(measured.rate, 5000.0);
  EXPECT_GT(measured.share, 0.0);
  EXPECT_LE(measured.share, 1.0);
}

TEST(Plan, TakesTrainingAsItWasMeasured) {
  auto config = sample_config();
  config.grid.seed = {1, 2};
  auto plan = make_plan(config, 1, rate);
  const auto before = plan;
  refine(plan, {1.0, 3.0});
  EXPECT_DOUBLE_EQ(plan.units[0].cost, before.units[0].cost);
  EXPECT_DOUBLE_EQ(plan.units[1].cost, before.units[1].cost + 2.0 * before.units[1].training_cost);
  EXPECT_DOUBLE_EQ(plan.seconds, plan.units[0].cost + plan.units[1].cost);
}

TEST(Plan, OfAResumedRunExpectsWhatIsLeft) {
  auto config = sample_config();
  config.grid.seed = {1, 2, 3};
  auto plan = make_plan(config, 1, rate);
  const double each = plan.units[0].cost;
  leave_out_finished(plan, {true, false, true});
  EXPECT_DOUBLE_EQ(plan.seconds, each);
  EXPECT_THAT(describe_plan(config, plan)[2], HasSubstr("3 to train, 2 of them finished before;"));
  leave_out_finished(plan, {true, true, true});
  EXPECT_EQ(plan.seconds, 0.0);
}

TEST(Plan, SaysThatABusyMachineIsNoIdleOne) {
  const auto config = sample_config();
  auto plan = make_plan(config, 1, rate);
  EXPECT_THAT(describe_plan(config, plan), testing::Not(testing::Contains(HasSubstr("busy"))));
  plan.core_share = 0.4;
  EXPECT_THAT(describe_plan(config, plan), testing::Contains(HasSubstr("busy, a core gave 40 % of its time")));
}

TEST(Plan, MeasuredTrainingIsThatOfTheTrainer) {
  auto config = sample_config();
  config.data.train_limit = 2000;
  config.grid.batch_size = {10, 200};
  const auto plan = make_plan(config, 1, rate);
  const ImageDataset data(Communicator::self(), config.data);
  const auto factors = measure_training(config, plan, data, rate);
  ASSERT_EQ(factors.size(), 2U);
  EXPECT_GT(factors[0], factors[1]) << "small minibatches take longer for every sample";
  EXPECT_GT(factors[1], 0.0);
}

TEST(Plan, OfTheNoiseStudyNamesMethodAndStrength) {
  auto config = sample_config();
  config.study = Study::noise;
  config.grid.noise_method = {NoiseMethod::gradient_descent, NoiseMethod::isotropic};
  config.noise.strength = 2.5;
  const auto lines = describe_plan(config, make_plan(config, 1, rate));
  EXPECT_THAT(lines[4], testing::ContainsRegex("method +sigma_n"));
  EXPECT_THAT(lines[5], testing::ContainsRegex(" gd +0 "));
  EXPECT_THAT(lines[6], testing::ContainsRegex(" isotropic +2.5 "));
}

TEST(Cost, OfContinualLearningGrowsWithItsPoints) {
  auto config = sample_config();
  config.study = Study::continual;
  const auto replica = expand_grid(config)[0];
  const DatasetShape data{10000, 2000, {1, 28, 28}, 10};
  const auto seconds = [&] { return estimate_cost(config, replica, data, rate).seconds(); };
  const double few = seconds();
  config.continual.strength.push_back(1e6);
  const double more = seconds();
  EXPECT_GT(more, few);
  config.continual.held = {"analysed", "fc2"};
  EXPECT_GT(seconds(), more);
  config.continual.held = {"analysed"};
  config.continual.trained = {"all"};
  EXPECT_GT(seconds(), more) << "the first layer is the largest";
  config.continual.tasks = {{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}};
  EXPECT_GT(seconds(), 2.0 * more);
}

TEST(Cost, OfNoiseGrowsWithRenewals) {
  auto config = sample_config();
  config.study = Study::noise;
  config.grid.noise_method = {NoiseMethod::gradient_descent, NoiseMethod::isotropic};
  const auto replicas = expand_grid(config);
  const DatasetShape data{10000, 2000, {1, 28, 28}, 10};
  const auto plain = estimate_cost(config, replicas[0], data, rate);
  const auto noisy = estimate_cost(config, replicas[1], data, rate);
  EXPECT_GT(noisy.seconds(), plain.seconds());
  config.noise.renew_epochs = 10;
  EXPECT_GT(estimate_cost(config, replicas[1], data, rate).seconds(), noisy.seconds());
  EXPECT_DOUBLE_EQ(estimate_cost(config, replicas[0], data, rate).seconds(), plain.seconds());
}

TEST(Plan, OfASliceDrawsEveryNthUnit) {
  auto config = sample_config();
  config.grid.seed = {1, 2, 3, 4, 5};
  const auto whole = make_plan(config, 1, rate);
  EXPECT_THAT(whole.drawn, ElementsAre(0, 1, 2, 3, 4));
  const auto slice = make_plan(config, 1, rate, {1, 3});
  EXPECT_THAT(slice.drawn, ElementsAre(1, 4));
  EXPECT_EQ(slice.units.size(), 5U) << "the others stand in the plan all the same";
  EXPECT_NEAR(slice.seconds, 0.4 * whole.seconds, 1e-9 * whole.seconds);
  EXPECT_NEAR(slice.output_bytes, 0.4 * whole.output_bytes, 1e-9 * whole.output_bytes);
  EXPECT_EQ(make_plan(config, 4, rate, {1, 3}).team_size, 2) << "two units for four ranks";
  const auto lines = describe_plan(config, slice);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("5 replicas, 5 to train, 2 of them in slice 1/3; 1 rank")));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("other slice")).Times(3));
}

TEST(Plan, SlicesHoldEveryUnitOnce) {
  auto config = sample_config();
  config.grid.seed = {1, 2, 3, 4, 5, 6, 7};
  config.grid.psi = {3.0, 4.0};  // psi shares its training: still seven units
  std::vector<std::size_t> all;
  for (const std::int64_t index : {0, 1, 2}) {
    const auto drawn = make_plan(config, 1, rate, {index, 3}).drawn;
    all.insert(all.end(), drawn.begin(), drawn.end());
  }
  EXPECT_THAT(all, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(Slices, RefuseAPooledPca) {
  Config config;
  config.pooled_pca.enabled = true;
  EXPECT_THAT(
      [&] {
        (void)make_plan(config, 1, 100.0, {0, 2});
      },
      testing::ThrowsMessage<ConfigError>(HasSubstr("set pooled_pca.enabled = false")));
}

TEST(Plan, RefusesASliceWithoutWork) {
  EXPECT_THAT(
      [] {
        (void)make_plan(sample_config(), 1, rate, {1, 2});
      },
      testing::ThrowsMessage<ConfigError>(
          "--slice 1/2: the grid has 1 replica to train, so that this slice is empty; cut it into 1 or fewer"));
}

}  // namespace
}  // namespace flatsweep::plan_test
