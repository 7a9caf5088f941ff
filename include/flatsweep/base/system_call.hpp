#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace flatsweep {

/// What was asked of the file system.
/// Opening, reading and writing need no verdict: all their failures but an interruption lose data.
enum class Call { reserve, cut, sync_file, sync_folder, rename, close, lock };

/// What a failed call means.
enum class Verdict {
  again,      ///< interrupted: the same once more
  other_way,  ///< this file system cannot do that: do it by other means
  harmless,   ///< go on, nothing is lost
  held,       ///< another process has the lock
  fatal       ///< data are lost, or will be
};

/// The one place that decides which failures of the file system may end a run: those that lose data.
[[nodiscard]] Verdict judge(Call call, int error);

/// What can be done about an errno, "; " in front; "" where that is not known.
[[nodiscard]] const char* advice(int error);

/// "No space left on device; free space or choose another output folder"
[[nodiscard]] std::string describe_error(int error);

/// Interrupted calls are tried again so often and no more, lest a file system that says nothing else hold the run.
inline constexpr int most_attempts = 100;

/// Calls `work` (a system call that returns a negative number and sets errno when it fails) until it is not
/// interrupted.   @return what it returned last
template <class Work>
auto uninterrupted(Work&& work) {
  auto result = work();
  for (int attempt = 1; result < 0 && errno == EINTR && attempt < most_attempts; ++attempt) result = work();
  return result;
}

/// Writes all bytes at this place of the file: after half a write the next one says what the matter is.
/// @return whether it could; if not, errno says why
[[nodiscard]] bool write_whole(int handle, const void* from, std::size_t size, std::uint64_t offset);

}  // namespace flatsweep
