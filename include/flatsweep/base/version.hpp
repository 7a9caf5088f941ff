#pragma once

#include <string>

// The version of these headers. The build reads it here.
#define FLATSWEEP_VERSION_MAJOR 0
#define FLATSWEEP_VERSION_MINOR 1
#define FLATSWEEP_VERSION_PATCH 0

/// For the preprocessor: are the headers of this version or a later one?
#define FLATSWEEP_VERSION_AT_LEAST(major, minor, patch)                                                               \
  (FLATSWEEP_VERSION_MAJOR > (major) || (FLATSWEEP_VERSION_MAJOR == (major) &&                                        \
                                         (FLATSWEEP_VERSION_MINOR > (minor) || (FLATSWEEP_VERSION_MINOR == (minor) && \
                                                                                FLATSWEEP_VERSION_PATCH >= (patch)))))

namespace flatsweep {

[[nodiscard]] std::string version();     ///< "0.1.0"
[[nodiscard]] std::string git_commit();  ///< Twelve digits; "unknown" outside a git checkout and outside the program.
[[nodiscard]] std::string build_type();  ///< "Release", ...
/// "FLATSWEEP_ARCH=native FLATSWEEP_XSMM=ON ...": the options of CMake that numbers or speed depend on.
[[nodiscard]] std::string build_options();
[[nodiscard]] std::string compiler();   ///< "GCC 12.2.0"
[[nodiscard]] std::string processor();  ///< The machine's own name of its processor.

}  // namespace flatsweep
