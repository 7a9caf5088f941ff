#include "recording.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace flatsweep {

namespace {

constexpr const char* known_version = "1";

const std::string& attribute(const ArrayList& list, const std::string& name) {
  const auto found = list.metadata.find(name);
  if (found == list.metadata.end())
    throw ConfigError(fmt::format("the recording lacks the attribute {}; record it again", name));
  return found->second;
}

std::vector<std::string> texts_of_attribute(const ArrayList& list, const std::string& name) {
  const auto parsed = nlohmann::json::parse(attribute(list, name), nullptr, false);
  std::vector<std::string> texts;
  if (!parsed.is_array()) throw ConfigError(fmt::format("the attribute {} of the recording is no list", name));
  for (const auto& text : parsed) {
    if (!text.is_string())
      throw ConfigError(fmt::format("the attribute {} of the recording is no list of texts", name));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::int64_t number_or_zero(const ArrayList& list, const std::string& name) {
  const auto found = list.metadata.find(name);
  if (found == list.metadata.end()) return 0;
  const auto value = number_from<std::int64_t>(found->second);
  if (value.value_or(0) < 1)
    throw ConfigError(
        fmt::format("the attribute {} = {} of the recording is no whole number", name, printable(found->second)));
  return *value;
}

Activation activation_of(const std::string& word) {
  if (const auto known = from_word<Activation>(word)) return *known;
  throw ConfigError(fmt::format("there is no activation {}; update flatsweep", printable(word)));
}

/// The recorded layers with the activations of all but the last, behind which is nothing.
Architecture architecture_of(const ArrayList& list) {
  const auto activations = texts_of_attribute(list, "activations");
  Architecture architecture{"custom", {}};
  std::size_t layers = 0;
  for (const auto& text : texts_of_attribute(list, "architecture")) {
    auto layer = parse_layer_spec(text);
    check_order(architecture.layers, layer);
    if (layer.kind == LayerSpec::Kind::convolution || layer.kind == LayerSpec::Kind::fully_connected) {
      if (layers == activations.size()) break;
      layer.activation = activation_of(activations[layers++]);
    }
    architecture.layers.push_back(layer);
  }
  if (layers + 1 != activations.size())
    throw ConfigError(
        fmt::format("the recording has {} activations for {} layers and the output layer", activations.size(), layers));
  if (activations.back() != "identity")
    throw ConfigError(fmt::format("the activation behind the last layer is {}, and flatsweep has none there",
                                  printable(activations.back())));
  return architecture;
}

}  // namespace

bool is_recording(const ArrayList& list) {
  const auto format = list.metadata.find("format");
  return format != list.metadata.end() && format->second == "flatsweep-recording";
}

Recording read_recording(const ArrayList& list) {
  const auto& version = attribute(list, "format_version");
  if (version != known_version)
    throw ConfigError(fmt::format("it is a recording of version {}, and this build knows version {}; update flatsweep",
                                  printable(version), known_version));
  const auto loss = list.metadata.find("loss");
  return {architecture_of(list), number_or_zero(list, "every"), number_or_zero(list, "batch_size"),
          loss == list.metadata.end() ? "" : loss->second};
}

}  // namespace flatsweep
