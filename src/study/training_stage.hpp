#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/study/landscape.hpp"
#include "flatsweep/train/trainer.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace flatsweep {

/// The solution w_0 and where the window's snapshots come from.
struct TrainedUnit {
  TrainerState state;                                        ///< at the end of the window
  std::int64_t window_first_epoch = 0;                       ///< epochs done when the window opened
  std::vector<SnapshotSource> windows;                       ///< one per analysed layer
  std::function<std::unique_ptr<Trainer>()> restart_window;  ///< a trainer at the start of the window
};

/// The minibatches of the epoch that would follow the window.
[[nodiscard]] MinibatchScheme minibatches_after(const UnitContext& context, const TrainedUnit& trained);

/// Trains to the end of the window, or takes up where an earlier run stopped. Serial: rank 0 of the team.
class TrainingStage {
 public:
  explicit TrainingStage(const UnitContext& context);
  /// @throws Stopped after writing a checkpoint
  [[nodiscard]] TrainedUnit run();
  /// The windows of a unit that is trained, one per analysed layer, trained again from their start on every pass. They
  /// refer to the context. Where the window's start is lost, the unit is trained up to it once more.
  [[nodiscard]] std::vector<SnapshotSource> replayed_windows();

 private:
  [[nodiscard]] std::optional<TrainedUnit> reload();
  [[nodiscard]] TrainerState start_state() const;
  [[nodiscard]] TrainerState train_to_window();
  void run_window(Trainer& trainer, std::int64_t first);
  void replay_into_memory(const TrainerState& start);
  [[nodiscard]] bool window_opens(const TrainerState& state) const;
  [[nodiscard]] std::unique_ptr<Trainer> make_trainer(TrainerState state) const;
  [[nodiscard]] IterationObserver recorder();
  void open_window(TrainedUnit& trained, const TrainerState& start) const;
  void stop_if_asked(const Trainer& trainer) const;

  const UnitContext& context_;
  const Config& config_;
  Network network_;
  std::vector<ParameterBlock> blocks_;
  bool in_memory_;
  std::vector<std::shared_ptr<RowMatrixF>> rows_;
  Eigen::Index recorded_ = 0;
};

}  // namespace flatsweep
