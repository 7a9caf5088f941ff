#include "pool_windows.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <utility>

namespace flatsweep {

namespace {

SnapshotSource into_memory(const SnapshotSource& source) {
  auto rows = std::make_shared<RowMatrixF>(source.iterations, source.size);
  Index filled = 0;
  source.for_each_block([&](const SnapshotBlock& block) {
    rows->middleRows(filled, block.rows()) = block;
    filled += block.rows();
  });
  return in_memory(rows);
}

}  // namespace

std::vector<PoolPoint> pool_points(const std::vector<WorkUnit>& units, const std::vector<bool>& finished) {
  std::vector<PoolPoint> points;
  for (const auto& numbers : units_by_grid_point(units)) {
    points.push_back({std::ssize(points), {}});
    for (const auto i : numbers)
      if (finished[i]) points.back().units.push_back(i);
  }
  std::erase_if(points, [](const PoolPoint& point) { return point.units.size() < 2; });
  return points;
}

PoolWindows::PoolWindows(const Communicator& comm, const Config& config, const ImageDataset& data,
                         const std::vector<WorkUnit>& units, const PoolPoint& point, std::size_t layer,
                         const WorkFiles& work)
    : no_hooks_{[] { return false; }, [](std::string_view, double) {},
                [](std::string_view, double, const TrainerState&) {}, [](const std::string&) {},
                [](const std::string&) {}},
      room_(config.run.memory_per_rank * 0x1.0p30) {
  const auto own = owned_members(comm, point.units.size());
  agree(comm, [&] {
    for (const auto unit : point.units) {
      folders_.push_back(work.unit(units[unit].id));
      read_mean(folders_.back(), config.pca.layers[layer]);
      if (members_.back().mean.size() !=
          std::ssize(units[unit].replica.network(data.shape()).layer(config.pca.layers[layer])))
        throw DamagedFile(
            fmt::format("{}: the mean is not one of this network's weights; remove the file, and that "
                        "part of the work is done again with --resume",
                        folders_.back().file("pca-" + config.pca.layers[layer]).string()));
    }
    for (std::size_t i = own.begin; std::cmp_less(i, own.end); ++i) {
      const auto& data_of_unit = data_.emplace_back(data, units[point.units[i]].replica.subset());
      contexts_.push_back({config, data_of_unit, units[point.units[i]], folders_[i], no_hooks_});
      members_[i].source = TrainingStage(contexts_.back()).replayed_windows()[layer];
      keep_if_room(members_[i].source);
    }
  });
}

void PoolWindows::read_mean(const UnitFolder& folder, const std::string& layer) {
  const auto pca = read_analysis(folder, "pca", layer);
  const auto mean = pca.dataset("mean").values<double>();
  members_.push_back({pca.integer("window_iterations"),
                      Eigen::Map<const Eigen::VectorXd>(mean.data(), std::ssize(mean)),
                      pca.real("total_variance"),
                      {}});
}

void PoolWindows::keep_if_room(SnapshotSource& source) {
  const double bytes = 4.0 * source.iterations * source.size;
  if (bytes > room_) return;
  room_ -= bytes;
  source = into_memory(source);
}

}  // namespace flatsweep
