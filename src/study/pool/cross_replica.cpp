#include "flatsweep/study/pool/cross_replica.hpp"

#include "flatsweep/analysis/subspace_overlap.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "pool_windows.hpp"
#include "pooled_pca_tree.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace flatsweep {

namespace {

constexpr Eigen::Index most_compared = 200;  // directions in an overlap

std::string pooled_file(const std::string& layer, const PoolPoint& point) {
  return fmt::format("pooled_pca-{}-{}", layer, unit_name(point.number));
}

/// Leading directions of a replica's own PCA, columns, as many as results.h5 keeps but not endlessly many.
Eigen::MatrixXd own_directions(const WorkFiles& work, const WorkUnit& unit, const std::string& layer) {
  const auto pca = read_analysis(work.unit(unit.id), "pca", layer);
  const auto& directions = pca.dataset("directions");
  const auto count = std::min(static_cast<Eigen::Index>(directions.shape_of(2)[0]), most_compared);
  return Eigen::Map<const Eigen::MatrixXd>(directions.values<double>().data(),
                                           static_cast<Eigen::Index>(directions.shape[1]), count);
}

/// One layer of one grid point, by all ranks of `comm`.
class PooledAnalysis {
 public:
  PooledAnalysis(const Communicator& comm, const CrossReplicaContext& context, const PoolPoint& point,
                 std::size_t layer)  // of seeds with or without a PCA of the layer
      : comm_(comm),
        context_(context),
        config_(context.config),
        point_(point),
        layer_(layer),
        name_(config_.pca.layers[layer]) {}

  void run() {
    const auto folder = context_.work.cross();
    if (have_stage(comm_, folder, pooled_file(name_, point_))) return;
    agree(comm_, [this] { leave_out_seeds_without_pca(); });
    const auto path = fmt::format("pooled_pca/{}/{}", name_, unit_name(point_.number));
    std::string why;
    const auto root = run_or_leave_hole(
        path, [&] { return analyse(path); }, why);
    leader_does(comm_, [&] {
      folder.write(pooled_file(name_, point_), root);
      if (!why.empty()) context_.hooks.report(fmt::format("{} failed: {}", path, why));
    });
  }

 private:
  void leave_out_seeds_without_pca() {
    std::erase_if(point_.units, [this](std::size_t number) {
      const auto tree = context_.work.unit(context_.units[number].id).require_skeleton("pca-" + name_);
      return is_hole(analysis_group(tree, "pca", name_));
    });
  }

  /// Whole on the leader.
  [[nodiscard]] Group analyse(const std::string& path) const {
    if (point_.units.size() < 2)
      throw_error(ErrorKind::solver, "fewer than two of the seeds have a PCA of this layer", true);
    const PoolWindows windows(comm_, config_, context_.data, context_.units, point_, layer_, context_.work);
    const auto pca =
        pooled_principal_components(comm_, windows.members(), config_.pooled_pca, [this] { checkpoint(); });
    Group root;
    leader_does(comm_, [&] {
      merge(root.group(path),
            pooled_pca_tree(unit(0).replica, seeds(), pca, compare_directions(), config_.pooled_pca.fraction));
    });
    return root;
  }

  [[nodiscard]] const WorkUnit& unit(std::size_t member) const { return context_.units[point_.units[member]]; }

  [[nodiscard]] std::vector<std::int64_t> seeds() const {
    std::vector<std::int64_t> seeds;
    for (std::size_t i = 0; i < point_.units.size(); ++i) seeds.push_back(unit(i).replica.seed);
    return seeds;
  }

  void checkpoint() const {
    context_.hooks.progress(fmt::format("pooled pca {}, pass {}", name_, ++passes_), 0.0);
    if (comm_.any(context_.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
  }

  /// Of the leader's making.
  [[nodiscard]] PoolOverlaps compare_directions() const {
    std::vector<Eigen::MatrixXd> directions;
    Eigen::Index least = most_compared;
    for (std::size_t i = 0; i < point_.units.size(); ++i) {
      directions.push_back(own_directions(context_.work, unit(i), name_));
      if (directions.back().rows() != directions.front().rows())
        throw DamagedFile("the directions of the seeds differ in length");
      least = std::min(least, directions.back().cols());
    }
    PoolOverlaps overlaps{overlap_counts(least), {}};
    const auto members = directions.size();
    overlaps.overlap.resize(overlaps.count.size() * members * members);
    for (std::size_t a = 0; a < members; ++a)
      for (std::size_t b = 0; b < members; ++b) {
        const auto pair = subspace_overlaps(directions[a], directions[b], overlaps.count);
        for (std::size_t c = 0; c < pair.size(); ++c) overlaps.overlap[(c * members + a) * members + b] = pair[c];
      }
    return overlaps;
  }

  const Communicator& comm_;
  const CrossReplicaContext& context_;
  const Config& config_;
  PoolPoint point_;
  std::size_t layer_;
  std::string name_;
  mutable int passes_ = 0;
};

std::vector<bool> finished_units(const CrossReplicaContext& context) {
  std::vector<bool> finished;
  for (const auto& unit : context.units) {
    finished.push_back(context.work.unit(unit.id).require("done").text("status") == "done");
  }
  return finished;
}

}  // namespace

// A group of ranks is never larger than the seeds of a grid point: a window is one rank's work.
void compare_replicas(const Communicator& world, const CrossReplicaContext& context) {
  if (!context.config.pooled_pca.measure) return;
  std::vector<PoolPoint> points;
  agree(world, [&] { points = pool_points(context.units, finished_units(context)); });
  if (points.empty()) return;
  const auto seeds = std::ranges::max(points, {}, [](const auto& point) { return point.units.size(); }).units.size();
  const auto groups =
      static_cast<int>(std::clamp<std::size_t>(static_cast<std::size_t>(world.size()) / seeds, 1, points.size()));
  const int mine = world.rank() * groups / world.size();
  const auto group = world.split(mine);
  agree(world, [&] {
    for (std::size_t i = static_cast<std::size_t>(mine); i < points.size(); i += static_cast<std::size_t>(groups))
      for (std::size_t layer = 0; layer < context.config.pca.layers.size(); ++layer)
        PooledAnalysis(group, context, points[i], layer).run();
  });
}

std::vector<std::filesystem::path> cross_replica_files(const Config& config, const std::vector<WorkUnit>& units,
                                                       const std::vector<bool>& finished, const WorkFiles& work) {
  std::vector<std::filesystem::path> files;
  if (!config.pooled_pca.measure) return files;
  for (const auto& point : pool_points(units, finished))
    for (const auto& layer : config.pca.layers) files.push_back(work.cross().file(pooled_file(layer, point)));
  return files;
}

}  // namespace flatsweep
