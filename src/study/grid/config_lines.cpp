#include "flatsweep/study/grid/config_lines.hpp"

#include "flatsweep/study/grid/axes.hpp"

#include <sstream>

namespace flatsweep {

// The text is the program's own: a line is a key, the head of a table, or empty.
std::vector<ConfigLine> config_lines(std::string_view text) {
  std::vector<ConfigLine> lines;
  std::istringstream in{std::string(text)};
  std::string table;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('[')) {
      table = line.substr(1, line.find(']') - 1);
      continue;
    }
    const auto equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    const auto key = line.substr(0, equals);
    lines.push_back({table, table.empty() ? key : table + "." + key, line.substr(equals + 3)});
  }
  return lines;
}

bool is_axis_key(std::string_view name) {
  bool found = false;
  each_axis([&](const auto& axis) { found = found || axis.key == name; });
  return found;
}

}  // namespace flatsweep
