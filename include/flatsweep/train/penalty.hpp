#pragma once

#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/train/mode_shrinkage.hpp"
#include "flatsweep/train/optimizer.hpp"

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace flatsweep {

/// lambda sum_i k_i (theta_i - theta_i*)^2 on one block of weights, theta_i = p_i . w along orthonormal modes p_i: the
/// constraints of LDC (docs/science/continual.md; SI S8, S9), or a Fisher matrix by its eigenpairs.
struct ModePenalty {
  ParameterBlock block;
  std::vector<float> anchor;      ///< (N,) w*
  RowMatrixF modes;               ///< (n, N) p_i, orthonormal rows
  std::vector<double> stiffness;  ///< (n,) k_i >= 0
};

/// The same along single weights, lambda sum_j k_j (w_j - w_j*)^2: EWC, or L2 where all k are 1.
struct WeightPenalty {
  ParameterBlock block;
  std::vector<float> anchor;          ///< (N,) w*
  std::vector<std::uint32_t> weight;  ///< (n,) places in the block, ascending
  std::vector<double> stiffness;      ///< (n,) k_j >= 0
};

using Penalty = std::variant<ModePenalty, WeightPenalty>;

/// The largest k of all penalties; 0 where there is none.
[[nodiscard]] double largest_stiffness(std::span<const Penalty> penalties);

/// The step of the weights per gradient over many iterations, alpha/(1 - beta). A proximal step of this size has its
/// fixed point where loss plus penalty has its minimum.
/// @throws ConfigError for Adam, whose step has no such size
[[nodiscard]] double proximal_rate(const OptimizerOptions& optimizer);

/// Penalties taken implicitly after the step along the loss's gradient: w becomes the minimum over v of |v - w|^2/(2 a)
/// + penalties(v), that is theta_i -> theta_i* + (theta_i - theta_i*)/(1 + 2 a lambda k_i), which is stable for any
/// lambda. Blocks of different penalties must not overlap. Several points, each with its own lambda, take the step side
/// by side; one with lambda = 0 stays as it is.
class ProximalStep {
 public:
  /// @param lambdas (points,)   @param rate a, as from `proximal_rate`
  ProximalStep(std::span<const Penalty> penalties, std::vector<double> lambdas, double rate);
  /// @param points (points,) of (parameters,) of the network each
  void apply(std::span<const std::span<float>> points);

 private:
  struct Modes {
    ParameterBlock block;
    std::vector<float> anchor;
    ModeShrinkage shrinkage;
  };
  struct Weights {
    ParameterBlock block;
    std::vector<float> anchor;
    std::vector<std::uint32_t> weight;
    std::vector<std::vector<float>> kept;  // 1/(1 + 2 a lambda k) of each point
  };
  std::vector<std::size_t> held_;  // points with lambda > 0
  std::vector<Modes> modes_;
  std::vector<Weights> weights_;
};

}  // namespace flatsweep
