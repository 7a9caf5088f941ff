#include "unit_record.hpp"

#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/unit/unit_result.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// One that is not done after all is no longer marked as such.
bool is_done(const Communicator& team, const UnitContext& context, const StudyKind& study) {
  bool done = false;
  on_root(team, [&] {
    const auto& folder = context.folder;
    const auto end = folder.read(end_stage, [](const Group& tree) { (void)read_unit_end(tree); });
    if (!end) return;
    const auto stages = result_stages(study, context.config, status_of(*end));
    done = std::ranges::all_of(stages, [&](const auto& stage) {
      return folder.read(stage, [&](const Group& tree) { check_result_stage(study, context.config, stage, tree); })
          .has_value();
    });
    if (!done) folder.remove(end_stage);
  });
  return team.any(done);
}

void finish(const UnitContext& context, const UnitOutcome& outcome, double seconds, Window window) {
  context.folder.write(end_stage, tree_of({outcome, seconds}));
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
