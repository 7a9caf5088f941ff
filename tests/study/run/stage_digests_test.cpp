#include "study/run/stage_digests.hpp"

#include "flatsweep/app/config_file.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flatsweep::stage_digests_test {
namespace {

const RunIdentity identity{"", "abc", "", ""};

struct Grid {
  std::vector<WorkUnit> units;
  RunDigests digests;
  explicit Grid(const std::vector<std::string>& assignments, const RunIdentity& of = identity) {
    const auto config = parse_config("[grid]\nseed = [1, 2]\n", "test", assignments);
    units = group_into_units(expand_grid(config));
    digests = stage_digests(config, units, of);
  }
  [[nodiscard]] Digest of(const std::string& stage, std::size_t unit = 0) const {
    return digests(units[unit].id, stage);
  }
};

TEST(StageDigests, TrainingFollowsFromWhatTrainsAndFromThePlaceOnTheAxes) {
  const Grid one({});
  EXPECT_NE(one.of("training", 0), one.of("training", 1));
  for (const auto* other : {"train.momentum=0.5", "window.length_epochs=3", "data.train_limit=100",
                            "train.batch_size=10", "grid.learning_rate=[0.2]", "network.width=10", "study=noise"})
    EXPECT_NE(Grid({other}).of("training"), one.of("training")) << other;
  for (const auto* same :
       {"curvature.enabled=true", "flatness.directions=7", "pca.layers=[\"fc1\"]", "train.seed=9",
        "flatness.psi_assumed=3.0", "run.team_size=2", "data.root=elsewhere", "output.trajectory=true"})
    EXPECT_EQ(Grid({same}).of("training"), one.of("training")) << same;
}

TEST(StageDigests, UnitsAreKnownByTheirPlaceNotTheirNumber) {
  const Grid one({}), grown({"grid.seed=[3, 1, 2]", "grid.batch_size=[10, 50]"});
  EXPECT_EQ(one.of("training", 0), grown.of("training", 4));
  EXPECT_EQ(one.of("flatness-fc2", 1), grown.of("flatness-fc2", 5));
}

TEST(StageDigests, AnAnalysisFollowsFromItsOwnTableAndFromWhatItTakes) {
  struct Case {
    const char *key, *changes, *leaves;
  };
  for (const auto& [key, changes, leaves] :
       {Case{"flatness.tolerance=1e-3", "flatness-fc2", "pca-fc2"},
        Case{"flatness.tolerance=1e-3", "dynamics-fc2", "filters-fc2"},
        Case{"pca.spectrum=leading", "filters-fc2", "network_curvature"},
        Case{"pca.directions=5", "pca-fc2", "flatness-fc2"}, Case{"mlf.pairs=3", "mlf-fc2", "nulls-fc2"},
        Case{"network_curvature.leading=3", "network_curvature", "curvature-fc2"},
        Case{"pca.layers=[\"fc1\"]", "trajectory", "window_start"}}) {
    EXPECT_NE(Grid({key}).of(changes), Grid({}).of(changes)) << key << ' ' << changes;
    EXPECT_EQ(Grid({key}).of(leaves), Grid({}).of(leaves)) << key << ' ' << leaves;
  }
}

TEST(StageDigests, DataAndSolverOptionsAreInAll) {
  const Grid one({});
  for (const auto& other : {RunIdentity{"", "abd", "", ""}, RunIdentity{"", "abc", "-eps_max_it 3", ""}})
    for (const auto* stage : {"training", "pca-fc2", "network_curvature"})
      EXPECT_NE(Grid({}, other).of(stage), one.of(stage));
}

TEST(StageDigests, AComparisonFollowsFromAllReplicas) {
  const auto cross = [](const Grid& run) { return run.digests(cross_unit, "pooled_pca-fc2-000000"); };
  const Grid one({});
  EXPECT_EQ(cross(one), cross(Grid({"curvature.enabled=true"})));
  for (const auto* other : {"grid.seed=[1, 2, 3]", "pooled_pca.fraction=0.5", "train.momentum=0.5"})
    EXPECT_NE(cross(one), cross(Grid({other}))) << other;
}

TEST(StageDigests, OtherStudiesFollowFromEverything) {
  EXPECT_NE(Grid({"study=continual", "flatness.directions=7"}).of("continual"),
            Grid({"study=continual"}).of("continual"));
}

}  // namespace
}  // namespace flatsweep::stage_digests_test
