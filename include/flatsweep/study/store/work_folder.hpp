#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/io/tree.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace flatsweep {

/// Says that a file was found damaged and what is done instead.
using DamageReport = std::function<void(const std::string& message)>;
inline const DamageReport no_report = [](const std::string&) {};

/// Throws DamagedFile where a file's contents are not what its reader can take.
using ContentCheck = std::function<void(const Group&)>;

/// Which run the file of a stage belongs to. Stages that follow from the same have the same in any run.
using StageDigest = std::function<Digest(std::string_view stage)>;

/// The same of the files of all units, by the unit's id; of the comparison of replicas by `cross_unit`.
using RunDigests = std::function<Digest(std::int64_t unit, std::string_view stage)>;
constexpr std::int64_t cross_unit = -1;

/// The files of one unit of work while a run goes on: OUTPUT/work/000012/. Every file is durable and checked; one that
/// is damaged or another run's is removed and counts as absent, after the report; one that cannot be read is an
/// IoError. Serial: the team's rank 0 uses it.
class UnitFolder {
 public:
  UnitFolder(const std::filesystem::path& work, std::int64_t unit, DamageReport report = no_report);
  /// Any folder of such files.
  /// @param digest  empty: all belong to the owner's run
  explicit UnitFolder(std::filesystem::path folder, DamageReport report = no_report, FileOwner owner = {},
                      StageDigest digest = {});

  /// @param check a file that it refuses is damaged; may be empty
  [[nodiscard]] std::optional<Group> read(std::string_view stage, const ContentCheck& check = {}) const;
  /// What must be there: nothing is removed.  @throws DamagedFile, IoError
  [[nodiscard]] Group require(std::string_view stage) const;
  /// As `require`, without the data.
  [[nodiscard]] Group require_skeleton(std::string_view stage) const;
  void write(std::string_view stage, const Group& tree) const;
  void remove(std::string_view stage) const;
  [[nodiscard]] std::filesystem::path file(std::string_view stage) const;
  /// Of the run that the stage's file must belong to.
  [[nodiscard]] Digest digest(std::string_view stage) const;
  /// Whether a file of this stage is there and says that it belongs to the run; its contents are not looked at.
  [[nodiscard]] bool holds(std::string_view stage) const;

  /// Training checkpoints come in pairs: the one before the last stays until a newer one is whole.
  void write_checkpoint(const Group& tree) const;
  [[nodiscard]] std::optional<Group> read_checkpoint(const ContentCheck& check = {}) const;
  void remove_checkpoints() const;

 private:
  std::filesystem::path folder_;
  DamageReport report_;
  FileOwner owner_;
  StageDigest digest_;
};

/// The work of one run, OUTPUT/work: where it is and on whose behalf its files are written.
struct WorkFiles {
  std::filesystem::path folder;
  FileOwner owner;
  DamageReport report = no_report;
  RunDigests digests = {};  ///< empty: all files belong to the owner's run

  [[nodiscard]] UnitFolder unit(std::int64_t id) const;
  /// Of the comparison of replicas.
  [[nodiscard]] UnitFolder cross() const;
};

/// "000012"
[[nodiscard]] std::string unit_name(std::int64_t id);

}  // namespace flatsweep
