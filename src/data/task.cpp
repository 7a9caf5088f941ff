#include "flatsweep/data/task.hpp"

#include "flatsweep/base/error.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace flatsweep {

namespace {

constexpr int not_in_task = -1;
using LabelMap = std::array<int, std::numeric_limits<std::uint8_t>::max() + 1>;

LabelMap map_labels(std::span<const int> classes, TaskLabels labels) {
  LabelMap map;
  map.fill(not_in_task);
  for (std::size_t i = 0; i < classes.size(); ++i) map.at(classes[i]) = labels == TaskLabels::global ? classes[i] : i;
  return map;
}

void check_every_class_is_there(std::span<const int> classes, const ImageSet& from, const char* name) {
  std::array<bool, std::numeric_limits<std::uint8_t>::max() + 1> seen{};
  for (const auto label : from.labels) seen[label] = true;
  for (const int c : classes)
    if (!seen[c])
      throw ConfigError(fmt::format("no image of class {} among the {} of the {} set; take it out of the tasks", c,
                                    from.count(), name));
}

}  // namespace

Task::View::View(const ImageSet& from, std::span<const int> classes, TaskLabels task_labels, const char* name) {
  check_every_class_is_there(classes, from, name);
  const auto map = map_labels(classes, task_labels);
  for (std::size_t i = 0; i < from.labels.size(); ++i) {
    const int label = map[from.labels[i]];
    if (label == not_in_task) continue;
    places.push_back(from.places.empty() ? i : from.places[i]);
    labels.push_back(static_cast<std::uint8_t>(label));
  }
  set = {from.pixels, labels, from.features, places, from.numbers};
}

Task::Task(const ImageSet& train, const ImageSet& test, std::span<const int> classes, TaskLabels labels)
    : train_(train, classes, labels, "training"), test_(test, classes, labels, "test") {}

}  // namespace flatsweep
