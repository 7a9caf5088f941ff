#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/data/image_dataset.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// The numbers of a task's classes at the network's outputs.
enum class TaskLabels { per_task, global };

template <>
inline constexpr auto enum_words<TaskLabels> = make_enum_words<TaskLabels>({
    {TaskLabels::per_task, "per-task",
     "0, 1, ... in the order in which the task names its classes: tasks share outputs"},
    {TaskLabels::global, "global", "as in the data set: every class has an output of its own"},
});

/// Some classes of a data set: views of the set's images, in the set's order, with labels of their own. The set must
/// outlive it.
class Task {
 public:
  /// @throws ConfigError naming a class that has no image
  Task(const ImageSet& train, const ImageSet& test, std::span<const int> classes, TaskLabels labels);
  ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task(Task&&) noexcept = default;
  Task& operator=(Task&&) noexcept = default;

  [[nodiscard]] const ImageSet& train() const { return train_.set; }
  [[nodiscard]] const ImageSet& test() const { return test_.set; }

 private:
  struct View {
    View(const ImageSet& from, std::span<const int> classes, TaskLabels labels, const char* name);
    std::vector<std::uint32_t> places;
    std::vector<std::uint8_t> labels;
    ImageSet set;
  };
  View train_, test_;
};

}  // namespace flatsweep
