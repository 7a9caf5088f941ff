#include "grid_columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace flatsweep {

namespace {

constexpr std::int64_t most_of_i4 = std::numeric_limits<std::int32_t>::max();

// Whole numbers that fit are stored as i4.
template <class T>
Column<Replica> column_of(const GridAxis<T>& axis) {
  const auto value = axis.value;
  const std::string name(axis.name), sentence(axis.sentence);
  if constexpr (WordedEnum<T>) {
    std::vector<std::string_view> words;
    for (const auto& row : enum_words<T>) words.push_back(row.word);
    return {name, "", fmt::format("{}: {}", sentence, fmt::join(words, ", ")),
            [value](const Replica& replica) { return to_string(replica.*value); }};
  } else {
    if constexpr (std::is_integral_v<T>)
      if (axis.bounds.high <= most_of_i4)
        return {name, "1", sentence, [value](const Replica& replica) { return static_cast<int>(replica.*value); }};
    return {name, "1", sentence, [value](const Replica& replica) { return replica.*value; }};
  }
}

}  // namespace

std::vector<Column<Replica>> grid_columns(Study study, AxisRows rows) {
  std::vector<Column<Replica>> columns = {{"architecture", "", "name of the architecture, or its layers",
                                           [](const Replica& replica) { return replica.architecture.label(); }}};
  each_axis([&](const auto& axis) {
    const bool of_point = axis.role == AxisRole::grid_point;
    if ((rows == AxisRows::replicas || of_point) && belongs(axis.use, study)) columns.push_back(column_of(axis));
  });
  return columns;
}

}  // namespace flatsweep
