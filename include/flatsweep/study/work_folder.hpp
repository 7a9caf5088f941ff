#pragma once

#include "flatsweep/base/log.hpp"
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

/// The files of one unit of work while a run goes on: OUTPUT/work/000012/. Every file is durable and checked; a damaged
/// one is removed and counts as absent, after the report; one that cannot be read is an IoError. Serial: the team's
/// rank 0 uses it.
class UnitFolder {
 public:
  UnitFolder(const std::filesystem::path& work, std::int64_t unit, DamageReport report = no_report);
  /// Any folder of such files.
  explicit UnitFolder(std::filesystem::path folder, DamageReport report = no_report);

  /// @param check a file that it refuses is damaged; may be empty
  [[nodiscard]] std::optional<Group> read(std::string_view stage, const ContentCheck& check = {}) const;
  void write(std::string_view stage, const Group& tree) const;
  void remove(std::string_view stage) const;
  [[nodiscard]] std::filesystem::path file(std::string_view stage) const;

  /// Training checkpoints come in pairs: the one before the last stays until a newer one is whole.
  void write_checkpoint(const Group& tree) const;
  [[nodiscard]] std::optional<Group> read_checkpoint(const ContentCheck& check = {}) const;
  void remove_checkpoints() const;

 private:
  std::filesystem::path folder_;
  DamageReport report_;
};

/// "000012"
[[nodiscard]] std::string unit_name(std::int64_t id);

}  // namespace flatsweep
