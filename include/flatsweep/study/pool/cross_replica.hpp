#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/unit/unit_context.hpp"

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

/// Makes the analyses of the seeds of each grid point that the configuration asks for. Each leaves a durable file for
/// every grid point and layer in OUTPUT/work/cross and is skipped when that file is there. All ranks share the work;
/// with more ranks than seeds, several grid points are analysed at a time. One that fails leaves a hole and is
/// reported.
/// @note Collective over `world`.  @throws Stopped, IoError, agreed
void compare_replicas(const Communicator& world, const CrossReplicaContext& context);

/// Whether it has anything to do. Units then keep what their windows are gone through again from.
[[nodiscard]] bool compares_replicas(const Config& config);

/// A comparison needs the windows of all seeds, and merging slices trains nothing.  @throws ConfigError
void check_slice(const Config& config, const Slice& slice);

/// What it is expected to take, one analysis and grid point after another.
[[nodiscard]] std::vector<PoolCost> estimate_comparison(const Config& config, const std::vector<WorkUnit>& units,
                                                        const DatasetShape& data, int ranks, double rate);

/// The files that it left, each with the contents of /summary.
[[nodiscard]] std::vector<std::filesystem::path> cross_replica_files(const Config& config,
                                                                     const std::vector<WorkUnit>& units,
                                                                     const std::vector<bool>& finished,
                                                                     const WorkFiles& work);

}  // namespace flatsweep
