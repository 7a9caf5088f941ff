#pragma once

#include "image_source.hpp"

namespace flatsweep {

/// The samples of data.name = "teacher", made when they are read.
/// @throws ConfigError naming the key that does not fit
[[nodiscard]] ImageSources teacher_sources(const DataOptions& options);

}  // namespace flatsweep
