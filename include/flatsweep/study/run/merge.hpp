#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/output_folder.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <filesystem>
#include <vector>

namespace flatsweep {

/// Leaves word in the folder of a slice of what it is and which data it was trained on. Serial.  @throws IoError
void write_slice_record(const WorkFiles& work, const Slice& slice, const ImageDataset& data);

struct MergeOptions {
  std::vector<std::filesystem::path> slices;  ///< the output folders of runs with a slice
  std::filesystem::path output;
  OutputMode mode = OutputMode::fresh;
};

/// Assembles the results.h5 of a grid from the work of its slices, which stays as it is. All but the provenance is bit
/// for bit what one run of the whole grid gives. Slices of another build, or of different ones, are a warning.
/// @note Collective over `world`.
/// @throws ConfigError, agreed: a folder that is no slice of this grid, other data, slices of different PETSc options,
/// replicas that no slice has finished; IoError, agreed
void merge_slices(const Communicator& world, const Config& config, const MergeOptions& options, Log& log);

}  // namespace flatsweep
