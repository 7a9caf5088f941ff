#include "model_columns.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace flatsweep {

namespace {

/// Names of columns of /grid and of attributes of replicas.
constexpr std::array<std::string_view, 9> own_columns = {"architecture", "model",          "replica",
                                                         "status",       "message",        "failed_analyses",
                                                         "diverged",     "epochs_trained", "window_first_epoch"};
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // of spreadsheets on Windows

bool is_plain(const std::string& name) {
  return !name.empty() && name.size() <= 64 && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool is_own(const std::string& name) { return std::ranges::find(own_columns, name) != own_columns.end(); }

void check_column(const std::string& name) {
  if (!is_plain(name))
    throw ConfigError(fmt::format("column \"{}\": a name is made of letters, digits and _, and begins with no digit",
                                  printable(shortened(name, limits::shown_bytes))));
  if (is_own(name))
    throw ConfigError(fmt::format("column {}: flatsweep has a column of this name; choose another", name));
}

/// Numbers where every model has one; a broken model may have nothing.
void type_columns(ModelConfig& config) {
  for (std::size_t i = 0; i < config.column_names.size(); ++i)
    config.column_names[i].numbers = std::ranges::all_of(config.found, [i](const ModelEntry& model) {
      return number_from<double>(model.columns[i]) || (!model.problem.empty() && model.columns[i].empty());
    });
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Goes through a text a character at a time.
class CsvParser {
 public:
  explicit CsvParser(std::string_view text) : text_(text) {}

  std::vector<std::vector<std::string>> lines() {
    while (at_ < text_.size()) take(text_[at_++]);
    if (quoted_) throw ConfigError("a double quote is opened and never closed");
    end_line();
    return std::move(lines_);
  }

 private:
  void take(char c) {
    if (quoted_)
      inside_quotes(c);
    else if (c == '"' && trimmed(field_).empty())
      begin_quotes();
    else if (c == ',')
      end_field();
    else if (c == '\n' || (c == '\r' && !text_.substr(at_).starts_with('\n')))
      end_line();
    else if (c != '\r')
      field_ += c;
  }
  void begin_quotes() {
    quoted_ = was_quoted_ = true;
    field_.clear();
  }
  void inside_quotes(char c) {
    if (c != '"')
      field_ += c;
    else if (at_ < text_.size() && text_[at_] == '"')
      field_ += text_[at_++];
    else
      quoted_ = false;
  }
  void end_field() {
    line_.push_back(was_quoted_ ? field_ : trimmed(field_));
    field_.clear();
    was_quoted_ = false;
  }
  /// A line with nothing in it is none.
  void end_line() {
    const bool empty = line_.empty() && !was_quoted_ && trimmed(field_).empty();
    end_field();
    if (!empty) lines_.push_back(std::move(line_));
    line_.clear();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string field_;
  bool quoted_ = false, was_quoted_ = false;
  std::vector<std::string> line_;
  std::vector<std::vector<std::string>> lines_;
};

using Line = std::vector<std::string>;

bool means(const ModelEntry& model, const std::string& text) {
  return text == model.name || text == model.file.string() || text == model.file.filename().string();
}

/// Which column of the head holds the models.
std::size_t column_of_models(const Line& head) {
  const auto place = std::ranges::find(head, "model");
  if (place == head.end())
    throw ConfigError(fmt::format("no column is called model; the first line is \"{}\"",
                                  printable(fmt::format("{}", fmt::join(head, ",")))));
  return place - head.begin();
}

void fill_columns(const std::vector<Line>& lines, ModelConfig& config) {
  if (lines.empty()) throw ConfigError("it is empty; its first line names the columns, one of them model");
  const auto& head = lines.front();
  const auto key = column_of_models(head);
  std::set<std::string> names;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (!names.insert(head[i]).second) throw ConfigError(fmt::format("it has two columns {}", printable(head[i])));
    if (i == key) continue;
    check_column(head[i]);
    config.column_names.push_back({head[i], false});
  }
  std::set<const ModelEntry*> seen;
  for (std::size_t number = 1; number < lines.size(); ++number) {
    auto line = lines[number];
    if (line.size() != head.size())
      throw ConfigError(fmt::format("line {} has {} columns, the first line {}", number + 1, line.size(), head.size()));
    const auto model = std::ranges::find_if(config.found, [&](const auto& m) { return means(m, line[key]); });
    if (model == config.found.end())
      throw ConfigError(fmt::format("line {}: \"{}\" is none of the models; they are called {}{}", number + 1,
                                    printable(line[key]), config.found.front().name,
                                    config.found.size() > 1 ? ", " + config.found.back().name + " and so on" : ""));
    if (!seen.insert(&*model).second)
      throw ConfigError(fmt::format("line {}: the model \"{}\" is there twice; remove one", number + 1, model->name));
    for (const auto& field : line)
      if (field.size() > limits::text_bytes)
        throw ConfigError(fmt::format("line {} has a field of {} bytes; {} are the most", number + 1, field.size(),
                                      limits::text_bytes));
    line.erase(line.begin() + key);
    model->columns = std::move(line);
  }
  for (const auto& model : config.found)
    if (!seen.contains(&model)) throw ConfigError(fmt::format("the model \"{}\" has no line; add one", model.name));
}

}  // namespace

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (!is_utf8(text)) throw ConfigError("it is no text in UTF-8; save it as such");
  return CsvParser(text).lines();
}

void read_columns(const std::filesystem::path& file, ModelConfig& config) {
  try {
    fill_columns(parse_csv(read_regular(file, limits::config_bytes)), config);
  } catch (const Error& error) {
    throw ConfigError(fmt::format("model.columns = \"{}\": {}", file.string(), error.what()));
  }
  type_columns(config);
}

void take_metadata(const std::vector<std::map<std::string, std::string>>& metadata, ModelConfig& config) {
  std::map<std::string, std::size_t> counts;
  std::size_t whole = 0;
  for (std::size_t i = 0; i < config.found.size(); ++i) {
    if (!config.found[i].problem.empty()) continue;
    ++whole;
    for (const auto& [name, value] : metadata[i])
      if (value.size() <= limits::text_bytes && is_utf8(value)) ++counts[name];
  }
  for (const auto& [name, count] : counts)
    if (count == whole && is_plain(name) && !is_own(name)) config.column_names.push_back({name, false});
  for (std::size_t i = 0; i < config.found.size(); ++i)
    for (const auto& column : config.column_names) {
      const auto value = metadata[i].find(column.name);
      config.found[i].columns.push_back(value == metadata[i].end() ? "" : value->second);
    }
  type_columns(config);
}

}  // namespace flatsweep
