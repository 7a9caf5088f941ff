#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/landscape/landscape.hpp"

#include <filesystem>
#include <vector>

namespace flatsweep {

/// Everything that the comparison of replicas needs.
struct CrossReplicaContext {
  const Config& config;
  const ImageDataset& data;
  const std::vector<WorkUnit>& units;
  const WorkFiles& work;
  const UnitHooks& hooks;
};

/// What compares finished replicas and is more than a table: pooled PCA of each grid point's seeds. Each part leaves a
/// durable file in OUTPUT/work/cross and is skipped when that file is there. All ranks share it; with more ranks than
/// seeds, several grid points are analysed at a time.
/// One that fails leaves a hole and is reported.
/// @note Collective over `world`.  @throws Stopped, IoError, agreed
void compare_replicas(const Communicator& world, const CrossReplicaContext& context);

/// The files that it left, each with the contents of /summary.
[[nodiscard]] std::vector<std::filesystem::path> cross_replica_files(const Config& config,
                                                                     const std::vector<WorkUnit>& units,
                                                                     const std::vector<bool>& finished,
                                                                     const WorkFiles& work);

}  // namespace flatsweep
