#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace flatsweep {

/// Of the state that results.h5 has of a replica after so many epochs, at a kept epoch or where its window opened; for
/// fork.digest. Serial.   @throws ConfigError naming the epochs that there are; IoError
[[nodiscard]] std::string state_digest(const std::filesystem::path& results, std::int64_t replica, std::int64_t epoch);

}  // namespace flatsweep
