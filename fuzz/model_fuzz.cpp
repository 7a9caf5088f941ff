// A network made elsewhere, as a file of its weights: recordings are safetensors whose texts say so. What is taken has
// all its weights, finite, and what is refused says why.
#include "arrays.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "study/models/model_file.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {
namespace {

Config small_config() {
  Config config;
  config.study = Study::models;
  config.network.architecture = {"custom", {parse_layer_spec("fc 3")}};
  config.pca.layers = {"fc1"};
  return config;
}

/// What the headers promise is there, and the numbers are those of the network.
void check_read(const Config& config, const DatasetShape& data, const ModelEntry& model) {
  const auto opened = open_model(config, data, model);
  require(opened.arrays.size() == opened.network.layers.size(), "a layer has no arrays");
  const auto weights = read_weights(opened.file, opened.arrays, opened.network);
  require(weights.size() == opened.network.parameters, "there are more or fewer weights than the network has");
  require(std::ranges::all_of(weights, [](float w) { return std::isfinite(w); }), "a weight is not finite");
  const auto& trajectory = opened.trajectories.at(0);
  require(trajectory.snapshots == model.snapshots.at(0), "the trajectory is not as long as its header says");
  if (trajectory.snapshots == 0) return;
  const auto& layer = opened.network.layer("fc1");
  check_snapshots(snapshots_in_memory(trajectory), std::span(weights).subspan(layer.weights, layer.size()), "fc1");
}

void check(std::string_view bytes) {
  if (bytes.find("\x89HDF") != std::string_view::npos) return;  // libhdf5 is not ours
  static InputFile input;
  static const Config config = small_config();
  const DatasetShape data{10, 5, {1, 1, 4}, 2, PixelType::singles};
  input.write(bytes);
  ModelEntry model;
  model.name = "m";
  model.file = input.path();
  model.architecture = config.network.architecture;
  model.snapshots = {0};
  try {
    std::map<std::string, std::string> metadata;
    look_at_headers(config, data, model, metadata);
    check_read(config, data, model);
  } catch (const ConfigError& error) {
    require(std::string_view(error.what()).find(input.path().string()) != std::string_view::npos ||
                std::string_view(error.what()).find("snapshot") != std::string_view::npos ||
                std::string_view(error.what()).find("trajectory") != std::string_view::npos ||
                std::string_view(error.what()).find("finite") != std::string_view::npos,
            "an error does not say which file");
  } catch (const IoError& error) {
    require(*error.what() != '\0', "an error says nothing");
  }
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flatsweep::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
