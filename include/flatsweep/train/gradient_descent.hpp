#pragma once

#include "flatsweep/train/full_batch.hpp"
#include "flatsweep/train/noise_injection.hpp"
#include "flatsweep/train/trainer.hpp"

namespace flatsweep {

/// Full-batch gradient descent: an epoch is one step, w -= alpha (grad L + noise). The gradient is shared by the team;
/// the step is made by every rank alike. Results are bitwise the same for any number of ranks.
class GradientDescent {
 public:
  /// @param state the same on every rank but for `history`, which rank 0 alone needs   @note Collective over `team`.
  GradientDescent(const Communicator& team, const Network& network, const ImageSet& train, const ImageSet& test,
                  double learning_rate, TrainerState state);

  /// One step, and the record of where it leads: A_g and C_g are those of the gradient that made it, without the noise.
  /// Does nothing once diverged.   @param noise absent: plain gradient descent   @note Collective over the team.
  void run_epoch(const NoiseInjection* noise);

  [[nodiscard]] const TrainerState& state() const { return state_; }

 private:
  [[nodiscard]] EpochRecord order_parameters() const;

  double learning_rate_;
  FullBatch train_, test_;
  TrainerState state_;
  std::vector<float> gradient_;  // at state_.weights
};

}  // namespace flatsweep
