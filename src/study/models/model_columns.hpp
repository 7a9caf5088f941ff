#pragma once

#include "flatsweep/study/grid/model_config.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Columns that users give their models.
namespace flatsweep {

/// The lines of a CSV text: commas, double quotes around what holds a comma, a quote (doubled) or a line's end.
/// @throws ConfigError for a quote that does not end, without the file
[[nodiscard]] std::vector<std::vector<std::string>> parse_csv(std::string_view text);

/// Fills in `columns` of every model and `column_names` from a CSV file whose column "model" holds the models' names or
/// their files. Serial.
/// @throws ConfigError: a model without a line or with two, a line without a model, a name that no column may have
void read_columns(const std::filesystem::path& file, ModelConfig& config);

/// The same from the texts that the models' files keep beside their arrays: those that all whole ones have, of no
/// more than limits::text_bytes, and whose names may be columns.
/// @param metadata one per model
void take_metadata(const std::vector<std::map<std::string, std::string>>& metadata, ModelConfig& config);

}  // namespace flatsweep
