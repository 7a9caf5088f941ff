#pragma once

#include "continual_constraints.hpp"
#include "continual_tree.hpp"
#include "flatsweep/analysis/snapshot_recorder.hpp"
#include "flatsweep/train/layer_inputs.hpp"
#include "study/unit/checkpoint_timer.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// Where all points of a unit begin.
struct FirstSolution {
  const UnitContext& context;
  const Network& network;
  const std::vector<Task>& tasks;
  std::vector<float> weights;                 ///< w*, of the whole network
  std::int64_t epoch = 0;                     ///< epochs of the first task
  std::vector<LayerConstraints> constraints;  ///< as config.pca.layers
};

/// What the first trained layer receives from every task.
struct TaskInputs {
  TaskInputs(const FirstSolution& start, int first);
  int layer;
  std::vector<LayerInputs> train, test;
};

/// Trains the further tasks for all strengths of one path: side by side where there is one further task, whose penalty
/// they have in common; one after the other where there are more. Leaves "path-000012" in the unit's folder, and a
/// checkpoint beside it on the way. Serial.
class PathTraining {
 public:
  /// @param number of the path, which names its files
  PathTraining(const FirstSolution& start, const TaskInputs& inputs, const ConstraintPath& path, std::size_t number);
  /// @throws Stopped after writing a checkpoint
  void run();
  [[nodiscard]] static std::string file(std::size_t number);

 private:
  /// Points on their way.
  struct Points {
    std::size_t task = 1;              // that is being learnt
    std::vector<TrainerState> states;  // weights, and epochs of all tasks together
    std::vector<PointCurves> curves;
    std::vector<Penalty> penalties;  // of the tasks before, one for each held layer
  };
  /// Of the points that are learnt side by side after the finished ones.
  [[nodiscard]] std::span<const double> next_strengths(std::size_t finished) const;
  [[nodiscard]] Points begin() const;
  [[nodiscard]] Points resume(const Group& checkpoint, std::size_t finished) const;
  void save(const Points& points) const;
  void finish(Points& points);
  void learn(Points& points);
  void hold_on(Points& points);
  void save_if_due(Points& points, const TaskTrainer& trainer);
  [[nodiscard]] double lambda(double strength, double largest_stiffness) const;
  /// @throws DamagedFile unless they are points of these tasks, and so many where that is said
  [[nodiscard]] std::vector<PointCurves> read_points(const Group& tree,
                                                     std::optional<std::size_t> count = std::nullopt) const;
  [[nodiscard]] std::vector<Evaluation> evaluate_all(std::span<const float> weights,
                                                     const std::vector<LayerInputs>& of);
  void evaluate_tests(Points& points);
  [[nodiscard]] std::vector<Evaluation> nothing() const;
  [[nodiscard]] std::int64_t last_epoch(const Points& points) const;
  [[nodiscard]] std::int64_t window_epoch(const Points& points) const;
  [[nodiscard]] PointObserver record_window(std::int64_t iterations);
  [[nodiscard]] bool is_trained(const ParameterBlock& block) const;
  [[nodiscard]] std::vector<Penalty> first_penalties() const;
  [[nodiscard]] double displacement(std::span<const float> weights) const;

  const FirstSolution& start_;
  const TaskInputs& inputs_;
  const ConstraintPath& path_;
  const Config& config_;
  std::string file_, checkpoint_;
  TrainerOptions options_;
  std::vector<ParameterBlock> trained_;
  std::vector<std::size_t> held_;  // layers that the penalties act on, as numbers in config.pca.layers
  NetworkExecutor evaluator_;
  std::vector<PointCurves> finished_;
  std::optional<SnapshotRecorder> window_;  // of the held layers, from when it opens to when it was used
  CheckpointTimer timer_;
};

}  // namespace flatsweep
