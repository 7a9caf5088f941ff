#pragma once

#include "flatsweep/app/command_line.hpp"

#include <filesystem>

namespace flatsweep {

/// Prints how far the run in `folder` is, or the slices in it; with Watch::until_the_end again and again while a job
/// writes there: redrawn on a terminal, a line every ten seconds elsewhere. Without MPI; several copies print once.
/// @return exit code: 0 the run is finished or goes on, 75 it was stopped and can be resumed, 70 no replica is done
/// @throws ConfigError: the folder holds no run; IoError
[[nodiscard]] int show_status(const std::filesystem::path& folder, Watch watch);

}  // namespace flatsweep
