// The CSV file with users' columns of their models. Lines that are written anew, every field in quotes, read the same;
// and every model has one text for each column, or the file is refused.
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "fuzz.hpp"
#include "study/models/model_columns.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace flatsweep {
namespace {

using Lines = std::vector<std::vector<std::string>>;

std::optional<Lines> parse_or_refuse(std::string_view text) {
  try {
    return parse_csv(text);
  } catch (const ConfigError& error) {
    require(*error.what() != '\0', "an error says nothing");
  }
  return std::nullopt;
}

std::string quoted(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + '"';
}

std::string written(const Lines& lines) {
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) text += (i > 0 ? "," : "") + quoted(line[i]);
    text += '\n';
  }
  return text;
}

void check_columns(std::string_view text) {
  static InputFile input;
  input.write(text);
  ModelConfig config;
  for (const std::string name : {"a", "b"}) {
    auto& model = config.found.emplace_back();
    model.name = name;
    model.file = name + ".npz";
  }
  try {
    read_columns(input.path(), config);
  } catch (const ConfigError& error) {
    require(std::string_view(error.what()).starts_with("model.columns"), "an error does not say of which key");
    return;
  }
  std::set<std::string> names;
  for (const auto& column : config.column_names) {
    require(!column.name.empty() && names.insert(column.name).second, "a column has no name of its own");
    require(column.name != "model" && column.name != "status", "a column takes a name of flatsweep's");
  }
  for (const auto& model : config.found) {
    require(model.columns.size() == config.column_names.size(), "a model lacks a column");
    for (const auto& field : model.columns)
      require(field.size() <= limits::text_bytes, "a field is longer than a text may be");
  }
}

void check(std::string_view text) {
  const auto lines = parse_or_refuse(text);
  check_columns(text);
  if (!lines) return;
  const auto again = parse_or_refuse(written(*lines));
  require(again == lines, "lines that are written anew read otherwise");
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flatsweep::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
