#include "axes.hpp"

#include "flatsweep/base/error.hpp"

#include <cstring>
#include <map>
#include <numeric>
#include <sstream>

namespace flatsweep {

namespace {

constexpr const char* index_description = "index, counted from 0";

Dataset index_scale(const std::string& name, std::uint64_t length) {
  Dataset scale{name, ElementType::i4, sizeof(std::int32_t), {length}, {}, {}, index_description, {name}, {}, {}};
  std::vector<std::int32_t> values(length);
  std::iota(values.begin(), values.end(), 0);
  scale.bytes.resize(length * sizeof(std::int32_t));
  if (length > 0) std::memcpy(scale.bytes.data(), values.data(), scale.bytes.size());
  return scale;
}

[[noreturn]] void refuse_data_set(const Group& group, const Dataset& dataset, const std::string& why) {
  throw IoError("data set '" + dataset.name + "' of group '" + group.name + "': " + why);
}

void check_axis(const Group& group, const Dataset& dataset, std::size_t axis) {
  const auto& name = dataset.axes[axis];
  if (name.empty() || name.find('/') != std::string::npos)
    refuse_data_set(group, dataset, "axis name '" + name + "' must not be empty or contain '/'");
  const auto* scale = group.find(name);
  if (scale && !scale->is_scale())
    refuse_data_set(group, dataset, "axis '" + name + "' names a data set that is no scale");
}

}  // namespace

std::vector<Dataset> missing_scales(const Group& group) {
  std::map<std::string, std::uint64_t> lengths;
  std::vector<Dataset> missing;
  for (const auto& dataset : group.datasets) {
    if (dataset.shape.empty() || dataset.axes.size() != dataset.shape.size())
      refuse_data_set(group, dataset, "every axis needs a name, and there must be one");
    for (std::size_t axis = 0; axis < dataset.shape.size(); ++axis) {
      check_axis(group, dataset, axis);
      const auto [known, fresh] = lengths.emplace(dataset.axes[axis], dataset.shape[axis]);
      if (known->second != dataset.shape[axis])
        refuse_data_set(group, dataset,
                        "axis '" + known->first + "' has length " + std::to_string(dataset.shape[axis]) +
                            ", elsewhere in the group " + std::to_string(known->second));
      if (fresh && !group.find(known->first)) missing.push_back(index_scale(known->first, known->second));
    }
  }
  return missing;
}

void complete_axes(Group& group) {
  for (auto& scale : missing_scales(group)) group.datasets.push_back(std::move(scale));
  for (auto& child : group.groups) complete_axes(child);
}

bool is_index_scale(const Dataset& dataset) {
  return dataset.is_scale() && dataset.type == ElementType::i4 && dataset.description == index_description &&
         dataset.units.empty() && dataset.attributes.empty();
}

std::string joined_descriptions(std::string lines, std::string_view more) {
  std::istringstream given{std::string(more)};
  for (std::string line; std::getline(given, line);) {
    if (('\n' + lines + '\n').find('\n' + line + '\n') != std::string::npos) continue;
    if (!lines.empty()) lines += '\n';
    lines += line;
  }
  return lines;
}

void merge(Group& into, Group from) {
  for (auto& attribute : from.attributes) {
    const auto* there = attribute.name == attribute_descriptions ? into.attribute(attribute.name) : nullptr;
    if (there) attribute.value = joined_descriptions(into.text(attribute.name), from.text(attribute.name));
    into.set(attribute.name, std::move(attribute.value));
  }
  for (auto& dataset : from.datasets) {
    const auto* there = into.find(dataset.name);
    if (there && there->is_scale() && there->shape == dataset.shape && is_index_scale(dataset)) continue;
    if (there) refuse_data_set(into, dataset, "it is there already, so nothing can be merged into it");
    into.datasets.push_back(std::move(dataset));
  }
  for (auto& child : from.groups) {
    auto& target = into.group(child.name);
    merge(target, std::move(child));
  }
}

}  // namespace flatsweep
