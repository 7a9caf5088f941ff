#include "flatsweep/base/text.hpp"
#include "flatsweep/study/grid/grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

template <class T>
std::string text_of(const T& value) {
  if constexpr (WordedEnum<T>)
    return std::string(to_string(value));
  else if constexpr (std::is_floating_point_v<T>)
    return fmt::format("{:g}", value);
  else
    return std::to_string(value);
}

template <class T>
bool differ(const std::vector<Replica>& rows, const GridAxis<T>& axis) {
  return std::ranges::any_of(rows, [&](const Replica& row) { return row.*axis.value != rows.front().*axis.value; });
}

template <class T>
bool is_shown(Study study, const std::vector<Replica>& rows, AxisRows kind, const GridAxis<T>& axis) {
  if (kind == AxisRows::grid_points && axis.role != AxisRole::grid_point) return false;
  if (!belongs(axis.use, study)) return false;
  return axis.text.shown == AxisText::Shown::always || differ(rows, axis);
}

/// Networks made elsewhere are told apart by their names.
std::vector<std::string> model_table(const ModelConfig& config, const std::vector<Replica>& rows) {
  std::vector<std::string> names = {"model"};
  for (const auto& row : rows) names.push_back(printable(config.found[row.model].name));
  std::size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  for (auto& name : names) name = fmt::format(" {:>{}}", name, width);
  return names;
}

}  // namespace

std::vector<std::string> axis_table(const Config& config, const std::vector<Replica>& rows, AxisRows kind) {
  return config.study == Study::models ? model_table(config.model, rows) : axis_table(config.study, rows, kind);
}

std::vector<std::string> axis_table(Study study, const std::vector<Replica>& rows, AxisRows kind) {
  std::vector<std::string> lines(rows.size() + 1);
  each_axis([&](const auto& axis) {
    if (!is_shown(study, rows, kind, axis)) return;
    lines[0] += fmt::format(" {:>{}}", axis.text.heading, axis.text.width);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool known = axis.use != AxisUse::mlp || rows[i].architecture.is_mlp();
      lines[i + 1] += fmt::format(" {:>{}}", known ? text_of(rows[i].*axis.value) : "-", axis.text.width);
    }
  });
  return lines;
}

}  // namespace flatsweep
