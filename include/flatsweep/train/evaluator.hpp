#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/propagator.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace flatsweep {

/// Mean loss (natural units per sample) and fraction of samples classified wrongly.
struct Evaluation {
  double loss = 0.0;
  double error = 0.0;
};

/// Samples of one forward pass over a whole set: their activations stay in cache.
[[nodiscard]] int evaluation_batch(const Network& network);

/// Loss and error over a whole image set, in blocks that stay in cache.
class Evaluator {
 public:
  explicit Evaluator(const Network& network);
  [[nodiscard]] Evaluation evaluate(std::span<const float> weights, const ImageSet& set);

 private:
  Propagator propagator_;
};

/// Calls `visit(first, pointers, labels)` for consecutive blocks of at most `block` images.
void for_each_block(const ImageSet& set, int block,
                    const std::function<void(std::int64_t, std::span<const std::uint8_t* const>,
                                             std::span<const std::uint8_t>)>& visit);

}  // namespace flatsweep
