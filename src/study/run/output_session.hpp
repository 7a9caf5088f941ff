#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/run/results.hpp"
#include "flatsweep/study/store/output_folder.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace flatsweep {

/// What is to be written to an output folder.
struct OutputRequest {
  std::filesystem::path output;
  OutputMode mode = OutputMode::fresh;
  double bytes = 0.0;       ///< that it takes
  RunDigests digests = {};  ///< of its stage files
  OtherWork other_work = OtherWork::refused;
};

/// An output folder while a run, or a merge of slices, writes to it: locked on rank 0, known to every rank. All members
/// are collective over the communicator.
class OutputSession {
 public:
  /// Locks and prepares the folder, and opens log.txt. With `resume` results that are there already are checked.
  /// @throws ConfigError: what stands in the folder is another run's, in use, or must not be replaced; IoError: it
  /// cannot be written, or the results that are there are damaged; agreed
  OutputSession(const Communicator& world, const Config& config, const OutputRequest& request,
                const RunIdentity& identity, Log& log);

  /// The results of this run are there already, and whole.
  [[nodiscard]] bool finished() const { return !work_; }
  /// Says so.   @throws as `conclude`
  void conclude_finished() const;

  /// @pre not finished
  [[nodiscard]] const WorkFiles& work() const { return *work_; }

  /// Assembles results.h5 from the units' stage files, removes work/, prints the summary, and says that all is done.
  /// @param said behind the time that was taken   @throws IoError, agreed; as `conclude`
  void write_results(const Plan& plan, const ImageDataset& data, const UnitFolders& folders, Provenance provenance,
                     const std::string& said = "");

 private:
  void open(const OutputRequest& request, const RunIdentity& identity);
  void remove_work() const;
  [[nodiscard]] std::filesystem::path results() const { return results_file(output_); }

  const Communicator& world_;
  const Config& config_;
  Log& log_;
  std::filesystem::path output_;
  std::unique_ptr<OutputFolder> folder_;  // on rank 0
  std::string owner_;                     // on all ranks; "" where the run is finished already
  std::optional<WorkFiles> work_;
};

}  // namespace flatsweep
