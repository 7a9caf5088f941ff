#include "teacher_source.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/stop_signal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

constexpr double largest_part = 0x1.0p36;     // bytes
constexpr double largest_weights = 0x1.0p30;  // bytes of the teacher's own

void check(const DataOptions& options) {
  const auto& teacher = options.teacher;
  if (options.scale != 0.0)
    throw ConfigError("data.scale is for images in files; the teacher's inputs are as they are drawn; remove it");
  if (options.targets == Targets::classes && teacher.outputs < 2)
    throw ConfigError("data.teacher.outputs = 1 is no class; use 2 or more, or data.targets = \"real\"");
  if (options.targets == Targets::classes && teacher.noise > 0.0)
    throw ConfigError(
        "data.teacher.noise is added to real targets alone; set data.targets = \"real\", or data.label_noise for "
        "classes");
  const double units = std::max(teacher.width, 1), inputs = teacher.inputs, outputs = teacher.outputs;
  if (sizeof(double) * units * (inputs + outputs) > largest_weights)
    throw ConfigError(
        fmt::format("data.teacher: the weights of {} inputs and {} units take more than 1 GiB; make inputs or width "
                    "smaller",
                    teacher.inputs, teacher.width));
  for (const auto samples : {teacher.train_samples, teacher.test_samples})
    if (4.0 * samples * (teacher.inputs + teacher.outputs) > largest_part)
      throw ConfigError(fmt::format("data.teacher: {} samples of {} inputs take more than 64 GiB; use fewer", samples,
                                    teacher.inputs));
}

void store(std::span<const double> outputs, Targets targets, std::byte* to) {
  if (targets == Targets::classes) {
    const auto largest = std::ranges::max_element(outputs) - outputs.begin();
    *to = static_cast<std::byte>(largest);
    return;
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const float number = outputs[k];
    std::memcpy(to + k * sizeof number, &number, sizeof number);
  }
}

ImageSource part_source(const DataOptions& options, const std::shared_ptr<const Teacher>& teacher, Teacher::Part part) {
  const auto& of = options.teacher;
  const bool train = part == Teacher::Part::train;
  ImageSource source{train ? "data.teacher.train_samples" : "data.teacher.test_samples",
                     {1, 1, of.inputs},
                     train ? of.train_samples : of.test_samples,
                     of.outputs,
                     PixelType::singles,
                     {},
                     options.targets};
  const std::size_t target_bytes = source.target_bytes();
  source.read = [teacher, part, inputs = of.inputs, outputs = of.outputs, real = options.targets, target_bytes](
                    std::span<std::byte> pixels, std::span<std::byte> targets) {
    std::vector<float> x(inputs);
    std::vector<double> y(outputs);
    for (std::size_t i = 0; i < targets.size() / target_bytes; ++i) {
      if (stop_signal() != 0)
        throw Stopped(
            fmt::format("stopped by {} while the teacher made its samples; nothing is lost, run the same command again",
                        signal_name(stop_signal())));
      teacher->sample(part, i, x, y);
      if (real == Targets::real) teacher->add_noise(part, i, y);
      std::memcpy(pixels.data() + i * x.size() * sizeof(float), x.data(), x.size() * sizeof(float));
      store(y, real, targets.data() + i * target_bytes);
    }
  };
  return source;
}

}  // namespace

ImageSources teacher_sources(const DataOptions& options) {
  check(options);
  const auto teacher = std::make_shared<const Teacher>(options.teacher);
  return {part_source(options, teacher, Teacher::Part::train), part_source(options, teacher, Teacher::Part::test)};
}

}  // namespace flatsweep
