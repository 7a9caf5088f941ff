#include "network_curvature_stage.hpp"

#include "curvature_tree.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "stage_files.hpp"

#include <vector>

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
  std::vector<NetworkCurvature> matrices;
  for (const auto kind : options.kinds) {
    const auto done = static_cast<double>(matrices.size());
    matrices.push_back(measure_network_curvature(team, network, trained.state.weights, context.data.train(), kind,
                                                 options, replica.seed, minibatches,
                                                 [&](double fraction) { checkpoint(done, fraction); }));
  }
  leader_does(team, [&] { context.folder.write(file_name, network_curvature_tree(matrices)); });
}

}  // namespace flatsweep
