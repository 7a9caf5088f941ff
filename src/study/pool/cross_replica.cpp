#include "flatsweep/study/pool/cross_replica.hpp"

#include "cross_analysis.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

std::string file_of(const CrossAnalysis& analysis, const std::string& layer, const PoolPoint& point) {
  return fmt::format("{}-{}-{}", analysis.name, layer, unit_name(point.number));
}

/// Of these seeds those that have what the analysis needs. Serial.
PoolPoint able_seeds(const CrossReplicaContext& context, const CrossAnalysis& analysis, PoolPoint point,
                     const std::string& layer) {
  std::erase_if(point.units, [&](std::size_t number) {
    const auto tree = context.work.unit(context.units[number].id).require_skeleton(analysis.needs + "-" + layer);
    return is_hole(analysis_group(tree, analysis.needs, layer));
  });
  return point;
}

/// Takes a turn of the run's checkpoint: says how often the windows were gone through.
std::function<void()> checkpoint(const Communicator& comm, const CrossReplicaContext& context,
                                 const std::string& label) {
  return [&comm, &context, label, passes = 0]() mutable {
    context.hooks.progress(fmt::format("{}, pass {}", label, ++passes), 0.0);
    if (comm.any(context.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
  };
}

/// One layer of one grid point, by all ranks of `comm`.
void compare(const Communicator& comm, const CrossReplicaContext& context, const CrossAnalysis& analysis,
             const PoolPoint& finished, std::size_t layer) {
  const auto folder = context.work.cross();
  const auto& name = context.config.pca.layers[layer];
  const auto file = file_of(analysis, name, finished);
  if (have_stage(comm, folder, file)) return;
  PoolPoint point;
  agree(comm, [&] { point = able_seeds(context, analysis, finished, name); });
  const auto path = fmt::format("{}/{}/{}", analysis.name, name, unit_name(point.number));
  std::string why;
  const auto root = run_or_leave_hole(
      path,
      [&] {
        if (point.units.size() < 2)
          throw_error(ErrorKind::solver,
                      fmt::format("fewer than two of the seeds have {} of this layer", analysis.needs), true);
        Group all;
        merge(all.group(path),
              analysis.run({comm, context, point, layer, checkpoint(comm, context, analysis.name + " " + name)}));
        return all;
      },
      why);
  on_root(comm, [&] {
    folder.write(file, root);
    if (!why.empty()) context.hooks.report(fmt::format("{} failed: {}", path, why));
  });
}

std::vector<bool> finished_units(const CrossReplicaContext& context) {
  std::vector<bool> finished;
  for (const auto& unit : context.units) {
    finished.push_back(status_of(context.work.unit(unit.id).require(end_stage)) == UnitStatus::done);
  }
  return finished;
}

}  // namespace

// A group of ranks is never larger than the seeds of a grid point: a window is one rank's work.
void compare_replicas(const Communicator& world, const CrossReplicaContext& context) {
  const auto analyses = enabled_cross_analyses(context.config);
  if (analyses.empty()) return;
  std::vector<PoolPoint> points;
  agree(world, [&] { points = pool_points(context.units, finished_units(context)); });
  if (points.empty()) return;
  const auto seeds = std::ranges::max(points, {}, [](const auto& point) { return point.units.size(); }).units.size();
  const auto groups =
      static_cast<int>(std::clamp<std::size_t>(static_cast<std::size_t>(world.size()) / seeds, 1, points.size()));
  const int mine = world.rank() * groups / world.size();
  const auto group = world.split(mine);
  agree(world, [&] {
    for (const auto* analysis : analyses)
      for (std::size_t i = mine; i < points.size(); i += groups)
        for (std::size_t layer = 0; layer < context.config.pca.layers.size(); ++layer)
          compare(group, context, *analysis, points[i], layer);
  });
}

bool compares_replicas(const Config& config) { return !enabled_cross_analyses(config).empty(); }

void check_slice(const Config& config, const Slice& slice) {
  if (slice.whole()) return;
  for (const auto* analysis : enabled_cross_analyses(config))
    throw ConfigError(
        fmt::format("--slice {}: {} compares replicas of different slices; run the grid whole, or set "
                    "{}.enabled = false",
                    slice.text(), analysis->name, analysis->name));
}

std::vector<PoolCost> estimate_comparison(const Config& config, const std::vector<WorkUnit>& units,
                                          const DatasetShape& data, int ranks, double rate) {
  std::vector<PoolCost> costs;
  for (const auto* analysis : enabled_cross_analyses(config))
    for (const auto& point : pool_points(units, std::vector<bool>(units.size(), true)))
      costs.push_back(analysis->estimate(config, units[point.units.front()].replica,
                                         units[point.units.front()].replica.part_of(data), std::ssize(point.units),
                                         ranks, rate));
  return costs;
}

std::vector<std::filesystem::path> cross_replica_files(const Config& config, const std::vector<WorkUnit>& units,
                                                       const std::vector<bool>& finished, const WorkFiles& work) {
  std::vector<std::filesystem::path> files;
  for (const auto* analysis : enabled_cross_analyses(config))
    for (const auto& point : pool_points(units, finished))
      for (const auto& layer : config.pca.layers) files.push_back(work.cross().file(file_of(*analysis, layer, point)));
  return files;
}

}  // namespace flatsweep
