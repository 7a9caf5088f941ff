#include "flatsweep/study/run/extension.hpp"

#include "flatsweep/app/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flatsweep::extension_test {
namespace {

using testing::HasSubstr;

using Assignments = std::vector<std::string>;

Config run(const Assignments& assignments) {
  return parse_config("[grid]\nseed = [1, 2]\n[mlf]\nenabled = false\n", "test", assignments);
}

TEST(Extension, AnalysesLayersDirectionsAndReplicasAreAdded) {
  for (const auto* more :
       {"mlf.enabled=true", "pca.layers=[\"fc1\", \"fc2\"]", "pca.directions=7", "flatness.directions=7",
        "grid.seed=[5, 2, 1]", "grid.batch_size=[20, 50]", "grid.optimizer=[\"sgd\", \"momentum\"]",
        "flatness.psi_assumed=3.0", "grid.psi_assumed=[3.0, 4.0]", "output.trajectory=true", "pooled_pca.enabled=true",
        "run.team_size=3", "data.root=elsewhere"})
    EXPECT_EQ(obstacle_to_adding(run({}), run({more})), "") << more;
}

TEST(Extension, WhatTrainsOrWouldBeLostIsNamed) {
  struct Case {
    Assignments before, now;
    const char* said;
  };
  for (const auto& [before, now, said] :
       {Case{{}, {"train.momentum=0.5"}, "train.momentum was 0.9 and would be 0.5"},
        Case{{}, {"train.batch_size=10"}, "train.batch_size: the results have replicas with 50"},
        Case{{"grid.batch_size=[10, 20]"}, {"grid.batch_size=[20, 30]"}, "grid.batch_size = [10, 20, 30]"},
        Case{{}, {"grid.seed=[2]"}, "grid.seed: the results have replicas with 1"},
        Case{{}, {"train.optimizer=momentum"}, "grid.optimizer = [\"sgd\", \"momentum\"]"},
        Case{{}, {"network.architecture=lenet5"}, "network.architecture was"},
        Case{{}, {"pca.layers=[\"fc1\"]"}, "pca.layers: fc2 is in the results"},
        Case{{}, {"dynamics.enabled=false"}, "dynamics.enabled: dynamics-fc2 is in the results"},
        Case{{"network_curvature.enabled=true"}, {}, "network_curvature.enabled is in the results"},
        Case{{"output.trajectory=true"}, {}, "output.trajectory is in the results"},
        Case{{"pooled_pca.enabled=true"}, {}, "pooled_pca.enabled: pooled_pca-fc2"},
        Case{{"grid.train_limit=[60]"},
             {"grid.train_limit=[60, 100]"},
             "grid.train_limit: the run has read 60 training"},
        Case{{"data.train_limit=60"}, {"data.train_limit=60", "grid.train_limit=[60, 0]"}, "and all would be another"},
        Case{{"data.train_limit=60"}, {"data.train_limit=100"}, "data.train_limit: the results have replicas with 60"},
        Case{{"study=noise"}, {"study=noise", "noise.modes=7"}, "noise.modes was"},
        Case{{}, {"study=noise"}, "study was \"landscape\""}})
    EXPECT_THAT(obstacle_to_adding(run(before), run(now)), HasSubstr(said));
}

// Rates that follow from temperatures are not combined with every batch size: 0.01 and 0.02 here.
TEST(Extension, TemperaturesThatLoseAReplicaAreNamed) {
  const auto batches = [](const char* key) { return run({"grid.batch_size=[10, 20]", key}); };
  const auto before = batches("grid.temperature=[0.001]");
  EXPECT_EQ(obstacle_to_adding(before, batches("grid.temperature=[0.002, 0.001]")), "");
  EXPECT_EQ(obstacle_to_adding(before, batches("grid.learning_rate=[0.01, 0.02]")), "");
  EXPECT_EQ(
      obstacle_to_adding(before, batches("grid.temperature=[0.002, 0.0005]")),
      "grid.temperature: the results have a replica with batch_size = 10, learning_rate = 0.01, seed = 1, which is "
      "not asked for any more; replicas are added beside them, with grid.temperature = [0.001, 0.002, 0.0005]")
      << "although each of its values is";
  EXPECT_THAT(obstacle_to_adding(before, batches("grid.temperature=[0.002]")), HasSubstr("[0.001, 0.002]"));
  EXPECT_THAT(obstacle_to_adding(batches("grid.learning_rate=[0.01, 0.02]"), before),
              HasSubstr("learning_rate = 0.02, seed = 1, which is not asked for any more; list rates in "
                        "grid.learning_rate, as the run did"));
}

TEST(Extension, NumbersStayWhereReplicasComeBehindTheOthers) {
  EXPECT_TRUE(keeps_numbers(run({}), run({"grid.seed=[1, 2, 3]", "mlf.enabled=true"})));
  EXPECT_TRUE(keeps_numbers(run({}), run({"grid.batch_size=[50, 20]"})));
  EXPECT_FALSE(keeps_numbers(run({}), run({"grid.seed=[0, 1, 2]"})));
  EXPECT_FALSE(
      keeps_numbers(run({"grid.batch_size=[50, 20]"}), run({"grid.batch_size=[50, 20]", "grid.seed=[1, 2, 3]"})));
  EXPECT_FALSE(keeps_numbers(run({}), run({"grid.seed=[1]"})));
}

}  // namespace
}  // namespace flatsweep::extension_test
