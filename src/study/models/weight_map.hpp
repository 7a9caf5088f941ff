#pragma once

#include "flatsweep/io/array_file.hpp"
#include "flatsweep/nn/network.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Which array of a file is which layer of a network.
namespace flatsweep {

/// Places of a layer's arrays in the list of their file.
struct LayerArrays {
  std::int64_t weights = -1;
  std::int64_t bias = -1;  ///< -1: there is none, and the biases are 0
};

/// An array's name and shape, as messages show them: "fc1.weight (30, 784)".
[[nodiscard]] std::string describe(const ArrayHeader& array);
/// The name and the shape of a layer's weights.
[[nodiscard]] std::string describe(const Layer& layer);

/// As an array of a file has it.
[[nodiscard]] std::vector<std::int64_t> shape_of_weights(const Layer& layer);

/// The arrays of every layer. By `names` (layer -> array, layer_bias -> array) where there are any. Else every layer
/// takes the first array that is left and has its shape, in the order of the file; where that is the alphabet's, which
/// says nothing, in the order of the names with numbers counted as such. Biases belong to the array whose name is the
/// same but for "weight", or ends in _bias.
/// @param prefix of the names that count: "weights/"
/// @throws ConfigError listing both sides: arrays that fit no layer, layers without one, an array left over
[[nodiscard]] std::vector<LayerArrays> map_weights(const ArrayList& list, const Network& network,
                                                   const std::map<std::string, std::string>& names,
                                                   std::string_view prefix = "");

/// All weights and biases, as they stand in the network's flat vector.
/// @throws ConfigError, IoError as ArrayFile; ConfigError for numbers that are not finite
[[nodiscard]] std::vector<float> read_weights(const ArrayFile& file, const std::vector<LayerArrays>& arrays,
                                              const Network& network);

/// Names with their numbers counted as numbers: step-2 before step-10.
[[nodiscard]] bool natural_less(std::string_view a, std::string_view b);

}  // namespace flatsweep
