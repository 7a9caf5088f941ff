#include "flatsweep/study/run/export.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/npz.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/io/safetensors.hpp"
#include "flatsweep/study/store/output_folder.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "io/arrays/array_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view bias_mark = "_bias";

/// "fc1" is fc1.weight, "fc1_bias" is fc1.bias.
std::string pytorch_name(const std::string& name) {
  if (!name.ends_with(bias_mark)) return name + ".weight";
  return name.substr(0, name.size() - bias_mark.size()) + ".bias";
}

std::vector<std::int64_t> signed_shape(const std::vector<std::uint64_t>& shape) { return {shape.begin(), shape.end()}; }

std::size_t row_of(const fs::path& results, const ExportOptions& options) {
  const auto rows = read_results_group(results, "grid").dataset("status").count();
  if (options.replica < 0 || std::cmp_greater_equal(options.replica, rows))
    throw ConfigError(
        fmt::format("{}: there is no replica {}; the run has 0 to {}", results.string(), options.replica, rows - 1));
  return options.replica;
}

/// The group weights/ of the replica, without the scales of its axes.
Group weights_of(const fs::path& results, const ExportOptions& options) {
  const auto name = "replica/" + unit_name(row_of(results, options));
  const auto replica = read_results_group(results, name);
  const auto* weights = replica.find_group("weights");
  if (weights == nullptr)
    throw ConfigError(fmt::format("{}: replica {} is {} and has no weights", results.string(), options.replica,
                                  replica.attribute("status") == nullptr ? "not done" : replica.text("status")));
  Group kept = *weights;
  std::erase_if(kept.datasets, [](const Dataset& data) { return data.type != ElementType::f4; });
  return kept;
}

void write_weights(const fs::path& file, const Group& weights, const ExportOptions& options) {
  std::vector<ArrayView> arrays;
  for (const auto& data : weights.datasets)
    arrays.push_back({pytorch_name(data.name), signed_shape(data.shape), data.values<float>()});
  write_safetensors(file, arrays, {{"format", "pt"}, {"flatsweep_replica", std::to_string(options.replica)}});
}

/// One layer's snapshots, a few MiB at a time.
void write_layer(NpzWriter& writer, ArraySource& snapshots, std::int64_t place, const Dataset& weights) {
  const auto& array = snapshots.list().arrays[place];
  const auto rows = array.rows(), size = array.row_size();
  auto shape = signed_shape(weights.shape);
  shape.insert(shape.begin(), rows);
  writer.begin(pytorch_name(weights.name), shape);
  const auto at_once = std::max<std::int64_t>(1, (std::int64_t{1} << 21) / std::max<std::int64_t>(size, 1));
  std::vector<float> block;
  for (std::int64_t first = 0; first < rows; first += at_once) {
    const Range part{first, std::min(first + at_once, rows)};
    block.resize(part.size() * size);
    snapshots.read(place, part, std::as_writable_bytes(std::span(block)));
    writer.append(block);
  }
}

/// @return the names of the layers that have one
std::vector<std::string> write_trajectory(const fs::path& file, const fs::path& results, const Group& weights,
                                          const ExportOptions& options) {
  const auto group = fmt::format("replica/{}/trajectory", unit_name(options.replica));
  const auto snapshots = open_hdf5_arrays(results, group);  // a grid has more arrays than anybody would list
  std::vector<std::pair<std::int64_t, const Dataset*>> layers;
  for (const auto& data : weights.datasets) {
    const auto place = snapshots->list().find(group + "/" + data.name);
    if (place >= 0) layers.emplace_back(place, &data);
  }
  if (layers.empty())
    throw ConfigError(
        fmt::format("{}: the run has no trajectory; runs with output.trajectory = true have one", results.string()));
  NpzWriter writer(file);
  std::vector<std::string> names;
  for (const auto& [place, data] : layers) {
    write_layer(writer, *snapshots, place, *data);
    names.push_back(data->name);
  }
  writer.publish();
  return names;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored) || fs::absolute(a).lexically_normal() == fs::absolute(b).lexically_normal();
}

/// What is written takes the place of what has its name: that must not be the run, nor anything but a file.
void check_target(const fs::path& run, const fs::path& target) {
  std::error_code ignored;
  if (is_there(target) && !fs::is_regular_file(target, ignored))
    throw ConfigError(fmt::format("{}: that is there, and is no file; name another one", target.string()));
  for (const auto* own : {"results.h5", "config.toml", "log.txt", "progress.csv"})
    if (same_file(target, run / own))
      throw ConfigError(fmt::format("{}: that file belongs to the run; name another one", target.string()));
}

void check_targets(const ExportOptions& options) {
  for (const auto& target : {options.weights, options.trajectory})
    if (!target.empty()) check_target(options.run, target);
  if (!options.weights.empty() && !options.trajectory.empty() && same_file(options.weights, options.trajectory))
    throw ConfigError(fmt::format("--weights and --trajectory name one file, {}; name two", options.weights.string()));
}

}  // namespace

std::vector<std::string> export_replica(const ExportOptions& options) {
  const auto results = results_file(options.run);
  if (!is_there(results))
    throw ConfigError(
        fmt::format("{}: there are no results; name the output folder of a finished run", results.string()));
  check_targets(options);
  const auto weights = weights_of(results, options);
  std::vector<std::string> lines;
  if (!options.weights.empty()) {
    write_weights(options.weights, weights, options);
    lines.push_back(fmt::format("weights of replica {} in {}", options.replica, options.weights.string()));
  }
  if (!options.trajectory.empty()) {
    const auto layers = write_trajectory(options.trajectory, results, weights, options);
    lines.push_back(fmt::format("trajectory of {} in {}", fmt::join(layers, ", "), options.trajectory.string()));
  }
  return lines;
}

}  // namespace flatsweep
