#pragma once

#include "flatsweep/nn/network.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace flatsweep {

/// One record of tests/train/pytorch_reference.txt: an array that an independent PyTorch run produced.
struct ReferenceArray {
  std::vector<std::size_t> shape;
  std::vector<double> values;  ///< row-major
};
using Reference = std::map<std::string, ReferenceArray>;

/// Reads the records "name d0 d1 ..." / "v0 v1 ..."; lines that begin with # are comments.
inline Reference read_reference(const std::string& file = FLATSWEEP_SOURCE_DIR "/tests/train/pytorch_reference.txt") {
  std::ifstream in(file);
  Reference records;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream head(line);
    std::string name, body;
    head >> name;
    auto& record = records[name];
    std::size_t count = 1;
    for (std::size_t n = 0; head >> n; count *= n) record.shape.push_back(n);
    std::getline(in, body);
    std::istringstream values(body);
    for (double v = 0.0; values >> v;) record.values.push_back(v);
    if (record.values.size() != count) throw std::runtime_error(file + ": record " + name + " is not complete");
  }
  if (records.empty()) throw std::runtime_error(file + ": there are no records");
  return records;
}

inline std::vector<std::uint8_t> as_bytes(const ReferenceArray& array) {
  std::vector<std::uint8_t> bytes;
  for (const double v : array.values) bytes.push_back(static_cast<std::uint8_t>(v));
  return bytes;
}

/// The records prefix/fc1, prefix/fc1_bias, ... one after another: the order of our weight vector.
inline std::vector<float> weights_at(const Reference& reference, const Network& network, const std::string& prefix) {
  std::vector<float> weights;
  for (const auto& layer : network.layers)
    for (const auto* ending : {"", "_bias"})
      for (const double v : reference.at(prefix + "/" + layer.name + ending).values)
        weights.push_back(static_cast<float>(v));
  return weights;
}

/// 20-8-6-4: widths that differ, which multilayer_perceptron does not make.
inline Network reference_network() {
  Network network;
  const int sizes[] = {20, 8, 6, 4};
  for (int i = 0; i < 3; ++i) {
    Layer layer{"fc" + std::to_string(i + 1), sizes[i], sizes[i + 1], i < 2 ? Activation::relu : Activation::identity,
                network.parameters,           0};
    layer.bias = layer.weights + layer.size();
    network.parameters = layer.bias + static_cast<std::size_t>(layer.outputs);
    network.layers.push_back(layer);
  }
  return network;
}

}  // namespace flatsweep
