#pragma once

#include <string>

namespace flatsweep {

/// Processor, compiler, libraries and kernels: what rounding depends on, beside flatsweep itself.
[[nodiscard]] std::string machine();

/// "flatsweep 0.1.0 (commit) on machine"
[[nodiscard]] std::string build_and_machine();

}  // namespace flatsweep
