#include "unit_record.hpp"

#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/summary/unit_result.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

bool unit_is_done(const Communicator& team, const UnitContext& context) {
  bool done = false;
  leader_does(team, [&] {
    const auto& folder = context.folder;
    const auto record = folder.read("done", check_done);
    if (!record) return;
    const auto stages = result_stages(context.config, record->text("status"));
    done = std::ranges::all_of(stages, [&](const auto& stage) {
      return folder.read(stage, [&](const Group& tree) { check_result_stage(context.config, stage, tree); })
          .has_value();
    });
    if (!done) folder.remove("done");
  });
  return team.any(done);
}

void finish_unit(const Communicator& team, const UnitContext& context, const UnitOutcome& outcome) {
  leader_does(team, [&] {
    Group done;
    done.set("status", outcome.status);
    done.set("message", outcome.message);
    done.set("seconds", outcome.seconds);
    context.folder.write("done", done);
    // The pooled PCA of all seeds may have to train the window again.
    const bool pooled = context.config.pooled_pca.measure && outcome.status == "done";
    if (!pooled) context.folder.remove("window");
    context.folder.remove_checkpoints();
    if (outcome.status != "done")
      context.hooks.report(
          fmt::format("replica {} {}: {}", unit_name(context.unit.id), outcome.status, outcome.message));
  });
}

std::string divergence(const TrainerState& state) {
  return fmt::format("a loss was not finite in epoch {}; try a smaller learning rate", state.epoch);
}

}  // namespace flatsweep
