#include "flatsweep/nn/architecture.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace flatsweep {

namespace {

using Kind = LayerSpec::Kind;

constexpr int largest_size = 65536;
constexpr int largest_kernel = 64;
constexpr int largest_pool = 15;  // the places of a square, and one number more, are counted in a byte
constexpr int largest_mean = 1024;

[[noreturn]] void malformed(std::string_view text) {
  throw ConfigError(fmt::format(
      "\"{}\" is not a layer; write \"conv CHANNELS kernel SIDE\" (and \"stride STEP\", \"padding ZEROS\" and an "
      "activation behind it), \"pool SIDE\", \"average-pool SIDE\", \"global-average-pool\" or "
      "\"fc UNITS\" (and an activation)",
      text));
}

int number(const std::string& word, std::string_view text) {
  const auto value = number_from<int>(word);
  if (!value) malformed(text);
  return *value;
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

/// The words of a layer from the left to the right.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text), words_(words_of(text)) {}

  /// Takes the next word if it is this one.
  bool take(std::string_view word) {
    if (next_ == words_.size() || words_[next_] != word) return false;
    ++next_;
    return true;
  }
  int take_number() {
    if (next_ == words_.size()) malformed(text_);
    return number(words_[next_++], text_);
  }
  /// The number behind this word, or `otherwise` where another word stands.
  int option(std::string_view word, int otherwise) { return take(word) ? take_number() : otherwise; }
  std::optional<Activation> take_activation() {
    const auto found = next_ < words_.size() ? from_word<Activation>(words_[next_]) : std::nullopt;
    if (found) ++next_;
    return found;
  }
  void end() const {
    if (next_ < words_.size()) malformed(text_);
  }

 private:
  std::string_view text_;
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

LayerSpec parse_convolution(Words& words, std::string_view text) {
  LayerSpec spec{Kind::convolution, words.take_number()};
  if (!words.take("kernel")) malformed(text);
  spec.kernel = words.take_number();
  spec.stride = words.option("stride", 1);
  spec.padding = words.option("padding", 0);
  spec.activation = words.take_activation();
  words.end();
  check_range(text, "channels", spec.size, 1, largest_size);
  check_range(text, "kernel", spec.kernel, 1, largest_kernel);
  check_range(text, "stride", spec.stride, 1, largest_kernel);
  check_range(text, "padding", spec.padding, 0, spec.kernel - 1);
  return spec;
}

LayerSpec parse_pool(Kind kind, Words& words, std::string_view text, int largest) {
  const LayerSpec spec{kind, words.take_number()};
  words.end();
  check_range(text, "side", spec.size, 2, largest);
  return spec;
}

LayerSpec parse_fully_connected(Words& words, std::string_view text) {
  LayerSpec spec{Kind::fully_connected, words.take_number()};
  spec.activation = words.take_activation();
  words.end();
  check_range(text, "units", spec.size, 1, largest_size);
  return spec;
}

}  // namespace

LayerSpec parse_layer_spec(std::string_view text) {
  Words words(text);
  if (words.take("conv")) return parse_convolution(words, text);
  if (words.take("pool")) return parse_pool(Kind::pool, words, text, largest_pool);
  if (words.take("average-pool")) return parse_pool(Kind::average_pool, words, text, largest_mean);
  if (words.take("fc")) return parse_fully_connected(words, text);
  if (!words.take("global-average-pool")) malformed(text);
  words.end();
  return {Kind::global_average_pool};
}

std::string to_string(const LayerSpec& spec) {
  const auto activation = spec.activation ? fmt::format(" {}", to_string(*spec.activation)) : "";
  const auto option = [](const char* word, int value, int otherwise) {
    return value == otherwise ? "" : fmt::format(" {} {}", word, value);
  };
  switch (spec.kind) {
    case Kind::convolution:
      return fmt::format("conv {} kernel {}", spec.size, spec.kernel) + option("stride", spec.stride, 1) +
             option("padding", spec.padding, 0) + activation;
    case Kind::pool:
      return fmt::format("pool {}", spec.size);
    case Kind::average_pool:
      return fmt::format("average-pool {}", spec.size);
    case Kind::global_average_pool:
      return "global-average-pool";
    case Kind::fully_connected:
      return fmt::format("fc {}", spec.size) + activation;
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
    return {"cnn-s1b",
            {{Kind::convolution, 16, 3, 1}, {Kind::pool, 2}, {Kind::convolution, 32, 5, 2}, {Kind::pool, 2}}};
  if (name == "lenet5")
    return {"lenet5",
            {{Kind::convolution, 6, 5, 0},
             {Kind::pool, 2},
             {Kind::convolution, 16, 5, 0},
             {Kind::pool, 2},
             {Kind::fully_connected, 120},
             {Kind::fully_connected, 84}}};
  throw ConfigError(
      fmt::format("there is no architecture \"{}\"; it is \"mlp\", \"cnn-s1b\", \"lenet5\" or a list of "
                  "layers",
                  name));
}

namespace {

/// Appends layers one by one and keeps account of names, offsets and the image that the next layer sees.
class Builder {
 public:
  Builder(const ImageShape& input, Activation activation) : image_(input), activation_(activation) {}

  void add(const LayerSpec& spec) {
    switch (spec.kind) {
      case Kind::convolution:
        return add_convolution(spec);
      case Kind::pool:
      case Kind::average_pool:
        return add_pool(spec);
      case Kind::global_average_pool:
        return add_global_pool();
      case Kind::fully_connected:
        return add_fully_connected(spec.size, spec.activation.value_or(activation_));
    }
  }
  void add_fully_connected(int units, Activation activation) {
    Layer layer;
    layer.activation = activation;
    layer.name = fmt::format("fc{}", ++fully_connected_);
    layer.inputs = image_.features();
    layer.outputs = units;
    append(layer);
    image_ = {units, 1, 1};
  }
  Network finish() && { return std::move(network_); }

 private:
  void add_convolution(const LayerSpec& spec) {
    Layer layer;
    layer.convolution = Convolution{image_, spec.kernel, spec.padding, 1, spec.stride};
    layer.activation = spec.activation.value_or(activation_);
    layer.name = fmt::format("conv{}", ++convolutions_);
    layer.inputs = image_.channels * spec.kernel * spec.kernel;
    layer.outputs = spec.size;
    if (image_.height + 2 * spec.padding < spec.kernel || image_.width + 2 * spec.padding < spec.kernel)
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
    if (spec.kind == Kind::average_pool) layer.convolution->pooling = Pooling::mean;
    pooled(layer);
  }
  void add_global_pool() {
    auto& layer = network_.layers.back();
    layer.convolution->global_pool = true;
    layer.convolution->pooling = Pooling::mean;
    pooled(layer);
  }
  void pooled(const Layer& layer) {
    image_ = {layer.outputs, layer.convolution->pooled_height(), layer.convolution->pooled_width()};
  }
  void append(Layer& layer) {
    check_count(layer, "weights", layer.size());
    check_count(layer, "outputs", static_cast<std::size_t>(layer.outputs) * output_positions(layer));
    layer.weights = network_.parameters;
    layer.bias = layer.weights + layer.size();
    network_.parameters = layer.bias + layer.outputs;
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
  Activation activation_;
  Network network_;
  int convolutions_ = 0;
  int fully_connected_ = 0;
};

}  // namespace

void check_order(std::span<const LayerSpec> before, const LayerSpec& layer) {
  const bool any_connected = std::ranges::find(before, Kind::fully_connected, &LayerSpec::kind) != before.end();
  if (layer.kind == Kind::convolution && any_connected)
    throw ConfigError(fmt::format("\"{}\" stands behind a fully connected layer; move it before", to_string(layer)));
  const bool pool =
      layer.kind == Kind::pool || layer.kind == Kind::average_pool || layer.kind == Kind::global_average_pool;
  if (pool && (before.empty() || before.back().kind != Kind::convolution))
    throw ConfigError(fmt::format("\"{}\" must stand right behind a convolution; move or remove it", to_string(layer)));
}

Network build_network(const ImageShape& input, const std::vector<LayerSpec>& layers, int classes,
                      Activation activation) {
  Builder builder(input, activation);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    check_order(std::span(layers).first(i), layers[i]);
    builder.add(layers[i]);
  }
  builder.add_fully_connected(classes, Activation::identity);
  return std::move(builder).finish();
}

Network multilayer_perceptron(int inputs, int hidden_layers, int width, int classes, Activation activation) {
  return build_network({1, 1, inputs}, std::vector<LayerSpec>(hidden_layers, {Kind::fully_connected, width}), classes,
                       activation);
}

}  // namespace flatsweep
