#include "flatsweep/app/config_file.hpp"

#include "config_reader.hpp"
#include "config_writer.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "toml_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace flatsweep {

namespace {

std::string write_config(Config config) {
  ConfigWriter writer;
  describe_config(config, writer);
  return writer.get();
}

void assign(toml::table& root, toml::table&& change) {
  for (auto&& [key, node] : change) {
    auto* inner = root.get_as<toml::table>(key);
    auto* new_inner = node.as_table();
    if (inner != nullptr && new_inner != nullptr)
      assign(*inner, std::move(*new_inner));
    else
      root.insert_or_assign(key, std::move(node));
  }
}

/// What has no meaning for networks made elsewhere, and what only they have.
void check_models(const Config& config, const ConfigReader& reader, const std::string& source) {
  if (config.study != Study::models) {
    const auto& model = config.model;
    for (const auto& [key, asked_for] : {std::pair{"weights", true},
                                         {"trajectory", !model.trajectory.empty()},
                                         {"columns", !model.columns.empty()},
                                         {"names", !model.names.empty()},
                                         {"training", model.training != TrainingKnown::unknown}})
      if (asked_for)
        reader.reject_if_given("model", key,
                               "does nothing in a run that trains; write study = \"models\" before the first table, or "
                               "run flatsweep analyse");
    return;
  }
  if (config.model.weights.empty())
    throw ConfigError(fmt::format("{}: the study \"models\" wants model.weights, the files of the networks", source));
  if (config.output.trajectory)
    reader.reject_if_given("output", "trajectory", "does nothing in the study \"models\"; remove it");
}

/// Axes without a meaning would train the same network several times.
void check_axes(const Config& config, const ConfigReader& reader) {
  each_axis([&](const auto& axis) {
    if (applies(axis.use, config)) return;
    reader.reject_if_given("grid", axis.name,
                           axis.use == AxisUse::mlp
                               ? "does nothing where network.architecture is not \"mlp\"; remove one of the two"
                               : fmt::format("does nothing in the study \"{}\"; remove it", to_string(config.study)));
  });
}

/// The losses of all replicas.
std::vector<Loss> losses_of(const Config& config) {
  return config.grid.loss.empty() ? std::vector{config.train.loss} : config.grid.loss;
}

void check_targets(const Config& config, const ConfigReader& reader, const std::string& source) {
  if (config.data.targets != Targets::real) return;
  if (config.study == Study::continual || config.study == Study::noise)
    reader.reject_if_given("data", "targets",
                           fmt::format("has no meaning in the study \"{}\"; remove it", to_string(config.study)));
  if (std::ranges::count(losses_of(config), Loss::cross_entropy) > 0)
    throw ConfigError(
        fmt::format("{}: data.targets = \"real\" has no cross-entropy; set train.loss = \"square\"", source));
  if (config.window.start == WindowStart::zero_error)
    reader.reject_if_given("window", "start", "waits for a training error of 0, which real targets do not have");
  for (const auto* table : {"data", "grid"})
    if (config.data.label_noise > 0.0 || !config.grid.label_noise.empty())
      reader.reject_if_given(table, "label_noise", "redraws labels, and real targets have none; remove it");
}

/// Schedules and weight decay are of trainings by steps of one optimiser.
void check_training(const Config& config, const ConfigReader& reader, const std::string& source) {
  const auto& schedule = config.train.schedule;
  const auto refuse = [&](bool asked_for, const char* table, const char* key) {
    if (asked_for && config.study != Study::landscape)
      reader.reject_if_given(table, key,
                             fmt::format("does nothing in the study \"{}\"; remove it", to_string(config.study)));
  };
  refuse(config.train.optimizer.weight_decay > 0.0, "train", "weight_decay");
  refuse(schedule.decay != Decay::constant, "train.schedule", "decay");
  refuse(schedule.warmup_epochs > 0, "train.schedule", "warmup_epochs");
  if (!std::ranges::is_sorted(schedule.step_epochs))
    throw ConfigError(fmt::format("{}: train.schedule.step_epochs = [{}] must be ascending", source,
                                  fmt::join(schedule.step_epochs, ", ")));
  const auto ends = schedule.decay_ends > 0 ? schedule.decay_ends : config.window.epoch;
  const bool falls = schedule.decay == Decay::cosine || schedule.decay == Decay::linear;
  if (falls && ends <= schedule.warmup_epochs)
    throw ConfigError(
        fmt::format("{}: train.schedule: the decay ends after {} epochs, before the warm-up of {} is over", source,
                    ends, schedule.warmup_epochs));
}

void check_together(const Config& config, const ConfigReader& reader, const std::string& source) {
  check_axes(config, reader);
  check_targets(config, reader, source);
  check_training(config, reader, source);
  check_models(config, reader, source);
  if (config.pooled_pca.enabled && !study_of(config).pools_seeds)
    reader.reject_if_given("pooled_pca", "enabled",
                           fmt::format("does nothing in the study \"{}\"; remove it", to_string(config.study)));
  for (const auto* table : {"at_epochs", "fork"})
    if (config.study != Study::landscape)
      reader.reject_if_given(table, std::string_view(table) == "fork" ? "results" : "epochs",
                             fmt::format("does nothing in the study \"{}\"; remove it", to_string(config.study)));
  if (!std::ranges::is_sorted(config.at_epochs.epochs))
    throw ConfigError(
        fmt::format("{}: at_epochs.epochs = [{}] must be ascending", source, fmt::join(config.at_epochs.epochs, ", ")));
  if (config.flatness.fit_last <= config.flatness.fit_first)
    throw ConfigError(fmt::format("{}: flatness.fit_last = {} must be more than flatness.fit_first = {}", source,
                                  config.flatness.fit_last, config.flatness.fit_first));
  const auto& spectra = config.network_curvature;
  if (spectra.window && std::ranges::find(spectra.kinds, CurvatureKind::hessian) == spectra.kinds.end())
    throw ConfigError(source +
                      ": network_curvature.window looks along eigenvectors of the Hessian; add \"hessian\" to "
                      "network_curvature.kinds");
}

std::string fingerprint_of(Config config) {
  config.run = {};
  config.data.root = "data";
  config.fork.results.clear();  // its digest says what is there
  return write_config(config);
}

}  // namespace

Config parse_config(std::string_view text, const std::string& source, const std::vector<std::string>& assignments) {
  auto root = parse_toml(text, source);
  for (const auto& assignment : assignments) assign(root, parse_assignment(assignment));
  Config config;
  ConfigReader reader(root, source);
  describe_config(config, reader);
  reader.reject_unknown_keys();
  check_together(config, reader, source);
  config.resolved = write_config(config);
  config.fingerprint = fingerprint_of(config);
  return config;
}

std::string read_config_text(const std::filesystem::path& file) {
  try {
    return read_regular(file, limits::config_bytes);
  } catch (const IoError& error) {
    throw ConfigError(
        fmt::format("{}: the configuration file cannot be read: {}; is the name right?", file.string(), error.what()));
  }
}

}  // namespace flatsweep
