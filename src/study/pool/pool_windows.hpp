#pragma once

#include "flatsweep/analysis/pooled_pca.hpp"
#include "flatsweep/study/unit/unit_context.hpp"
#include "study/unit/training_stage.hpp"

#include <deque>
#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

/// The finished replicas of one grid point, by the numbers of their units.
struct PoolPoint {
  std::int64_t number = 0;  ///< of the grid point, as in the tables of /summary
  std::vector<std::size_t> units;
};

/// Grid points with at least two finished seeds.
/// @param finished for every unit, whether it is done
[[nodiscard]] std::vector<PoolPoint> pool_points(const std::vector<WorkUnit>& units, const std::vector<bool>& finished);

/// The windows of one layer of one grid point's replicas. Owners keep snapshots in memory up to the budget and train
/// the other windows again, from their start, for every pass.
class PoolWindows {
 public:
  /// @param layer number of the layer in config.pca.layers   @note Collective over `comm`.  @throws IoError, agreed
  PoolWindows(const Communicator& comm, const Config& config, const ImageDataset& data,
              const std::vector<WorkUnit>& units, const PoolPoint& point, std::size_t layer, const WorkFiles& work);

  [[nodiscard]] const std::vector<PoolMember>& members() const { return members_; }

 private:
  void read_mean(const UnitFolder& folder, const std::string& layer);
  void keep_if_room(SnapshotSource& source);

  std::deque<UnitFolder> folders_;
  std::deque<UnitData> data_;
  std::deque<UnitContext> contexts_;  // a replayed window refers to its own
  UnitHooks no_hooks_;
  std::vector<PoolMember> members_;
  double room_ = 0.0;  // bytes left of the budget
};

}  // namespace flatsweep
