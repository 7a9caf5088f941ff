#include "weight_map.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <optional>

namespace flatsweep {

namespace {

constexpr std::size_t most_listed_arrays = 40;

bool is_real(const ArrayHeader& array) { return array.type != NumberType::i32 && array.type != NumberType::i64; }

bool ends_with_word(std::string_view name, std::string_view word) {
  if (!name.ends_with(word)) return false;
  const auto before = name.size() - word.size();
  return before == 0 || !std::isalnum(static_cast<unsigned char>(name[before - 1]));
}

/// Where the biases of these weights are: "0.weight" has "0.bias", "fc1" has "fc1_bias".
std::int64_t bias_of(const ArrayList& list, const std::string& weights) {
  constexpr std::string_view word = "weight";
  if (ends_with_word(weights, word)) return list.find(weights.substr(0, weights.size() - word.size()) + "bias");
  return list.find(weights + "_bias");
}

std::string list_layers(const Network& network) {
  std::vector<std::string> texts;
  for (const auto& layer : network.layers) texts.push_back(describe(layer));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string list_some_arrays(const ArrayList& list, std::string_view prefix) {
  std::vector<std::string> texts;
  for (const auto& array : list.arrays)
    if (array.name.starts_with(prefix)) texts.push_back(describe(array));
  const auto more = std::ssize(texts) - static_cast<std::ptrdiff_t>(most_listed_arrays);
  if (more > 0) {
    texts.resize(most_listed_arrays);
    texts.push_back(fmt::format("and {} more", more));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

/// One model's arrays on their way to the layers.
class WeightMap {
 public:
  WeightMap(const ArrayList& list, const Network& network, std::string_view prefix)
      : list_(list), network_(network), prefix_(prefix), taken_(list.arrays.size(), false) {}

  std::vector<LayerArrays> by_order() {
    const auto order = order_of_weights();
    std::vector<LayerArrays> found;
    for (const auto& layer : network_.layers) found.push_back(first_that_fits(layer, order));
    refuse_leftovers();
    return found;
  }

  std::vector<LayerArrays> by_name(const std::map<std::string, std::string>& names) {
    check_names(names);
    std::vector<LayerArrays> found;
    for (const auto& layer : network_.layers) found.push_back(named_arrays(layer, names));
    return found;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError(
        fmt::format("{}. The network has {}. The file has {}. network.architecture says what the layers are, "
                    "[model.names] which array belongs to which",
                    what, list_layers(network_), list_some_arrays(list_, prefix_)));
  }

  [[nodiscard]] const ArrayHeader& array(std::int64_t place) const { return list_.arrays[place]; }

  /// Places of everything that may be a layer's weights.
  [[nodiscard]] std::vector<std::int64_t> order_of_weights() const {
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < std::ssize(list_.arrays); ++i)
      if (array(i).name.starts_with(prefix_) && is_real(array(i)) && array(i).shape.size() >= 2) places.push_back(i);
    const auto name = [&](std::int64_t place) -> const std::string& { return array(place).name; };
    const bool alphabetical = std::ranges::is_sorted(list_.arrays, {}, &ArrayHeader::name);
    if (alphabetical) std::ranges::stable_sort(places, [&](auto a, auto b) { return natural_less(name(a), name(b)); });
    return places;
  }

  LayerArrays first_that_fits(const Layer& layer, const std::vector<std::int64_t>& order) {
    for (const auto place : order) {
      if (taken_[place] || array(place).shape != shape_of_weights(layer)) continue;
      LayerArrays found{place, bias_of(list_, array(place).name)};
      take(layer, found);
      return found;
    }
    fail(fmt::format("no array that is left has the shape of {}", describe(layer)));
  }

  void take(const Layer& layer, const LayerArrays& found) {
    taken_[found.weights] = true;
    if (found.bias < 0) return;
    taken_[found.bias] = true;
    if (array(found.bias).shape != std::vector<std::int64_t>{layer.outputs})
      fail(fmt::format("{} is no bias of {}", describe(array(found.bias)), describe(layer)));
  }

  /// What nobody takes would change the network: batch normalisation, a layer more.
  void refuse_leftovers() const {
    for (std::int64_t i = 0; i < std::ssize(list_.arrays); ++i) {
      const auto& left = array(i);
      if (taken_[i] || !left.name.starts_with(prefix_) || !is_real(left)) continue;
      const bool normalisation = left.shape.size() == 1;
      fail(fmt::format("{} belongs to no layer{}", describe(left),
                       normalisation ? "; batch normalisation must be folded into the layer before it, as "
                                       "flatsweep.Recorder does"
                                     : ""));
    }
  }

  void check_names(const std::map<std::string, std::string>& names) const {
    for (const auto& [key, name] : names) {
      const bool known = std::ranges::any_of(network_.layers, [&key = key](const Layer& layer) {
        return key == layer.name || key == layer.name + "_bias";
      });
      if (!known) fail(fmt::format("model.names.{} names no layer, and no layer with _bias behind it", key));
      if (list_.find(name) < 0)
        fail(fmt::format("model.names.{} = \"{}\": the file has no such array", key, printable(name)));
    }
  }

  LayerArrays named_arrays(const Layer& layer, const std::map<std::string, std::string>& names) {
    const auto weights = names.find(layer.name);
    if (weights == names.end()) fail(fmt::format("model.names has no {}", layer.name));
    const auto bias = names.find(layer.name + "_bias");
    LayerArrays found{list_.find(weights->second),
                      bias == names.end() ? bias_of(list_, weights->second) : list_.find(bias->second)};
    if (array(found.weights).shape != shape_of_weights(layer))
      fail(fmt::format("model.names gives {} to {}", describe(array(found.weights)), describe(layer)));
    take(layer, found);
    return found;
  }

  const ArrayList& list_;
  const Network& network_;
  std::string_view prefix_;
  std::vector<bool> taken_;
};

void read_array(const ArrayFile& file, std::int64_t place, std::span<float> out) {
  file.read(place, out);
  const auto wrong = std::ranges::count_if(out, [](float value) { return !std::isfinite(value); });
  if (wrong > 0)
    throw ConfigError(fmt::format("{}: {} of its {} numbers are not finite; a network that diverged has no landscape",
                                  describe(file.list().arrays[place]), wrong, out.size()));
}

}  // namespace

std::vector<std::int64_t> shape_of_weights(const Layer& layer) {
  const auto shape = layer.shape();
  return {shape.begin(), shape.end()};
}

std::string describe(const ArrayHeader& array) {
  return fmt::format("{} ({})", array.name.empty() ? "the array" : printable(array.name), fmt::join(array.shape, ", "));
}

std::string describe(const Layer& layer) { return fmt::format("{} ({})", layer.name, fmt::join(layer.shape(), ", ")); }

std::vector<LayerArrays> map_weights(const ArrayList& list, const Network& network,
                                     const std::map<std::string, std::string>& names, std::string_view prefix) {
  WeightMap map(list, network, prefix);
  return names.empty() ? map.by_order() : map.by_name(names);
}

std::vector<float> read_weights(const ArrayFile& file, const std::vector<LayerArrays>& arrays, const Network& network) {
  std::vector<float> weights(network.parameters, 0.0F);
  const std::span<float> all(weights);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& layer = network.layers[i];
    read_array(file, arrays[i].weights, all.subspan(layer.weights, layer.size()));
    if (arrays[i].bias >= 0) read_array(file, arrays[i].bias, all.subspan(layer.bias, layer.outputs));
  }
  return weights;
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto number = [&](std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_digit);
    auto digits = text.substr(0, end - text.begin());
    text.remove_prefix(digits.size());
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  auto rest_a = a, rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    if (is_digit(rest_a[0]) && is_digit(rest_b[0])) {
      const auto first = number(rest_a), second = number(rest_b);
      if (first.size() != second.size()) return first.size() < second.size();
      if (first != second) return first < second;
    } else if (rest_a[0] != rest_b[0]) {
      return rest_a[0] < rest_b[0];
    } else {
      rest_a.remove_prefix(1);
      rest_b.remove_prefix(1);
    }
  }
  if (rest_a.empty() != rest_b.empty()) return rest_a.empty();
  return a < b;
}

}  // namespace flatsweep
