#pragma once

#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// What the file of a stage of a unit belongs to: data, solver options, what trains the unit, and of what its analyses
/// are told what the stage follows from. So a unit is known by its values on the axes, not by its number, and a stage
/// stays what it is when other analyses or replicas are asked for.
/// @param identity  its configuration is not used
[[nodiscard]] RunDigests stage_digests(const Config& config, const std::vector<WorkUnit>& units,
                                       const RunIdentity& identity);

/// Whether training follows from a key of the configuration that is no axis.
[[nodiscard]] bool trains(const Config& config, const std::string& table);

}  // namespace flatsweep
