#include "earlier_runs.hpp"

#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/run/extension.hpp"

#include <fmt/format.h>

#include <functional>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

/// What `read` finds on rank 0.
std::string text_for_all(const Communicator& world, const std::function<std::string()>& read) {
  std::string text;
  on_root(world, [&] { text = read(); });
  world.broadcast(text);
  return text;
}

std::string config_in_results(const fs::path& results) {
  return read_results_group(results, "provenance").text("config_in_full");
}

/// The configuration of the work that was stopped, as TOML; "" where there is none.
std::string config_of_work(const fs::path& folder) {
  const auto file = work_folder(folder) / "fingerprint.toml";
  return is_there(file) ? read_config_text(file) : "";
}

/// Nothing where the text is no configuration of this build: whoever needs the file says so.
std::optional<Config> config_if_whole(const std::string& text, const fs::path& file) {
  try {
    if (!text.empty()) return parse_config(text, file.string());
  } catch (const ConfigError&) {
  }
  return std::nullopt;
}

}  // namespace

Addition addition_to(const Communicator& world, const CommandLine& line) {
  const auto results = results_file(line.output);
  const auto text = text_for_all(world, [&] {
    if (!is_there(results))
      throw ConfigError(
          fmt::format("{}: no results are here that could be added to; analyse takes the output folder of a "
                      "finished run",
                      line.output.string()));
    return config_in_results(results);
  });
  Addition addition;
  auto& [config, options] = addition;
  agree(world, [&] {
    options.results_config = parse_config(text, results.string());
    config = parse_config(text, results.string(), line.assignments);
    const auto& before = *options.results_config;
    if (const auto obstacle = obstacle_to_adding(before, config); !obstacle.empty())
      throw ConfigError(fmt::format("{}: {}", line.output.string(), obstacle));
    options.output = line.output;
    options.mode = before.fingerprint == config.fingerprint ? OutputMode::resume : OutputMode::extend;
  });
  return addition;
}

void look_at_earlier_work(const Communicator& world, const Config& config, const CommandLine& line,
                          RunOptions& options) {
  if (line.mode != OutputMode::resume) return;
  const auto work = text_for_all(world, [&] { return config_of_work(line.output); });
  const auto results = text_for_all(world, [&] {
    return !work.empty() && is_there(results_file(line.output)) ? config_in_results(results_file(line.output)) : "";
  });
  agree(world, [&] {
    // Work that was stopped while it added to the results goes on with what they hold.
    const auto finished = config_if_whole(results, results_file(line.output));
    if (finished && obstacle_to_adding(*finished, config).empty()) options.results_config = finished;
    const auto begun = config_if_whole(work, line.output);
    if (!begun || begun->fingerprint == config.fingerprint) return;
    auto obstacle = obstacle_to_adding(*begun, config);
    if (obstacle.empty() && !keeps_numbers(*begun, config))
      obstacle =
          "grid: replicas that are added would change the numbers of others; finish this run first and add them by "
          "flatsweep analyse, or add them behind all others";
    if (!obstacle.empty())
      throw ConfigError(fmt::format(
          "{}: the unfinished run here has another configuration: {}; restore it to resume, or use --overwrite",
          line.output.string(), obstacle));
    options.other_work = OtherWork::added_to;
  });
}

}  // namespace flatsweep
