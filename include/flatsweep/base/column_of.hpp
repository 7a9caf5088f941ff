#pragma once

#include <functional>
#include <ranges>
#include <type_traits>
#include <vector>

namespace flatsweep {

/// One entry of every row.
/// @param entry a member, or a function of a row   @param rows or pointers to them
template <std::ranges::sized_range Rows, class Entry>
[[nodiscard]] auto column_of(const Rows& rows, Entry entry) {
  std::vector<std::decay_t<std::invoke_result_t<Entry&, std::ranges::range_reference_t<const Rows>>>> values;
  values.reserve(std::ranges::size(rows));
  for (const auto& row : rows) values.push_back(std::invoke(entry, row));
  return values;
}

}  // namespace flatsweep
