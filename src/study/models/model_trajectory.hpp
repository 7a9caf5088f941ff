#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/io/array_file.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/study/grid/config.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

// Snapshots of weights that others kept.
namespace flatsweep {

/// Where the snapshots of one layer are.
struct LayerTrajectory {
  std::vector<std::filesystem::path> files;  ///< one with all snapshots as rows, or one for each
  std::string array;                         ///< in every file
  std::int64_t snapshots = 0;                ///< T; 0: there are none
  std::int64_t size = 0;                     ///< N
};

/// Looks for the snapshots of every layer of pca.layers: arrays (T, N) or (T, shape of the weights) in one file, or the
/// weights in one file for each snapshot. An array bears the layer's name, the name that the weights have in the
/// model's file, or none (.npy).
/// @param weight_names of all layers in the model's file, in their order
/// @param list of the model's file, which holds the trajectory itself where it is a recording
/// @return one for every layer of pca.layers
/// @throws ConfigError: shapes that are not those of the weights, too few snapshots, layers of different length, a
/// trajectory without any of these layers; IoError
[[nodiscard]] std::vector<LayerTrajectory> find_trajectories(const ModelEntry& model, const ArrayList& list,
                                                             const std::vector<std::string>& weight_names,
                                                             const Network& network,
                                                             const std::vector<std::string>& layers);

/// Its snapshots in blocks of rows, read on every pass.   @throws ConfigError, IoError as ArrayFile, on a pass
[[nodiscard]] SnapshotSource snapshots_of(const LayerTrajectory& trajectory);
/// The same, read once and kept.
[[nodiscard]] SnapshotSource snapshots_in_memory(const LayerTrajectory& trajectory);

/// Goes through all of it once.   @param solution the layer's weights in the model's file
/// @throws ConfigError where a number is not finite, or the last snapshot is not the solution
void check_snapshots(const SnapshotSource& source, std::span<const float> solution, const std::string& layer);

}  // namespace flatsweep
