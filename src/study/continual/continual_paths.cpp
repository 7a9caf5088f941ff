#include "flatsweep/base/error.hpp"
#include "flatsweep/study/continual/continual.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace flatsweep {

namespace {

std::vector<std::string> joined_names(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream names(text);
  for (std::string name; std::getline(names, name, '+');) parts.push_back(name);
  return parts;
}

bool is_counted(ConstraintKind kind) { return kind != ConstraintKind::none && kind != ConstraintKind::l2; }

/// All choices of one kind.
std::vector<ConstraintChoice> choices_of(ConstraintKind kind, const ContinualConfig& config) {
  const std::vector<double> psi = kind == ConstraintKind::ldc ? config.psi : std::vector<double>{0.0};
  const auto modes = holds_directions(kind) ? config.first_mode : std::vector<LeadingMode>{LeadingMode::in};
  const auto counts = is_counted(kind) ? config.constraints : std::vector<std::int64_t>{0};
  std::vector<ConstraintChoice> choices;
  for (const auto first_mode : modes)
    for (const double exponent : psi)
      for (const auto count : counts) choices.push_back({kind, exponent, count, first_mode});
  return choices;
}

std::vector<std::string> held_by(ConstraintKind kind, const ContinualConfig& config) {
  return kind == ConstraintKind::none ? std::vector<std::string>{"none"} : config.held;
}

constexpr double most_points = 100000.0;

/// Before memory is taken for them.
void check_count(const ContinualConfig& config) {
  const auto product = [](const auto&... axes) { return (1.0 * ... * axes.size()); };
  if (product(config.trained, config.biases, config.methods, config.held, config.first_mode, config.psi,
              config.constraints, config.strength) > most_points)
    throw ConfigError(fmt::format(
        "the axes of continual make more than {:.0f} points; take shorter axes, or several runs", most_points));
}

void check_classes(const ContinualConfig& config, int classes) {
  for (std::size_t i = 0; i < config.tasks.size(); ++i)
    for (const int c : config.tasks[i])
      if (c >= classes)
        throw ConfigError(fmt::format(
            "continual.tasks[{}] has class {}, but the data's classes are 0 to {}; take it out", i, c, classes - 1));
}

}  // namespace

std::vector<ConstraintPath> constraint_paths(const ContinualConfig& config) {
  check_count(config);
  std::vector<ConstraintPath> paths;
  for (const auto& trained : config.trained)
    for (const auto biases : config.biases)
      for (const auto kind : config.methods)
        for (const auto& held : held_by(kind, config))
          for (const auto& choice : choices_of(kind, config))
            paths.push_back({choice, trained, biases, held,
                             kind == ConstraintKind::none ? std::vector<double>{0.0} : config.strength});
  return paths;
}

std::vector<std::string> trained_layers(const std::string& trained, const Config& config, const Network& network) {
  if (trained == "analysed") return config.pca.layers;
  if (trained == "all") {
    std::vector<std::string> layers;
    for (const auto& layer : network.layers) layers.push_back(layer.name);
    return layers;
  }
  auto layers = joined_names(trained);
  for (const auto& name : layers) (void)network.index_of(name);
  return layers;
}

std::vector<std::size_t> held_layers(const std::string& held, const Config& config) {
  const auto& analysed = config.pca.layers;
  const auto names = held == "analysed" ? analysed : joined_names(held);
  for (const auto& name : names)
    if (std::ranges::find(analysed, name) == analysed.end())
      throw ConfigError(fmt::format("continual.held has '{}', but what is held is analysed; pca.layers has {}", name,
                                    fmt::join(analysed, ", ")));
  std::vector<std::size_t> layers;
  for (std::size_t i = 0; i < analysed.size(); ++i)
    if (std::ranges::find(names, analysed[i]) != names.end()) layers.push_back(i);
  return layers;
}

void check_continual(const Config& config, const Replica& replica, const Network& network) {
  const auto& options = config.continual;
  if (options.tasks.size() < 2)
    throw ConfigError("continual.tasks has one task; a second is needed to be learnt after it");
  check_classes(options, network.classes());
  check_count(options);
  (void)proximal_rate(replica.trainer_options(config).optimizer);
  for (const auto& trained : options.trained) (void)trained_layers(trained, config, network);
  for (const auto& held : options.held) (void)held_layers(held, config);
  constexpr std::size_t largest = 32000;  // of a Fisher matrix, as expand_loss has it
  if (std::ranges::find(options.methods, ConstraintKind::laplace) == options.methods.end()) return;
  for (const auto& name : config.pca.layers)
    if (network.layer(name).size() > largest)
      throw ConfigError(
          fmt::format("continual.methods has laplace, but the Fisher matrix of {} would have {} rows; "
                      "take laplace or the layer out",
                      name, network.layer(name).size()));
}

}  // namespace flatsweep
