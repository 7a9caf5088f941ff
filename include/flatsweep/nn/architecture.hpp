#pragma once

#include "flatsweep/nn/network.hpp"

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// One word of an architecture, as the configuration spells it: "conv 16 kernel 5 stride 2 padding 2 tanh", "pool 2",
/// "average-pool 2", "global-average-pool", "fc 120 gelu".
struct LayerSpec {
  enum class Kind { convolution, pool, average_pool, global_average_pool, fully_connected };
  Kind kind = Kind::fully_connected;
  int size = 0;  ///< channels, side of the pooled squares, or units
  int kernel = 0;
  int padding = 0;
  int stride = 1;
  std::optional<Activation> activation = std::nullopt;  ///< absent: that of the network
  auto operator<=>(const LayerSpec&) const = default;
};

/// @throws ConfigError saying how a layer is written
[[nodiscard]] LayerSpec parse_layer_spec(std::string_view text);
[[nodiscard]] std::string to_string(const LayerSpec& spec);

/// A named architecture or a list of layers. The output layer (fully connected, one unit for each class) is always
/// added.
struct Architecture {
  std::string name = "mlp";       ///< mlp | cnn-s1b | lenet5 | custom
  std::vector<LayerSpec> layers;  ///< empty for mlp, whose layers follow from width and depth
  auto operator<=>(const Architecture&) const = default;
  [[nodiscard]] bool is_mlp() const { return name == "mlp"; }
  /// Its name, or for "custom" its layers, separated by commas.
  [[nodiscard]] std::string label() const;
};

/// cnn-s1b: Fig S1B's network; lenet5: that of Fig S9C.  @throws ConfigError naming the known ones
[[nodiscard]] Architecture named_architecture(std::string_view name);

/// @throws ConfigError when `layer` may not follow `before`: a pool without a convolution right before it, a
/// convolution behind a fully connected layer
void check_order(std::span<const LayerSpec> before, const LayerSpec& layer);

/// @throws ConfigError when a layer does not fit: as `check_order`, an image smaller than a kernel or a pool, more
/// weights or outputs than an int counts
/// @param activation of layers that have none of their own; the last layer's is the identity
[[nodiscard]] Network build_network(const ImageShape& input, const std::vector<LayerSpec>& layers, int classes,
                                    Activation activation = Activation::relu);

}  // namespace flatsweep
