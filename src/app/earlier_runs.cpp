#include "earlier_runs.hpp"

#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/run/extension.hpp"
#include "flatsweep/study/unit/state_digest.hpp"
#include "study/run/axis_value.hpp"
#include "toml_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <set>

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
  const auto file = fingerprint_file(folder);
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

std::string with_epochs(const Config& before, const std::vector<std::int64_t>& more) {
  std::set<std::int64_t> epochs(before.at_epochs.epochs.begin(), before.at_epochs.epochs.end());
  epochs.insert(more.begin(), more.end());
  return fmt::format("at_epochs.epochs=[{}]", fmt::join(epochs, ", "));
}

/// All that stands before the table [grid], the last one.
std::string without_grid(const std::string& text) { return text.substr(0, text.find("\n[grid]\n") + 1); }

/// The replica's place on the axes, as values of the keys that the axes take the place of.
std::vector<std::string> keys_of(const Replica& replica, const Config& config) {
  std::vector<std::string> assignments;
  each_axis([&](const auto& axis) {
    if (applies(axis.use, config))
      assignments.push_back(fmt::format("{}={}", axis.key, axis_value(replica.*axis.value)));
  });
  return assignments;
}

const Replica& replica_numbered(const std::vector<Replica>& replicas, std::int64_t number, const fs::path& results) {
  if (number >= 0 && number < std::ssize(replicas)) return replicas[number];
  throw ConfigError(fmt::format("{}: there is no replica {}; they are numbered from 0 to {}", results.string(), number,
                                std::ssize(replicas) - 1));
}

}  // namespace

Config config_of_fork(const Communicator& world, const CommandLine& line) {
  const auto results = results_file(line.forked);
  std::string digest;
  const auto text = text_for_all(world, [&] {
    if (!is_there(results))
      throw ConfigError(
          fmt::format("{}: no results are here; fork takes the output folder of a finished run", line.forked.string()));
    auto found = config_in_results(results);
    (void)replica_numbered(expand_grid(parse_config(found, results.string())), line.exported.replica, results);
    digest = state_digest(results, line.exported.replica, line.epoch);
    return found;
  });
  world.broadcast(digest);
  Config config;
  agree(world, [&] {
    const auto before = parse_config(text, results.string());
    auto assignments = keys_of(replica_numbered(expand_grid(before), line.exported.replica, results), before);
    assignments.insert(
        assignments.end(),
        {"fork.results=" + quote(fs::absolute(results).string()), fmt::format("fork.replica={}", line.exported.replica),
         fmt::format("fork.epoch={}", line.epoch), fmt::format("fork.digest=\"{}\"", digest)});
    assignments.insert(assignments.end(), line.assignments.begin(), line.assignments.end());
    config = parse_config(without_grid(text), results.string(), assignments);
  });
  return config;
}

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
  auto& config = addition.config;  // no binding: Clang 14 captures none
  auto& options = addition.options;
  agree(world, [&] {
    options.results_config = parse_config(text, results.string());
    auto assignments = line.assignments;
    if (!line.at_epochs.empty()) assignments.push_back(with_epochs(*options.results_config, line.at_epochs));
    config = parse_config(text, results.string(), assignments);
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
