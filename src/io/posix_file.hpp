#pragma once

#include "flatsweep/io/durable_file.hpp"
#include "posix_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace flatsweep {

/// Runs `work`; an IoError from it gets "<doing> <path>: " in front, a DamagedFile too.
template <class Work>
decltype(auto) with_path(const char* doing, const std::filesystem::path& path, Work&& work) {
  try {
    return work();
  } catch (const DamagedFile& error) {
    throw DamagedFile(std::string(doing) + " " + path.string() + ": " + error.what());
  } catch (const IoError& error) {
    throw IoError(std::string(doing) + " " + path.string() + ": " + error.what());
  }
}

/// Throws IoError with the text of errno, and what can be done about it.
[[noreturn]] void throw_errno(const std::string& doing);

/// What stands between the name of a file and the digits of one that is not whole yet.
inline constexpr std::string_view partial_mark = ".partial";

/// A file that is being written under a name of its own and is removed again unless it is published.
class PartialFile {
 public:
  /// Makes TARGET.partial-<16 digits>, empty, a name that nobody had: never through a link, never another's file.
  /// @throws IoError when the folder is missing, not writable, or full
  explicit PartialFile(std::filesystem::path target);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::filesystem::path& target() const { return target_; }

  void write(std::span<const std::byte> bytes, std::uint64_t offset = 0) const;
  /// Takes `bytes` of disk space, so that a full disk or a quota shows now. Where the file system cannot do that
  /// without writing, the file is filled up with zeros.
  void reserve(std::uint64_t bytes);
  /// Gives all disk space back; what is written later still succeeds.
  void discard() const noexcept;
  /// Syncs the file, gives back what was reserved too much, closes it, renames it to `target`, and syncs the folder.
  /// @param still_ours  called right before the file gets its name; what it throws leaves `target` as it was
  void publish(const std::function<void()>& still_ours = {});

 private:
  void give_back() const;

  std::filesystem::path target_;
  std::filesystem::path path_;
  // Open from the beginning: a failed write that another handle caused is told by the sync of this one, too.
  PosixFile file_;
  bool reserved_ = false;
  bool published_ = false;
};

}  // namespace flatsweep
