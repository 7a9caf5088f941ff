#pragma once

#include "flatsweep/data/minibatch.hpp"
#include "flatsweep/data/sampler.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/train/evaluator.hpp"
#include "flatsweep/train/learning_rate_schedule.hpp"
#include "flatsweep/train/optimizer.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

struct TrainerOptions {
  int batch_size = 50;
  Sampling sampling = Sampling::reshuffle;
  std::int64_t seed = 1;
  OptimizerOptions optimizer;
  ScheduleOptions schedule = {};  ///< of the learning rate
};

/// One epoch's measurements. Order parameters: eqs. S2, S3, means over the epoch's iterations.
struct EpochRecord {
  double train_loss = 0.0, train_error = 0.0, test_loss = 0.0, test_error = 0.0;
  double gradient_norm = 0.0;       ///< <A_g>, A_g = |minibatch gradient of all weights and biases|
  double gradient_alignment = 0.0;  ///< <C_g>, cosine of the gradients of consecutive iterations
};

/// All that training needs in order to go on bit for bit.
struct TrainerState {
  std::int64_t epoch = 0;                ///< epochs done
  std::vector<float> weights;            ///< (parameters,)
  std::vector<float> previous_gradient;  ///< of the last iteration; empty before the first
  OptimizerState optimizer;
  std::vector<EpochRecord> history;  ///< (epoch,)
  bool diverged = false;             ///< a loss was not finite; training ended there

  [[nodiscard]] Group to_tree() const;
  /// @throws DamagedFile when a number is missing, or columns differ in length
  [[nodiscard]] static TrainerState from_tree(const Group& tree);
  /// @throws DamagedFile when it is not the state of a network of so many parameters
  void require_parameters(std::size_t parameters) const;
};

/// Called after every iteration with all weights.
using IterationObserver = std::function<void(std::span<const float> weights)>;

/// Squared norm of a gradient, and its product with the one before.
struct GradientProducts {
  double square = 0.0;
  double with_previous = 0.0;
};

/// Trains one network by minibatch steps. Serial; results depend on options, data and initial weights only.
class Trainer {
 public:
  Trainer(const Network& network, const ImageSet& train, const ImageSet& test, const TrainerOptions& options,
          TrainerState state);

  /// Runs one epoch and appends its record. Does nothing once diverged.
  void run_epoch(const IterationObserver& observe = {});
  /// The steps of one epoch without evaluation on the full sets: what a replay needs.
  /// @return means of the order parameters; losses are not measured
  EpochRecord run_steps(const IterationObserver& observe = {});

  [[nodiscard]] const TrainerState& state() const { return state_; }
  [[nodiscard]] std::int64_t iterations_per_epoch() const { return sampler_.iterations(); }
  /// Sum of the minibatch losses of the last step, over its samples.
  [[nodiscard]] double last_loss() const { return last_loss_; }

 private:
  /// Gradient, order parameters and update in one pass over the weights.
  GradientProducts step(std::span<const std::uint32_t> samples);
  void prefetch(std::span<const std::uint32_t> samples) const;

  Network network_;
  const ImageSet& train_;
  const ImageSet& test_;
  TrainerOptions options_;
  Sampler sampler_;
  NetworkExecutor executor_;
  Evaluator evaluator_;
  Optimizer optimizer_;
  TrainerState state_;
  std::vector<float> gradient_;
  Minibatch minibatch_;
  double last_loss_ = 0.0;
};

}  // namespace flatsweep
