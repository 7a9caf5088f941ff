#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace flatsweep {

/// How minibatches are drawn. The choice changes the physics (docs/science/sampling.md), so every result records it.
enum class Sampling { reshuffle, shuffle_once, fixed_partition, with_replacement };

template <>
inline constexpr auto enum_words<Sampling> = make_enum_words<Sampling>({
    {Sampling::reshuffle, "reshuffle", "a new permutation each epoch, cut into minibatches"},
    {Sampling::shuffle_once, "shuffle-once", "one permutation: the same minibatches in the same order each epoch"},
    {Sampling::fixed_partition, "fixed-partition", "the same minibatches each epoch, in a new order"},
    {Sampling::with_replacement, "with-replacement", "every sample is drawn independently"},
});

/// Minibatch schedule of a run. An epoch is floor(samples / batch) iterations; what is left over is not used in that
/// epoch (with reshuffle: other samples each time).
class Sampler {
 public:
  /// @throws ConfigError when batch > samples
  Sampler(Sampling sampling, std::int64_t samples, int batch, std::int64_t seed);

  [[nodiscard]] std::int64_t iterations() const { return iterations_; }
  /// Sample numbers of epoch `epoch` (from 0), one minibatch after another: (iterations * batch,). Depends on nothing
  /// but the constructor's arguments and `epoch`.
  [[nodiscard]] std::vector<std::uint32_t> order(std::int64_t epoch) const;

 private:
  Sampling sampling_;
  std::uint32_t samples_;
  std::uint32_t batch_;
  std::int64_t seed_;
  std::int64_t iterations_;
};

}  // namespace flatsweep
