#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/train/layer_inputs.hpp"
#include "flatsweep/train/penalty.hpp"
#include "flatsweep/train/trainer.hpp"

#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

enum class Biases { held, free };

template <>
inline constexpr auto enum_words<Biases> = make_enum_words<Biases>({
    {Biases::held, "held", "stay as the task before left them"},
    {Biases::free, "free", "are trained too"},
});

/// The numbers that training may change: weights of the named layers, and their biases where these are free. Neighbours
/// are joined, in the order of the weight vector.
/// @throws ConfigError naming the layers that there are
[[nodiscard]] std::vector<ParameterBlock> trained_blocks(const Network& network, const std::vector<std::string>& layers,
                                                         Biases biases);
/// Number of the first layer of which a block holds something.
[[nodiscard]] int first_trained_layer(const Network& network, std::span<const ParameterBlock> blocks);

/// Called after each iteration with the weights of every point.
using PointObserver = std::function<void(std::size_t point, std::span<const float> weights)>;

/// Trains part of a network on a further task, with a penalty taken implicitly after each step, for several points side
/// by side: they see the same minibatches and share the penalty's modes. Layers before the first trained one are
/// neither run forward nor backward. With all numbers trained and no penalty it makes the steps of `Trainer`, bit for
/// bit. Serial.
class TaskTrainer {
 public:
  /// @param inputs of the first trained layer   @param trained as from `trained_blocks`, not empty
  /// @param points their epochs done (they number the minibatches to come; the same of all), weights, and the
  /// optimiser's state where its steps go on; one at least
  TaskTrainer(const Network& network, const LayerInputs& inputs, const TrainerOptions& options,
              std::vector<ParameterBlock> trained, std::vector<TrainerState> points);

  /// One epoch. A point whose loss was not finite makes no further step.
  /// @param penalty absent: plain training
  void run_epoch(ProximalStep* penalty, const PointObserver& observe = {});

  [[nodiscard]] const std::vector<TrainerState>& points() const { return points_; }
  [[nodiscard]] std::int64_t epoch() const { return points_.front().epoch; }
  [[nodiscard]] bool all_diverged() const;
  [[nodiscard]] std::int64_t iterations_per_epoch() const { return sampler_.iterations(); }

 private:
  void load(std::span<const std::uint32_t> samples);
  void step(std::size_t point);

  const LayerInputs& inputs_;
  TrainerOptions options_;
  std::vector<ParameterBlock> trained_;
  Sampler sampler_;
  NetworkExecutor executor_;
  std::vector<Optimizer> optimizers_;
  std::vector<TrainerState> points_;
  std::vector<float> gradient_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace flatsweep
