#pragma once

#include "flatsweep/nn/propagator.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Loss, error and gradient over a whole set, the samples dealt over a team. What the ranks found is added up in fixed
/// point, where the order of additions makes no difference: results are bitwise the same for any number of ranks.
class FullBatch {
 public:
  FullBatch(const Communicator& team, const Network& network, const ImageSet& set, Direction direction);

  /// @note Collective over the team, which must have the same weights.
  /// @return the same on every rank; the loss is NaN where a number was not finite or the gradient beyond reason
  [[nodiscard]] Evaluation evaluate(std::span<const float> weights);
  /// Also leaves the gradient of the mean loss in `gradient` (parameters,); made with forward_and_backward.
  [[nodiscard]] Evaluation differentiate(std::span<const float> weights, std::span<float> gradient);

 private:
  void add_group(std::span<const float> weights, std::int64_t first, bool with_gradient);
  void add(std::size_t place, double value);
  Evaluation run(std::span<const float> weights, bool with_gradient);

  const Communicator& team_;
  const ImageSet& set_;
  std::size_t parameters_;
  Propagator propagator_;
  std::vector<std::int64_t> sums_;  // (parameters,) gradient, then loss, errors, and how many numbers did not fit
  std::vector<float> block_gradient_;
  std::vector<double> group_gradient_;
};

}  // namespace flatsweep
