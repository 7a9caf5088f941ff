#include "unit_record.hpp"

#include "flatsweep/par/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// One that is not done after all is no longer marked as such.
bool is_done(const Communicator& team, const UnitContext& context, const StudyKind& study) {
  bool done = false;
  on_root(team, [&] {
    const auto& folder = context.folder;
    const auto record = folder.read("done", check_done);
    if (!record) return;
    const auto stages = result_stages(study, context.config, status_of(*record));
    done = std::ranges::all_of(stages, [&](const auto& stage) {
      return folder.read(stage, [&](const Group& tree) { check_result_stage(study, context.config, stage, tree); })
          .has_value();
    });
    if (!done) folder.remove("done");
  });
  return team.any(done);
}

void finish(const UnitContext& context, const UnitOutcome& outcome, double seconds, Window window) {
  Group done;
  done.set("status", std::string(to_string(outcome.status)));
  done.set("message", outcome.message);
  done.set("seconds", seconds);
  context.folder.write("done", done);
  if (window == Window::removed || outcome.status != UnitStatus::done) context.folder.remove("window");
  context.folder.remove_checkpoints();
  if (outcome.status == UnitStatus::done) return;
  // A network without a solution is a result, and no trouble.
  const auto& say = outcome.status == UnitStatus::unsolved ? context.hooks.tell : context.hooks.report;
  say(fmt::format("replica {} {}: {}", unit_name(context.unit.id), to_string(outcome.status), outcome.message));
}

}  // namespace

void run_unit(const Communicator& team, const UnitContext& context, const StudyKind& study, Window window) {
  const double begin = MPI_Wtime();
  if (is_done(team, context, study)) return;
  const auto outcome = study.run(team, context);
  on_root(team, [&] { finish(context, outcome, MPI_Wtime() - begin, window); });
}

std::string divergence(const TrainerState& state) {
  return fmt::format("a loss was not finite in epoch {}; try a smaller learning rate", state.epoch);
}

std::optional<UnitOutcome> outcome_without_window(const TrainedUnit& trained) {
  const auto& state = trained.state;
  if (state.diverged) return UnitOutcome{UnitStatus::diverged, divergence(state)};
  if (!trained.unsolved) return std::nullopt;
  const double error = state.history.empty() ? 1.0 : state.history.back().train_error;
  return UnitOutcome{
      UnitStatus::unsolved,
      fmt::format(
          "no solution by epoch {}, where the training error is {:.3g} %; train longer, or set window.unsolved = "
          "\"analysed\" to measure it all the same",
          state.epoch, 100.0 * error)};
}

}  // namespace flatsweep
