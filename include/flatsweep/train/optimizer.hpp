#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

enum class OptimizerKind { sgd, momentum, nesterov, adam };

template <>
inline constexpr auto enum_words<OptimizerKind> = make_enum_words<OptimizerKind>({
    {OptimizerKind::sgd, "sgd", "w <- w - alpha g"},
    {OptimizerKind::momentum, "momentum", "v <- beta v + g, w <- w - alpha v, with beta = train.momentum"},
    {OptimizerKind::nesterov, "nesterov", "v <- beta v + g, w <- w - alpha (g + beta v), with beta = train.momentum"},
    {OptimizerKind::adam, "adam", "Adam with bias correction (Kingma and Ba 2015)"},
});

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double learning_rate = 0.1;
  double momentum = 0.9;  ///< beta of momentum and Nesterov's momentum
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double weight_decay = 0.0;  ///< lambda: coupled, g + lambda w in place of g; of Adam decoupled, w (1 - alpha lambda)
};

/// A step that is linear in the gradients: v' = beta v + g, w' = w - alpha (v' + nu (v' - v)), from v = 0. A constant
/// gradient g moves the weights by `drift()` g per iteration in the end, whatever nu. Weight decay adds lambda to every
/// curvature that such a step sees.
struct LinearStep {
  double rate = 0.0;       ///< alpha
  double momentum = 0.0;   ///< beta, less than 1; 0 for plain SGD
  double lookahead = 0.0;  ///< nu; 0 but for Nesterov's momentum
  [[nodiscard]] double drift() const { return rate / (1.0 - momentum); }
};

/// @return nothing for Adam, whose steps are not linear in the gradients
[[nodiscard]] std::optional<LinearStep> linear_step(const OptimizerOptions& options);

/// What an optimiser remembers between steps; part of the checkpoint.
struct OptimizerState {
  std::int64_t steps = 0;
  std::vector<float> first;   ///< velocity of momentum and Nesterov, first moment of Adam; empty for SGD
  std::vector<float> second;  ///< second moment of Adam
};

/// One update of all weights. SGD: w -= a g. Momentum as PyTorch defines it: v = beta v + g, w -= a v; Nesterov's with
/// w -= a (g + beta v). Adam: Kingma & Ba 2015, bias-corrected; with weight decay AdamW (Loshchilov & Hutter 2019).
class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, std::size_t parameters);
  void step(std::span<float> weights, std::span<const float> gradient);
  /// alpha of the steps that follow.
  void set_learning_rate(double rate) { options_.learning_rate = rate; }

  /// The same step piece by piece, so that other work can be done on a piece while it is in cache: `begin_step` once,
  /// then `update` for every piece. Results do not depend on the pieces where these begin at multiples of 16.
  void begin_step() { ++state_.steps; }
  /// @param first number of the first weight of the piece   @param weights, gradient the piece
  void update(std::size_t first, std::span<float> weights, std::span<const float> gradient);

  [[nodiscard]] const OptimizerState& state() const { return state_; }
  void restore(OptimizerState state) { state_ = std::move(state); }

 private:
  void update_adam(std::size_t first, std::span<float> weights, std::span<const float> gradient);
  /// What weight decay does before the update.   @return the gradient to go on with
  std::span<const float> decay(std::span<float> weights, std::span<const float> gradient);

  OptimizerOptions options_;
  OptimizerState state_;
  std::vector<float> decayed_;  // g + lambda w of the piece at hand
};

}  // namespace flatsweep
