#include "toml_text.hpp"

#include "flatsweep/app/config_file.hpp"
#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// Goes through a text as TOML's structure has it: what stands in strings and comments does not count.
class Structure {
 public:
  Structure(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  /// @throws ConfigError where keys or values lie in one another too deeply
  void check() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'')
        skip_string(c);
      else if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else
        count(text_[at_++]);
    }
  }

 private:
  void count(char c) {
    if (c == '.') ++dots_;
    if (dots_ >= limits::key_parts)
      refuse(fmt::format("a key of more than {} parts; the keys of flatsweep have two or three, as train.batch_size",
                         limits::key_parts));
    if (std::string_view(",=[]{}\n").find(c) != std::string_view::npos) dots_ = 0;
    if (c == '[' || c == '{') ++depth_;
    if (c == ']' || c == '}') depth_ = std::max(depth_ - 1, 0);
    if (depth_ > limits::nesting)
      refuse(fmt::format("more than {} lists within one another; no value of flatsweep has more than two",
                         limits::nesting));
  }

  /// To behind the string's end; an unfinished one ends with its line or with the text, and the parser complains.
  void skip_string(char quote) {
    const bool several_lines = text_.substr(at_, 3) == std::string(3, quote);
    at_ += several_lines ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\') {
        at_ += 2;
      } else if (several_lines ? text_.substr(at_, 3) == std::string(3, quote) : text_[at_] == quote) {
        at_ += several_lines ? 3 : 1;
        return;
      } else if (!several_lines && text_[at_] == '\n') {
        return;
      } else {
        ++at_;
      }
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    const auto before = text_.substr(0, at_ - 1);
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto begin = before.rfind('\n') + 1;  // 0 in the first line
    throw ConfigError(fmt::format("{}:{}:{}: {}", source_, line, at_ - begin, what));
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
  int dots_ = 0;   // of the key or number at hand
  int depth_ = 0;  // of brackets and braces that are open
};

/// A key of the command line is what the documentation writes: bare words.
bool is_key(std::string_view key) {
  const auto is_part = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
  };
  const auto dot = key.find('.');
  if (dot == std::string_view::npos) return is_part(key);
  const auto second = key.find('.', dot + 1);  // of a table within a table, as train.schedule.decay
  return is_part(key.substr(0, dot)) && is_part(key.substr(dot + 1, second - dot - 1)) &&
         (second == std::string_view::npos || is_part(key.substr(second + 1)));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Is it a key that belongs to no table?
bool is_root_key(std::string_view key) {
  const auto keys = config_keys();
  return key.find('.') == std::string_view::npos && std::ranges::find(keys, key) != keys.end();
}

/// Is there nothing but the one value of a key below so many tables?
bool is_one_entry(const toml::table& table, std::ptrdiff_t tables) {
  if (table.size() != 1) return false;
  if (tables == 0) return true;
  const auto* inner = table.begin()->second.as_table();
  return inner != nullptr && is_one_entry(*inner, tables - 1);
}

}  // namespace

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      quoted += fmt::format("\\u{:04X}", static_cast<int>(c));  // TOML allows no control characters in a text
    else
      quoted += c;
  }
  return quoted + '"';
}

toml::table parse_toml(std::string_view text, const std::string& source) {
  if (text.size() > limits::config_bytes)
    throw ConfigError(fmt::format("{}: the configuration has {} bytes; {} are the most that is read", source,
                                  text.size(), limits::config_bytes));
  Structure(text, source).check();
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    throw ConfigError(printable(fmt::format("{}:{}:{}: {}", source, at.line, at.column,
                                            shortened(error.description(), 4 * limits::shown_bytes))));
  }
}

toml::table parse_assignment(const std::string& assignment) {
  const auto equals = assignment.find('=');
  const auto key = assignment.substr(0, equals);
  const auto name = trimmed(key);
  const auto shown = printable(shortened(assignment, limits::shown_bytes));
  if (equals == std::string::npos || (name.find('.') == std::string_view::npos && !is_root_key(name)))
    throw ConfigError(
        fmt::format("--set {}: write it as table.key=value, for example --set train.batch_size=50", shown));
  const std::string source = "--set " + shown;
  if (!is_key(name))
    throw ConfigError(fmt::format("{}: '{}' is not a key; write it as table.key=value", source,
                                  printable(shortened(key, limits::shown_bytes))));
  const auto value = assignment.substr(equals + 1);
  Structure(value, source).check();
  for (const auto& text : {value, quote(value)}) {
    try {
      auto table = toml::parse(fmt::format("{} = {}", name, text), source);
      if (is_one_entry(table, std::ranges::count(name, '.'))) return table;
      throw ConfigError(fmt::format("{}: this sets more than one key; give every key a --set of its own", source));
    } catch (const toml::parse_error&) {
    }
  }
  throw ConfigError(fmt::format("{}: the value is no text in UTF-8; write it as table.key=value", source));
}

}  // namespace flatsweep
