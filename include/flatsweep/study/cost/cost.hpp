#pragma once

#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// One stage of a unit of work.
struct StageCost {
  enum class Ranks { one, all };  ///< of the team
  std::string name;               ///< as UnitHooks::progress names it; words may follow there
  double seconds = 0.0;           ///< on one rank
  Ranks ranks = Ranks::all;       ///< who does it
};

/// What one unit of work is expected to take.
struct Cost {
  std::vector<StageCost> stages;  ///< in their order
  double bytes = 0.0;             ///< peak memory of a rank, without the node-shared data set
  double result_bytes = 0.0;      ///< of its part of results.h5, for one replica

  [[nodiscard]] double seconds() const;           ///< on one rank
  [[nodiscard]] double one_rank_seconds() const;  ///< of this, what one rank does whatever the size of its team
};

/// This core, measured for a few hundredths of a second. What others do on it does not count.
struct CoreSpeed {
  double rate = 0.0;   ///< GFlop/s of a small product, median of several measurements in CPU time
  double share = 1.0;  ///< CPU time over wall time: 1 where nobody else uses the core
};
[[nodiscard]] CoreSpeed measure_core();

/// CPU time of this process in seconds, since some moment.
[[nodiscard]] double cpu_seconds();

/// What one analysis of the seeds of a grid point is expected to take when all ranks share it.
struct PoolCost {
  double seconds = 0.0;
  double bytes = 0.0;  ///< peak memory of a rank
  double result_bytes = 0.0;
};

/// Bytes of the stored windows of all analysed layers: 4 T N each.
[[nodiscard]] double window_bytes(const Config& config, const Replica& replica, const DatasetShape& data);

/// True when the window is kept in memory, false when it is replayed for every pass.
[[nodiscard]] bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data);

}  // namespace flatsweep
