#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/analysis/snapshot_recorder.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/study/unit/unit_context.hpp"
#include "flatsweep/train/trainer.hpp"
#include "kept_states.hpp"
#include "unrecorded.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace flatsweep {

/// The solution w_0 and where the window's snapshots come from: `train_on_team` trains it, `load_on_team`
/// (study/models) reads it.
struct TrainedUnit {
  TrainerState state;                                        ///< at the end of the window
  std::int64_t window_first_epoch = 0;                       ///< epochs done when the window opened
  bool unsolved = false;                                     ///< without a solution: it ended before the window
  std::vector<SnapshotSource> windows;                       ///< one per analysed layer
  std::function<std::unique_ptr<Trainer>()> restart_window;  ///< a trainer at the start of the window
  KeptStates::MakeTrainer resume;                            ///< a trainer that goes on from a state
  Unrecorded unrecorded;  ///< the same on every rank; all is known of what is trained
};

/// The minibatches of the epoch that would follow the window; nothing where minibatches are not known.
[[nodiscard]] std::optional<MinibatchScheme> minibatches_after(const UnitContext& context, const TrainedUnit& trained);

/// A window of one layer, as long as the unit's, that begins in the state kept after so many epochs: training goes on
/// from a copy of it. In memory where it fits beside the unit's own, else trained again on every pass. Serial: rank 0
/// of the team.   @pre the state is one of `kept_weights`   @throws Stopped
[[nodiscard]] SnapshotSource window_from(const UnitContext& context, const TrainedUnit& trained, std::int64_t epoch,
                                         ParameterBlock block);

/// What the unit did in its window, at w_0, as one layer's noise is looked at.   @param network outlives the result
[[nodiscard]] FrozenRun frozen_run(const UnitContext& context, const TrainedUnit& trained, const Network& network,
                                   int layer);

/// Trains to the end of the window, or takes up where an earlier run stopped. Serial: rank 0 of the team.
class TrainingStage {
 public:
  explicit TrainingStage(const UnitContext& context)
      : TrainingStage(context, context.data.train(), context.data.test()) {}
  /// On other images than the whole data set's, which must outlive what `run` returns.
  TrainingStage(const UnitContext& context, const ImageSet& train, const ImageSet& test);
  /// @throws Stopped after writing a checkpoint
  [[nodiscard]] TrainedUnit run();
  /// The windows of a unit that is trained, one per analysed layer, trained again from their start on every pass. They
  /// refer to the context. Where the window's start is lost, the unit is trained up to it once more.
  [[nodiscard]] std::vector<SnapshotSource> replayed_windows();

 private:
  [[nodiscard]] std::optional<TrainedUnit> reload();
  /// Of files that hold the state of this network, or its training.
  [[nodiscard]] ContentCheck is_state() const;
  [[nodiscard]] ContentCheck is_training() const;
  [[nodiscard]] TrainerState start_state() const;
  /// Drawn, or the one that the run is forked from.
  [[nodiscard]] TrainerState first_state() const;
  void complete_states(const TrainerState& start, const TrainerState& end) const;
  [[nodiscard]] TrainerState train_to_window();
  void run_window(Trainer& trainer, std::int64_t first);
  /// Goes through the window again. It must end where it ended at first, which the weights tell.
  void replay_into_memory(const TrainerState& start, const TrainerState& end);
  void keep_window_start(const TrainerState& start) const;
  [[nodiscard]] bool window_opens(const TrainerState& state) const;
  /// Have the last epochs, as many as window.zero_error_epochs asks for, been without a training error?
  [[nodiscard]] bool has_solution(const TrainerState& state) const;
  /// Does training end here, where the window would open, for want of a solution?
  [[nodiscard]] bool ends_unsolved(const TrainerState& state) const;
  [[nodiscard]] std::unique_ptr<Trainer> make_trainer(TrainerState state) const;
  [[nodiscard]] IterationObserver recorder();
  void open_window(TrainedUnit& trained, const TrainerState& start) const;
  void stop_if_asked(const Trainer& trainer) const;

  const UnitContext& context_;
  KeptStates states_;
  const Config& config_;
  const ImageSet& train_;
  const ImageSet& test_;
  DatasetShape shape_;  // of these images
  Network network_;
  std::vector<ParameterBlock> blocks_;
  bool in_memory_;
  std::optional<SnapshotRecorder> recorder_;  // of a window in memory
};

/// Runs the stage on rank 0 and gives every rank of the team the weights, whether they diverged or are no solution, and
/// where the window opened; the windows' snapshots stay on rank 0.   @note Collective over `team`.  @throws as the
/// stage, agreed
[[nodiscard]] TrainedUnit train_on_team(const Communicator& team, const UnitContext& context, const ImageSet& train,
                                        const ImageSet& test);

/// Gives every rank of the team what rank 0 has of such a unit, but for the snapshots.  @note Collective over `team`.
void share_on_team(const Communicator& team, const Config& config, TrainedUnit& trained);

}  // namespace flatsweep
