#pragma once

#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/pool/cross_replica.hpp"
#include "pool_windows.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// The seeds of one grid point and one layer of them, as what compares them sees it.
struct CrossRun {
  const Communicator& comm;
  const CrossReplicaContext& context;
  const PoolPoint& point;            ///< without the seeds that lack what the analysis needs
  std::size_t layer;                 ///< number in config.pca.layers
  std::function<void()> checkpoint;  ///< reports progress, throws Stopped, agreed

  [[nodiscard]] const std::string& layer_name() const { return context.config.pca.layers[layer]; }
  [[nodiscard]] const WorkUnit& unit(std::size_t member) const { return context.units[point.units[member]]; }
};

/// One row of the table of analyses that compare the seeds of a grid point, layer by layer. It leaves the file
/// <name>-<layer>-<point>.h5 with the group <name>/<layer>/<point> of /summary.
struct CrossAnalysis {
  std::string name;
  std::string needs;  ///< the analysis of one solution that a seed must have to take part
  bool (*enabled)(const Config& config) = nullptr;
  /// @param replica any of the grid point   @param seeds its replicas   @param rate as from `measure_core`
  PoolCost (*estimate)(const Config& config, const Replica& replica, const DatasetShape& data, std::int64_t seeds,
                       int ranks, double rate) = nullptr;
  /// Of two seeds or more.   @return the contents of its group, on the root rank
  /// @note Collective over the communicator.  @throws SolverError, Stopped, IoError, agreed
  Group (*run)(const CrossRun& run) = nullptr;
};

/// The table.
[[nodiscard]] std::span<const CrossAnalysis> cross_analyses();
[[nodiscard]] std::vector<const CrossAnalysis*> enabled_cross_analyses(const Config& config);

}  // namespace flatsweep
