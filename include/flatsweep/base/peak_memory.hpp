#pragma once

namespace flatsweep {

/// Most memory that this process has held so far, in bytes: VmHWM of /proc/self/status, memory shared with other ranks
/// included; where there is no such file, the resident set size that getrusage tells.
[[nodiscard]] double peak_memory();

}  // namespace flatsweep
