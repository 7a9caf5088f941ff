#include "nearest_name.hpp"

#include "flatsweep/base/limits.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace flatsweep {

namespace {

/// Levenshtein distance: insertions, deletions and replacements that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view name, const std::vector<std::string>& known) {
  if (name.size() > limits::shown_bytes || known.empty()) return std::nullopt;
  const auto distance = [&](const std::string& candidate) { return edit_distance(name, candidate); };
  const auto best = std::ranges::min_element(known, {}, distance);
  const auto slips = std::max<std::size_t>(1, 2 * name.size() / 5);
  return distance(*best) <= slips ? std::optional(*best) : std::nullopt;
}

}  // namespace flatsweep
