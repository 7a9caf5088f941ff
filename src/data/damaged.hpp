#pragma once

#include "flatsweep/base/error.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace flatsweep {

/// Refuses a file of a data set.
[[noreturn]] inline void damaged(const std::filesystem::path& file, const std::string& what) {
  throw ConfigError(fmt::format("{}: {}; bring the set again with tools/get-data", file.string(), what));
}

}  // namespace flatsweep
