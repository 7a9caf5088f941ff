#include "flatsweep/nn/architecture.hpp"

#include "flatsweep/base/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

namespace flatsweep {

namespace {

using Kind = LayerSpec::Kind;

constexpr int largest_size = 65536;
constexpr int largest_kernel = 64;
constexpr int largest_pool = 15;  // the places of a square, and one number more, are counted in a byte

[[noreturn]] void malformed(std::string_view text) {
  throw ConfigError(
      fmt::format("\"{}\" is not a layer; write \"conv CHANNELS kernel SIDE\" (and \"padding ZEROS\" "
                  "behind it), \"pool SIDE\" or \"fc UNITS\"",
                  text));
}

int number(const std::string& word, std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) malformed(text);
  return value;
}

void check_range(std::string_view text, const char* what, int value, int low, int high) {
  if (value < low || value > high)
    throw ConfigError(fmt::format("\"{}\": {} = {} must be {} to {}", text, what, value, low, high));
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

LayerSpec parse_convolution(const std::vector<std::string>& words, std::string_view text) {
  const bool padded = words.size() == 6;
  if ((words.size() != 4 && !padded) || words[2] != "kernel" || (padded && words[4] != "padding")) malformed(text);
  const LayerSpec spec{Kind::convolution, number(words[1], text), number(words[3], text),
                       padded ? number(words[5], text) : 0};
  check_range(text, "channels", spec.size, 1, largest_size);
  check_range(text, "kernel", spec.kernel, 1, largest_kernel);
  check_range(text, "padding", spec.padding, 0, spec.kernel - 1);
  return spec;
}

LayerSpec parse_pool(const std::vector<std::string>& words, std::string_view text) {
  const LayerSpec spec{Kind::pool, number(words[1], text), 0, 0};
  check_range(text, "side", spec.size, 2, largest_pool);
  return spec;
}

LayerSpec parse_fully_connected(const std::vector<std::string>& words, std::string_view text) {
  const LayerSpec spec{Kind::fully_connected, number(words[1], text), 0, 0};
  check_range(text, "units", spec.size, 1, largest_size);
  return spec;
}

}  // namespace

LayerSpec parse_layer_spec(std::string_view text) {
  const auto words = words_of(text);
  if (words.size() >= 2 && words[0] == "conv") return parse_convolution(words, text);
  if (words.size() == 2 && words[0] == "pool") return parse_pool(words, text);
  if (words.size() == 2 && words[0] == "fc") return parse_fully_connected(words, text);
  malformed(text);
}

std::string to_string(const LayerSpec& spec) {
  switch (spec.kind) {
    case Kind::convolution:
      return fmt::format("conv {} kernel {}", spec.size, spec.kernel) +
             (spec.padding > 0 ? fmt::format(" padding {}", spec.padding) : "");
    case Kind::pool:
      return fmt::format("pool {}", spec.size);
    case Kind::fully_connected:
      return fmt::format("fc {}", spec.size);
  }
  return "";
}

std::string Architecture::label() const {
  if (name != "custom") return name;
  std::vector<std::string> texts;
  for (const auto& layer : layers) texts.push_back(to_string(layer));
  return fmt::format("{}", fmt::join(texts, ", "));
}

Architecture named_architecture(std::string_view name) {
  if (name == "mlp") return {};
  if (name == "cnn-s1b")
    return {
        "cnn-s1b",
        {{Kind::convolution, 16, 3, 1}, {Kind::pool, 2, 0, 0}, {Kind::convolution, 32, 5, 2}, {Kind::pool, 2, 0, 0}}};
  if (name == "lenet5")
    return {"lenet5",
            {{Kind::convolution, 6, 5, 0},
             {Kind::pool, 2, 0, 0},
             {Kind::convolution, 16, 5, 0},
             {Kind::pool, 2, 0, 0},
             {Kind::fully_connected, 120, 0, 0},
             {Kind::fully_connected, 84, 0, 0}}};
  throw ConfigError(
      fmt::format("there is no architecture \"{}\"; it is \"mlp\", \"cnn-s1b\", \"lenet5\" or a list of "
                  "layers",
                  name));
}

namespace {

/// Appends layers one by one and keeps account of names, offsets and the image that the next layer sees.
class Builder {
 public:
  explicit Builder(const ImageShape& input) : image_(input) {}

  void add(const LayerSpec& spec) {
    switch (spec.kind) {
      case Kind::convolution:
        return add_convolution(spec);
      case Kind::pool:
        return add_pool(spec);
      case Kind::fully_connected:
        return add_fully_connected(spec.size);
    }
  }
  void add_fully_connected(int units) {
    Layer layer;
    layer.name = fmt::format("fc{}", ++fully_connected_);
    layer.inputs = image_.features();
    layer.outputs = units;
    append(layer);
    image_ = {units, 1, 1};
  }
  Network finish() && {
    network_.layers.back().relu = false;
    return std::move(network_);
  }

 private:
  void add_convolution(const LayerSpec& spec) {
    Layer layer;
    layer.convolution = Convolution{image_, spec.kernel, spec.padding, 1};
    layer.name = fmt::format("conv{}", ++convolutions_);
    layer.inputs = image_.channels * spec.kernel * spec.kernel;
    layer.outputs = spec.size;
    if (layer.convolution->height() < 1 || layer.convolution->width() < 1)
      throw ConfigError(fmt::format("\"{}\" does not fit its input of {} x {}; take a smaller kernel or more padding",
                                    to_string(spec), image_.height, image_.width));
    append(layer);
    image_ = {spec.size, layer.convolution->height(), layer.convolution->width()};
  }
  void add_pool(const LayerSpec& spec) {
    if (image_.height < spec.size || image_.width < spec.size)
      throw ConfigError(fmt::format("\"{}\" does not fit its input of {} x {}; take a smaller side", to_string(spec),
                                    image_.height, image_.width));
    auto& layer = network_.layers.back();
    layer.convolution->pool = spec.size;
    image_ = {layer.outputs, layer.convolution->pooled_height(), layer.convolution->pooled_width()};
  }
  void append(Layer& layer) {
    check_count(layer, "weights", layer.size());
    check_count(layer, "outputs", static_cast<std::size_t>(layer.outputs) * output_positions(layer));
    layer.weights = network_.parameters;
    layer.bias = layer.weights + layer.size();
    network_.parameters = layer.bias + static_cast<std::size_t>(layer.outputs);
    network_.layers.push_back(layer);
  }
  // Layer::output_positions before it is known that an int counts them.
  static std::size_t output_positions(const Layer& layer) {
    if (!layer.convolution) return 1;
    return static_cast<std::size_t>(layer.convolution->height()) * static_cast<std::size_t>(layer.convolution->width());
  }
  static void check_count(const Layer& layer, const char* what, std::size_t count) {
    constexpr std::size_t most = std::numeric_limits<int>::max();
    if (count > most)
      throw ConfigError(fmt::format("layer {} would have {} {}, more than {}; take fewer channels or units", layer.name,
                                    count, what, most));
  }

  ImageShape image_;
  Network network_;
  int convolutions_ = 0;
  int fully_connected_ = 0;
};

}  // namespace

void check_order(std::span<const LayerSpec> before, const LayerSpec& layer) {
  const bool any_connected = std::ranges::find(before, Kind::fully_connected, &LayerSpec::kind) != before.end();
  if (layer.kind == Kind::convolution && any_connected)
    throw ConfigError(fmt::format("\"{}\" stands behind a fully connected layer; move it before", to_string(layer)));
  if (layer.kind == Kind::pool && (before.empty() || before.back().kind != Kind::convolution))
    throw ConfigError(fmt::format("\"{}\" must stand right behind a convolution; move or remove it", to_string(layer)));
}

Network build_network(const ImageShape& input, const std::vector<LayerSpec>& layers, int classes) {
  Builder builder(input);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    check_order(std::span(layers).first(i), layers[i]);
    builder.add(layers[i]);
  }
  builder.add_fully_connected(classes);
  return std::move(builder).finish();
}

Network multilayer_perceptron(int inputs, int hidden_layers, int width, int classes) {
  return build_network({1, 1, inputs}, std::vector<LayerSpec>(hidden_layers, {Kind::fully_connected, width, 0, 0}),
                       classes);
}

}  // namespace flatsweep
