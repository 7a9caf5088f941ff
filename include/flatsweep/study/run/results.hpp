#pragma once

#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/run/run.hpp"
#include "flatsweep/study/unit/unit_result.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

/// Version of the layout of results.h5.
constexpr std::int64_t results_format = 2;

/// What results.h5 says of the run besides its science; differs from run to run.
struct Provenance {
  double seconds = 0.0;
  int ranks = 1;
  std::string queue;                ///< how replicas were dealt
  std::vector<double> peak_memory;  ///< (ranks,) bytes, before results are assembled
  std::string solver_options;       ///< PETSc's options that stood
  std::string builds;               ///< which worked on the run, one a line, the first one first
};

/// How the replicas of a run came out.
struct Outcome {
  std::int64_t replicas = 0, done = 0, diverged = 0, failed = 0, unsolved = 0;
  std::int64_t failed_analyses = 0;  ///< of replicas that are done, and pooled ones
};

/// "; 2 of 4 replicas diverged, 1 analysis failed: see /grid/status"; "" where all went well.
[[nodiscard]] std::string describe(const Outcome& outcome);

/// The line that ends a run, with what did not come out.
/// @param where the reader finds more   @throws SolverError, agreed, where no replica is done or unsolved
/// @note Collective in that every rank calls it alike.
void conclude(Log& log, const std::string& line, const Outcome& outcome, const std::filesystem::path& where);

/// Of results that are complete. Serial.  @throws IoError
[[nodiscard]] Outcome read_outcome(const std::filesystem::path& results);

/// Of the units of a slice, from their folders. Serial.  @throws IoError
[[nodiscard]] Outcome slice_outcome(const Config& config, const Plan& plan, const WorkFiles& work);

/// The same on every rank.   @note Collective.  @throws what `read` throws on rank 0, agreed
[[nodiscard]] Outcome outcome_on_root(const Communicator& world, const std::function<Outcome()>& read);

/// Where the stage files of a unit are.
using UnitFolders = std::function<UnitFolder(const WorkUnit&)>;

struct Assembly {
  std::vector<std::string> table;  ///< that ends the run
  Outcome outcome;
};

/// Reads every unit's result back, compares replicas, and assembles results.h5 in the folder `output`.
/// @param work  of this output folder; every file that is read must belong to its run
/// @return the same on every rank
/// @note Collective over `world`.  @throws IoError, agreed
Assembly assemble_results(const Communicator& world, const Config& config, const Plan& plan, const ImageDataset& data,
                          const UnitFolders& folder_of, const std::filesystem::path& output, const WorkFiles& work,
                          const Provenance& provenance);

}  // namespace flatsweep
