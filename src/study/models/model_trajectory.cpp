#include "model_trajectory.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "recording.hpp"
#include "weight_map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t fewest_snapshots = 3, rows_at_once = 512;
constexpr double same_weights = 1e-6;  ///< of the largest weight; in half precision nothing is left of a step

using ArrayShape = std::vector<std::int64_t>;

ArrayShape with_rows(std::int64_t rows, const ArrayShape& shape) {
  ArrayShape all{rows};
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}

/// The array that bears one of the names.
std::int64_t find_any(const ArrayList& list, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (const auto place = list.find(name); place >= 0) return place;
  return -1;
}

void check_length(std::int64_t snapshots, const std::string& what) {
  if (snapshots < fewest_snapshots)
    throw ConfigError(
        fmt::format("{} has {}; PCA needs {} or more", what, counted(snapshots, "snapshot"), fewest_snapshots));
}

/// All snapshots as rows of one array.
LayerTrajectory rows_of_trajectory(const fs::path& file, const ArrayList& list, const std::vector<std::string>& names,
                                   const Layer& layer) {
  const auto place = find_any(list, names);
  if (place < 0) return {};
  const auto& array = list.arrays[place];
  const std::int64_t size = layer.size();
  const auto rows = array.rows();
  if (array.shape != ArrayShape{rows, size} && array.shape != with_rows(rows, shape_of_weights(layer)))
    throw ConfigError(
        fmt::format("the trajectory {} does not fit {}: it has a row of {} numbers, or of that shape, "
                    "for each snapshot",
                    describe(array), describe(layer), size));
  check_length(rows, fmt::format("the trajectory {}", describe(array)));
  return {{file}, array.name, rows, size};
}

/// One file for each snapshot.
LayerTrajectory files_of_snapshots(const std::vector<fs::path>& files, const std::vector<ArrayList>& lists,
                                   const std::vector<std::string>& names, const Layer& layer) {
  const auto first = find_any(lists.front(), names);
  if (first < 0) return {};
  LayerTrajectory found{files, lists.front().arrays[first].name, std::ssize(files),
                        static_cast<std::int64_t>(layer.size())};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto place = lists[i].find(found.array);
    if (place < 0)
      throw ConfigError(fmt::format("the snapshot {} has no array {}, which {} has", files[i].string(), found.array,
                                    files.front().string()));
    const auto& array = lists[i].arrays[place];
    if (array.shape != shape_of_weights(layer) && array.shape != ArrayShape{found.size})
      throw ConfigError(fmt::format("the snapshot {}: {} is not of the shape of {}", files[i].string(), describe(array),
                                    describe(layer)));
  }
  check_length(found.snapshots, "the trajectory");
  return found;
}

/// Names that the layer's snapshots may bear.
std::vector<std::string> names_of(const Layer& layer, const std::string& weight_name, bool alone) {
  std::vector<std::string> names = {layer.name, weight_name, std::string(recorded_trajectory) + layer.name};
  if (alone) names.emplace_back();
  return names;
}

void check_all(const std::vector<LayerTrajectory>& found, const std::vector<std::string>& layers,
               const std::vector<ArrayList>& lists) {
  std::int64_t length = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].snapshots == 0) continue;
    if (length != 0 && found[i].snapshots != length)
      throw ConfigError(fmt::format("the trajectory of {} has {} snapshots and that of another layer {}", layers[i],
                                    found[i].snapshots, length));
    length = found[i].snapshots;
  }
  if (length > 0) return;
  std::vector<std::string> arrays;
  for (const auto& array : lists.front().arrays) arrays.push_back(describe(array));
  throw ConfigError(fmt::format("the trajectory has none of pca.layers ({}); it has {}", fmt::join(layers, ", "),
                                arrays.empty() ? "nothing" : fmt::format("{}", fmt::join(arrays, ", "))));
}

std::vector<ArrayList> list_all(const std::vector<fs::path>& files) {
  std::vector<ArrayList> lists;
  for (const auto& file : files) lists.push_back(list_arrays(file));
  return lists;
}

using ReadRows = std::function<void(Range rows, std::span<float> out)>;

/// A reader of rows that keeps its file open.
ReadRows rows_reader(const LayerTrajectory& trajectory) {
  if (trajectory.files.size() == 1) {
    const auto file = std::make_shared<const ArrayFile>(trajectory.files.front());
    const auto place = file->list().find(trajectory.array);
    return [file, place](Range rows, std::span<float> out) { file->read_rows(place, rows, out); };
  }
  return [trajectory](Range rows, std::span<float> out) {
    const std::size_t size = trajectory.size;
    for (auto row = rows.begin; row < rows.end; ++row) {
      const ArrayFile file(trajectory.files[row]);
      file.read(file.list().find(trajectory.array), out.subspan((row - rows.begin) * size, size));
    }
  };
}

}  // namespace

std::vector<LayerTrajectory> find_trajectories(const ModelEntry& model, const ArrayList& list,
                                               const std::vector<std::string>& weight_names, const Network& network,
                                               const std::vector<std::string>& layers) {
  const bool recorded = model.trajectory.empty() && is_recording(list);
  std::vector<LayerTrajectory> found(layers.size());
  if (model.trajectory.empty() && !recorded) return found;
  const auto lists = recorded ? std::vector{list} : list_all(model.trajectory);
  const auto& files = recorded ? std::vector{model.file} : model.trajectory;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto index = network.index_of(layers[i]);
    const auto& layer = network.layers[index];
    const auto names = recorded ? std::vector{std::string(recorded_trajectory) + layer.name}
                                : names_of(layer, weight_names[index], layers.size() == 1);
    found[i] = files.size() == 1 ? rows_of_trajectory(files.front(), lists.front(), names, layer)
                                 : files_of_snapshots(files, lists, names, layer);
  }
  if (!recorded) check_all(found, layers, lists);
  return found;
}

SnapshotSource snapshots_of(const LayerTrajectory& trajectory) {
  SnapshotSource source{trajectory.snapshots, trajectory.size, {}};
  source.for_each_block = [read = rows_reader(trajectory), trajectory](const SnapshotVisitor& visit) {
    for (std::int64_t first = 0; first < trajectory.snapshots; first += rows_at_once) {
      const Range rows{first, std::min(first + rows_at_once, trajectory.snapshots)};
      RowMatrixF block(rows.size(), trajectory.size);
      read(rows, entries(block));
      visit(block);
    }
  };
  return source;
}

SnapshotSource snapshots_in_memory(const LayerTrajectory& trajectory) {
  const auto rows = std::make_shared<RowMatrixF>(trajectory.snapshots, trajectory.size);
  rows_reader(trajectory)({0, trajectory.snapshots}, entries(*rows));
  return in_memory(rows);
}

void check_snapshots(const SnapshotSource& source, std::span<const float> solution, const std::string& layer) {
  Eigen::RowVectorXf last;
  source.for_each_block([&](const SnapshotBlock& rows) {
    if (!rows.allFinite())
      throw ConfigError(fmt::format("the trajectory of {} has numbers that are not finite", layer));
    last = rows.row(rows.rows() - 1);
  });
  const Eigen::Map<const Eigen::RowVectorXf> weights(solution.data(), std::ssize(solution));
  const double difference = (last - weights).cwiseAbs().maxCoeff(), largest = weights.cwiseAbs().maxCoeff();
  if (difference > same_weights * largest)
    throw ConfigError(
        fmt::format("the last snapshot of {} is not the model's weights: they differ by up to {:.3g}, and "
                    "the largest weight is {:.3g}; the trajectory ends with the model",
                    layer, difference, largest));
}

}  // namespace flatsweep
