#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/study/grid/config.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What the numbers of a run follow from, beside the build and the kind of machine. Equal for equal runs.
struct RunIdentity {
  std::string configuration;       ///< Config::fingerprint
  std::string dataset_sha256;      ///< of the images and labels as used
  std::string solver_options;      ///< PETSc's, see `solver_options`
  std::string models_sha256 = {};  ///< of the files of networks made elsewhere; "" where networks are trained

  /// The run that a file belongs to, as its footer says.
  [[nodiscard]] Digest digest() const;
};

/// The first half of the SHA-256.
[[nodiscard]] Digest digest_of(std::string_view text);

/// OUTPUT/work/data.h5: what the run was begun with, and by which builds on which kinds of machine.
struct WorkRecord {
  std::string dataset_sha256;
  std::string solver_options;
  std::vector<std::string> builds;  ///< as `build_and_machine` says it, in the order in which they came
};

/// @return the record of OUTPUT/work  @throws IoError when there is none or it is damaged
[[nodiscard]] WorkRecord read_work_record(const std::filesystem::path& work);

/// Every rank's `build_and_machine`, each once, rank 0's first.   @note Collective over `world`.
[[nodiscard]] std::vector<std::string> builds_at_work(const Communicator& world);

/// Writes the record of a run that begins, or checks that of one that is resumed: its data and PETSc options must be
/// the same; another build is a warning, in the log and from now on in the record. A damaged record, or that of another
/// configuration, is replaced with a warning: the stage files know themselves which run they belong to. Serial.
/// @param builds  that go on with the run
/// @return the record
/// @throws ConfigError, IoError
WorkRecord keep_to_beginning(const std::filesystem::path& work, const RunIdentity& identity, const FileOwner& owner,
                             const std::string& dataset, const std::vector<std::string>& builds, Log& log);

/// Makes the record of work that adds to what is there: to finished results, where `builds` have made them; or, without
/// these, to unfinished work, whose record stays but for the configuration. Serial.   @throws IoError
void take_over_record(const std::filesystem::path& work, const RunIdentity& identity, const FileOwner& owner,
                      const std::vector<std::string>& builds);

/// A second build among `builds` is a warning.
void warn_about_mixed_builds(const std::vector<std::string>& builds, Log& log);

/// Says which files of these folders other builds than those of `known` wrote. Serial.
void warn_about_builds(const std::vector<std::filesystem::path>& folders, const std::vector<std::string>& known,
                       Log& log);

}  // namespace flatsweep
