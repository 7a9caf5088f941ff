#pragma once

#include <string>

namespace flatsweep {

[[nodiscard]] std::string version();     ///< "0.1.0"
[[nodiscard]] std::string git_commit();  ///< Twelve digits; "unknown" outside a git checkout and outside the program.
[[nodiscard]] std::string build_type();  ///< "Release", ...
[[nodiscard]] std::string compiler();    ///< "GCC 12.2.0"
[[nodiscard]] std::string processor();   ///< The machine's own name of its processor.

}  // namespace flatsweep
