#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Which files a configuration means.
namespace flatsweep {

/// The files of a name or of a pattern with *, ? and [], in natural order. Serial.
/// @param key for messages   @throws ConfigError where there is none
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::string& pattern, std::string_view key);

/// A name for every file: its path below the folder that all of them share, without its ending.
/// @throws ConfigError where two have the same
[[nodiscard]] std::vector<std::string> model_names(const std::vector<std::filesystem::path>& files);

/// SHA-256 of the files' contents, one after another, as text.  @throws IoError naming the file
[[nodiscard]] std::string hash_files(const std::vector<std::filesystem::path>& files);

}  // namespace flatsweep
