#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/communicator.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace flatsweep {

/// Mean loss (natural units per sample) and fraction of samples classified wrongly.
struct Evaluation {
  double loss = 0.0;
  double error = 0.0;  ///< NaN where targets are real
};
/// Of a set's sums.
[[nodiscard]] Evaluation mean_of(const LossSum& sum, const ImageSet& set);

/// Loss and error over a whole image set, in blocks that stay in cache.
class Evaluator {
 public:
  explicit Evaluator(const Network& network);
  [[nodiscard]] Evaluation evaluate(std::span<const float> weights, const ImageSet& set);

 private:
  NetworkExecutor executor_;
};

using BlockVisitor = std::function<void(std::int64_t first, std::span<const std::uint8_t* const> images,
                                        std::span<const std::uint8_t> labels)>;

/// Calls `visit` for consecutive blocks of at most `block` images.
void for_each_block(const ImageSet& set, int block, const BlockVisitor& visit);

/// The same for those blocks that are this rank's, dealt over the team in turn. Rank-local.
void for_each_own_block(const Communicator& team, const ImageSet& set, int block, const BlockVisitor& visit);

}  // namespace flatsweep
