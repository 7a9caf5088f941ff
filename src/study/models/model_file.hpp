#pragma once

#include "flatsweep/io/array_file.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "model_trajectory.hpp"
#include "weight_map.hpp"

#include <map>
#include <string>
#include <vector>

namespace flatsweep {

/// A model's files, open, with their arrays' places.
struct ModelFile {
  Network network;
  ArrayFile file;
  std::vector<LayerArrays> arrays;            ///< of every layer of the network
  std::vector<LayerTrajectory> trajectories;  ///< of every layer of pca.layers
};

/// @throws ConfigError, IoError, with the file
[[nodiscard]] ModelFile open_model(const Config& config, const DatasetShape& data, const ModelEntry& model);

/// Opens it and fills in what its headers say: architecture, snapshots, stride, batch size, notes. Serial.
/// @param metadata filled with the texts that the file keeps beside its arrays
/// @throws ConfigError, IoError, with the file
void look_at_headers(const Config& config, const DatasetShape& data, ModelEntry& model,
                     std::map<std::string, std::string>& metadata);

}  // namespace flatsweep
