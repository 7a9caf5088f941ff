#pragma once

#include "damaged.hpp"
#include "flatsweep/base/regular_file.hpp"

namespace flatsweep {

/// Opens a file of a data set.  @throws DamagedData naming it
[[nodiscard]] inline FileHandle open_data_file(const std::filesystem::path& file) {
  try {
    return open_regular(file);
  } catch (const IoError& error) {
    damaged(file, fmt::format("the file cannot be opened: {}", error.what()));
  }
}

}  // namespace flatsweep
