#pragma once

#include "flatsweep/io/durable_file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

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

/// What can be done about an errno, "; " in front; "" where that is not known.
[[nodiscard]] const char* advice(int error);

/// Throws IoError with the text of errno, and what can be done about it.
[[noreturn]] void throw_errno(const std::string& doing);

/// A file that is being written under a name of its own and is removed again unless it is published.
class PartialFile {
 public:
  /// Makes `target`.partial, empty. @throws IoError when the folder is missing, not writable, or full
  explicit PartialFile(std::filesystem::path target);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  [[nodiscard]] static std::filesystem::path path_of(const std::filesystem::path& target);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::filesystem::path& target() const { return target_; }

  void write(std::span<const std::byte> bytes, std::uint64_t offset = 0) const;
  /// Takes `bytes` of disk space, so that a full disk or a quota shows now. Where the file system cannot do that
  /// without writing, the file is filled up with zeros.
  void reserve(std::uint64_t bytes) const;
  /// Gives all disk space back; what is written later still succeeds.
  void discard() const noexcept;
  /// Syncs the file, gives back what was reserved too much, renames it to `target`, and syncs the folder.
  void publish();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  bool published_ = false;
};

}  // namespace flatsweep
