#pragma once

#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Loss, error and gradient over a whole set, the samples dealt over a team. What the ranks found is added up in fixed
/// point, where the order of additions makes no difference: results are bitwise the same for any number of ranks. Any
/// number that single precision holds has its place there.
class FullBatch {
 public:
  FullBatch(const Communicator& team, const Network& network, const ImageSet& set, Direction direction);

  /// @note Collective over the team, which must have the same weights.
  /// @return the same on every rank; the loss is NaN where a number was not finite
  [[nodiscard]] Evaluation evaluate(std::span<const float> weights);
  /// Also leaves the gradient of the mean loss in `gradient` (parameters,); made with forward_and_backward.
  [[nodiscard]] Evaluation differentiate(std::span<const float> weights, std::span<float> gradient);

 private:
  void add_group(std::span<const float> weights, std::int64_t first, bool with_gradient);
  void add(std::size_t place, double value);
  void add_large(std::size_t place, double value);
  [[nodiscard]] double sum_at(std::size_t place) const;
  Evaluation run(std::span<const float> weights, bool with_gradient);

  const Communicator& team_;
  const ImageSet& set_;
  std::size_t parameters_;
  NetworkExecutor executor_;
  static constexpr std::size_t large_parts = 3;

  std::vector<std::int64_t> sums_;  // (parameters,) gradient, then loss, errors, large numbers, numbers not finite
  std::array<std::vector<std::int64_t>, large_parts> large_;  // leading digits of large numbers, by place; often empty
  std::vector<float> block_gradient_;
  std::vector<double> group_gradient_;
};

}  // namespace flatsweep
