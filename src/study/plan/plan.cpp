#include "flatsweep/study/plan/plan.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/log.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/study/pool/cross_replica.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "schedule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flatsweep {

namespace {

constexpr std::int64_t most_listed = 12;
// Of the expected time; teams gain less than their size (docs/performance.md).
constexpr double worth_mentioning = 0.8;
// Share of its time that an idle machine's core gives; a core of a busy one gives less.
constexpr double idle_core = 0.85;

std::string describe_images(const ImageShape& image) {
  const auto size = fmt::format("{} x {}", image.height, image.width);
  return image.channels == 1 ? size : fmt::format("{}, {} channels", size, image.channels);
}

/// What does not fit is said with the key that it comes from.
Network fitting_network(const Replica& replica, const DatasetShape& data) {
  try {
    return replica.network(data);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("network.{} with images of {}: {}",
                                  replica.architecture.is_mlp() ? "width" : "architecture", describe_images(data.image),
                                  error.what()));
  }
}

void check_replica(const Config& config, const Replica& replica, const DatasetShape& data) {
  if (replica.batch_size > data.train_count)
    throw ConfigError(fmt::format("batch_size = {} is larger than the training set of {} samples; use {} or less",
                                  replica.batch_size, data.train_count, data.train_count));
  const auto network = fitting_network(replica, data);
  study_of(config).check(config, replica, network, data);
}

/// 0 stands for all images: their number beside it would train every replica twice.
void check_limits(const Config& config, const DatasetShape& data) {
  const auto& limits = config.grid.train_limit;
  const auto has = [&](std::int64_t limit) { return std::ranges::find(limits, limit) != limits.end(); };
  if (has(0) && has(data.train_count))
    throw ConfigError(
        fmt::format("grid.train_limit: 0 and {} are the same, all training images; remove one", data.train_count));
}

std::string describe_pool(const Convolution& c) {
  std::string stride = c.stride > 1 ? fmt::format(" stride {}", c.stride) : "";
  if (c.global_pool) return stride + " global-average-pool";
  if (c.pool == 1) return stride;
  return stride + fmt::format(" {} {}", c.pooling == Pooling::mean ? "average-pool" : "pool", c.pool);
}

/// The layers with their weights' shapes; those of the mlp follow from the columns H and L.
std::string describe_network(const Replica& replica, const DatasetShape& data) {
  const auto& architecture = replica.architecture;
  if (architecture.is_mlp() && replica.model < 0)
    return fmt::format("mlp: {} inputs, L hidden layers of H units, {} {}", data.features(), data.classes,
                       data.targets == Targets::real ? "real targets" : "classes");
  const auto network = replica.network(data);
  std::vector<std::string> layers;
  for (const auto& layer : network.layers) {
    layers.push_back(fmt::format("{} {}", layer.name, fmt::join(layer.shape(), "x")));
    if (layer.convolution) layers.back() += describe_pool(*layer.convolution);
  }
  return fmt::format("{}: {}; {} parameters", architecture.name, fmt::join(layers, ", "), network.parameters);
}

std::vector<std::size_t> units_of(const Slice& slice, std::size_t units) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < units; ++i)
    if (slice.holds(i)) numbers.push_back(i);
  if (numbers.empty())
    throw ConfigError(
        fmt::format("--slice {}: the grid has {} to train, so that this slice is empty; cut it "
                    "into {} or fewer",
                    slice.text(), counted(units, "replica"), units));
  return numbers;
}

int choose_team_size(const Config& config, int ranks, std::size_t units) {
  if (config.run.team_size > 0) return std::min<std::int64_t>(config.run.team_size, ranks);
  return std::max(1, ranks / std::min<int>(units, ranks));
}

/// Adds what all ranks do together once the units are done, whatever the teams.
void add_comparison(Plan& plan, const Config& config, double rate) {
  for (const auto& cost : estimate_comparison(config, plan.units, plan.data, plan.ranks, rate)) {
    plan.comparison_seconds += cost.seconds;
    plan.bytes_per_rank = std::max(plan.bytes_per_rank, cost.bytes);
    plan.output_bytes += cost.result_bytes;
  }
}

void add_schedule(Plan& plan) {
  std::vector<UnitSeconds> costs;
  for (const auto number : plan.drawn)
    if (const auto& unit = plan.units[number]; unit.cost > 0.0)
      costs.push_back({unit.training_cost, unit.cost - unit.training_cost});
  if (costs.empty()) costs.emplace_back();
  const auto schedule = simulate_queue(costs, plan.teams, plan.team_size);
  plan.seconds = schedule.seconds + plan.comparison_seconds;
  plan.idle = schedule.idle;
  plan.longest = schedule.longest;
  const auto quickest = quickest_team_size(costs, plan.ranks);
  plan.quickest_team_size = quickest.size;
  plan.quickest_seconds = quickest.seconds + plan.comparison_seconds;
}

std::string describe_finished(const Plan& plan) {
  return plan.finished > 0 ? fmt::format(", {} of them finished before", plan.finished) : "";
}

/// Where training may end sooner than at the latest epoch.
bool is_upper_bound(const Config& config) {
  return config.study != Study::noise && config.study != Study::models &&
         config.window.start == WindowStart::zero_error;
}

std::string describe_slice(const Plan& plan) {
  if (plan.slice.whole()) return "";
  return fmt::format(", {} of them in slice {}", plan.drawn.size(), plan.slice.text());
}

std::string describe_estimate(const Plan& plan, const Replica& replica) {
  const auto number = plan.unit_of[replica.id];
  if (plan.units[number].id != replica.id) return "shared";
  return plan.slice.holds(number) ? format_duration(plan.units[number].cost) : "other slice";
}

/// The first replicas, and the last one where they are many.
void add_replicas(std::vector<std::string>& lines, const Config& config, const Plan& plan) {
  auto listed = plan.replicas;
  const Index left_out = std::ssize(listed) - most_listed - 1;
  if (left_out > 0) listed.erase(listed.begin() + most_listed, listed.end() - 1);
  const auto axes = axis_table(config, listed, AxisRows::replicas);
  lines.push_back(fmt::format("{:>8}{} {:>12}", "replica", axes[0], "estimate"));
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (left_out > 0 && i + 1 == listed.size()) lines.push_back(fmt::format("     ...  {} more", left_out));
    lines.push_back(
        fmt::format("{:>8}{} {:>12}", unit_name(listed[i].id), axes[i + 1], describe_estimate(plan, listed[i])));
  }
}

}  // namespace

Plan make_plan(const Config& config, int ranks, double rate, const Slice& slice) {
  check_slice(config, slice);
  Plan plan;
  plan.data = inspect_dataset(data_in_use(config));
  check_limits(config, plan.data);
  plan.replicas = expand_grid(config);
  plan.units = group_into_units(plan.replicas);
  plan.unit_of.resize(plan.replicas.size());
  for (std::size_t i = 0; i < plan.units.size(); ++i)
    for (const auto id : plan.units[i].replicas) plan.unit_of[id] = i;
  plan.slice = slice;
  plan.drawn = units_of(slice, plan.units.size());
  plan.ranks = ranks;
  plan.team_size = choose_team_size(config, ranks, plan.drawn.size());
  plan.teams = std::max(1, ranks / plan.team_size);
  for (std::size_t i = 0; i < plan.units.size(); ++i) {
    auto& unit = plan.units[i];
    const auto data = unit.replica.part_of(plan.data);
    check_replica(config, unit.replica, data);
    const auto cost = study_of(config).estimate(config, unit.replica, data, rate);
    unit.cost = cost.seconds();
    unit.training_cost = cost.one_rank_seconds();
    if (!slice.holds(i)) continue;
    plan.bytes_per_rank = std::max(plan.bytes_per_rank, cost.bytes);
    plan.output_bytes += unit.replicas.size() * cost.result_bytes;
  }
  add_comparison(plan, config, rate);
  add_schedule(plan);
  return plan;
}

void refine(Plan& plan, const std::vector<double>& factors) {
  for (std::size_t i = 0; i < plan.units.size(); ++i) {
    auto& unit = plan.units[i];
    const double more = (factors[i] - 1.0) * unit.training_cost;
    unit.training_cost += more;
    unit.cost += more;
  }
  add_schedule(plan);
}

void leave_out_finished(Plan& plan, const std::vector<bool>& finished) {
  plan.finished = 0;
  for (const auto number : plan.drawn) {
    if (!finished[number]) continue;
    ++plan.finished;
    plan.units[number].cost = plan.units[number].training_cost = 0.0;
  }
  add_schedule(plan);
}

std::vector<std::string> describe_plan(const Config& config, const Plan& plan) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("data      {}: {} training and {} test images of {}", config.data.name,
                              plan.data.train_count, plan.data.test_count, describe_images(plan.data.image)));
  lines.push_back("network   " + describe_network(plan.replicas.front(), plan.data));
  lines.push_back(fmt::format("grid      {} replicas, {} to train{}{}; {} in {} of {}", plan.replicas.size(),
                              plan.units.size(), describe_slice(plan), describe_finished(plan),
                              counted(plan.ranks, "rank"), counted(plan.teams, "team"), plan.team_size));
  lines.push_back(fmt::format("estimate  {}{} wall time, {} of memory per rank, {} of results",
                              is_upper_bound(config) ? "at most " : "", format_duration(plan.seconds),
                              format_bytes(plan.resident_bytes + plan.bytes_per_rank),
                              format_bytes(plan.output_bytes)));
  if (plan.core_share < idle_core)
    lines.push_back(fmt::format("          for an idle machine: this one is busy, a core gave {:.0f} % of its time",
                                100.0 * plan.core_share));
  if (plan.teams > 1)
    lines.push_back(
        fmt::format("schedule  costliest replica first: teams idle for {:.0f} % of the time; the costliest takes {}",
                    100.0 * plan.idle, format_duration(plan.longest)));
  if (plan.quickest_seconds < worth_mentioning * plan.seconds)
    lines.push_back(fmt::format("          run.team_size = {} is expected to take {}", plan.quickest_team_size,
                                format_duration(plan.quickest_seconds)));
  if (const auto describe_study = study_of(config).describe; describe_study != nullptr)
    for (auto& line : describe_study(config)) lines.push_back(std::move(line));
  add_replicas(lines, config, plan);
  return lines;
}

}  // namespace flatsweep
