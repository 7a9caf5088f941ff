#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/run.hpp"
#include "flatsweep/study/summary.hpp"
#include "flatsweep/study/unit_result.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

/// What results.h5 says of the run besides its science; differs from run to run.
struct Provenance {
  double seconds = 0.0;
  int ranks = 1;
  std::string queue;                ///< how replicas were dealt
  std::vector<double> peak_memory;  ///< (ranks,) bytes, before results are assembled
  std::string solver_options;       ///< PETSc's options that stood
  std::string builds;               ///< which worked on the run, one a line, the first one first
};

/// Where the stage files of a unit are.
using UnitFolders = std::function<UnitFolder(const WorkUnit&)>;

/// Reads every unit's result back, compares replicas, and assembles results.h5 in the folder `output`.
/// @param work  of this output folder; every file that is read must belong to its run
/// @return the table that ends the run, the same on every rank
/// @note Collective over `world`.  @throws IoError, agreed
std::vector<std::string> assemble_results(const Communicator& world, const Config& config, const Plan& plan,
                                          const ImageDataset& data, const UnitFolders& folder_of,
                                          const std::filesystem::path& output, const WorkFiles& work,
                                          const Provenance& provenance);

}  // namespace flatsweep
