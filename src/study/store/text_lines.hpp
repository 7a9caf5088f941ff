#pragma once

#include <sstream>
#include <string>
#include <vector>

namespace flatsweep {

/// What stands between the ends of lines; an empty text has none, and an end of a line at the very end begins no other.
[[nodiscard]] inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace flatsweep
