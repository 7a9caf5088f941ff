#pragma once

#include "flatsweep/base/error.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace flatsweep {

/// A file of a data set is not what it should be. What to do about it depends on where the set comes from, which the
/// readers of single files do not know; `find_images` adds it.
struct DamagedData : ConfigError {
  using ConfigError::ConfigError;
};

/// Refuses a file of a data set.
[[noreturn]] inline void damaged(const std::filesystem::path& file, const std::string& what) {
  throw DamagedData(fmt::format("{}: {}", file.string(), what));
}

}  // namespace flatsweep
