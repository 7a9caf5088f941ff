#include "network_curvature_stage.hpp"

#include "curvature_tree.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <string>

namespace flatsweep {

namespace {

constexpr const char* file_name = "network_curvature";

}  // namespace

void run_network_curvature_stage(const Communicator& team, const UnitContext& context, const TrainedUnit& trained) {
  if (have_stage(team, context.folder, file_name)) return;
  const auto& options = context.config.network_curvature;
  const auto& replica = context.unit.replica;
  const auto network = replica.network(context.data.shape());
  const auto checkpoint = [&](double done, double fraction) {
    context.hooks.progress("network curvature", (done + fraction) / static_cast<double>(options.kinds.size()));
    if (context.hooks.stop_requested()) throw Stopped(stop_message);
  };
  const auto minibatches = minibatches_after(context, trained);
  Group all;
  double done = 0.0;
  for (const auto kind : options.kinds) {
    const auto path = network_curvature_path(kind);
    std::string why;
    auto tree = run_or_leave_hole(
        path,
        [&] {
          return network_curvature_tree(measure_network_curvature(
              team, network, trained.state.weights, context.data.train(), kind, options, replica.seed, minibatches,
              [&](double fraction) { checkpoint(done, fraction); }));
        },
        why);
    const auto said = why.empty() ? incomplete(tree.group(path)) : "failed: " + why;
    if (!said.empty() && team.leads())
      context.hooks.report(fmt::format("replica {}: {} {}", unit_name(context.unit.id), path, said));
    merge(all, std::move(tree));
    done += 1.0;
  }
  leader_does(team, [&] { context.folder.write(file_name, all); });
}

}  // namespace flatsweep
