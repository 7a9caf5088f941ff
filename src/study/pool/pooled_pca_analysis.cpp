#include "cross_analysis.hpp"
#include "flatsweep/analysis/subspace_overlap.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/par/agreement.hpp"
#include "pooled_pca_cost.hpp"
#include "pooled_pca_tree.hpp"
#include "study/store/stage_files.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr Index most_compared = 200;  // directions in an overlap

/// Leading directions of a replica's own PCA, columns, as many as results.h5 keeps but not endlessly many.
Eigen::MatrixXd own_directions(const WorkFiles& work, const WorkUnit& unit, const std::string& layer) {
  const auto pca = read_analysis(work.unit(unit.id), "pca", layer);
  const auto& directions = pca.dataset("directions");
  const auto count = std::min<Index>(directions.shape_of(2)[0], most_compared);
  return Eigen::Map<const Eigen::MatrixXd>(directions.values<double>().data(), directions.shape[1], count);
}

/// Of the seeds' own leading directions. Serial.
SeedOverlaps compare_directions(const CrossRun& run) {
  std::vector<Eigen::MatrixXd> directions;
  for (std::size_t i = 0; i < run.point.units.size(); ++i) {
    directions.push_back(own_directions(run.context.work, run.unit(i), run.layer_name()));
    if (directions.back().rows() != directions.front().rows())
      throw DamagedFile("the directions of the seeds differ in length");
  }
  return seed_overlaps(directions);
}

Group pooled_pca_run(const CrossRun& run) {
  const auto& config = run.context.config;
  const PoolWindows windows(run.comm, config, run.context.data, run.context.units, run.point, run.layer,
                            run.context.work);
  const auto pca = pooled_principal_components(run.comm, windows.members(), config.pooled_pca, run.checkpoint);
  std::vector<std::int64_t> seeds;
  for (std::size_t i = 0; i < run.point.units.size(); ++i) seeds.push_back(run.unit(i).replica.seed);
  Group group;
  on_root(run.comm, [&] {
    group = pooled_pca_tree(run.unit(0).replica, seeds, pca, compare_directions(run), config.pooled_pca.fraction);
  });
  return group;
}

}  // namespace

CrossAnalysis pooled_pca_analysis() {
  return {.name = "pooled_pca",
          .needs = "pca",
          .enabled = [](const Config& config) { return config.pooled_pca.enabled; },
          .estimate = estimate_pooled_pca,
          .run = pooled_pca_run};
}

}  // namespace flatsweep
