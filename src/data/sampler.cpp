#include "flatsweep/data/sampler.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

Sampler::Sampler(Sampling sampling, std::int64_t samples, int batch, std::int64_t seed)
    : sampling_(sampling), samples_(samples), batch_(batch), seed_(seed) {
  if (batch < 1 || batch > samples)
    throw ConfigError(
        fmt::format("batch size {} does not fit the training set of {} samples; use 1 to {}", batch, samples, samples));
  iterations_ = samples / batch;
}

namespace {

// Stream 0 is the order that stays; epoch e draws from stream e + 1.
Random stream(std::int64_t seed, std::int64_t number) {
  return {seed, RandomPurpose::sampling, static_cast<std::uint64_t>(number)};
}

std::vector<std::uint32_t> shuffled(std::uint32_t n, std::int64_t seed, std::int64_t number) {
  auto random = stream(seed, number);
  return random_permutation(n, random);
}

}  // namespace

std::vector<std::uint32_t> Sampler::order(std::int64_t epoch) const {
  const auto length = iterations_ * batch_;
  std::vector<std::uint32_t> order(length);
  if (sampling_ == Sampling::with_replacement) {
    auto random = stream(seed_, epoch + 1);
    for (auto& sample : order) sample = random.below(samples_);
    return order;
  }
  const bool fresh = sampling_ == Sampling::reshuffle;
  const auto permutation = shuffled(samples_, seed_, fresh ? epoch + 1 : 0);
  if (sampling_ != Sampling::fixed_partition) {
    std::copy_n(permutation.begin(), length, order.begin());
    return order;
  }
  const auto batches = shuffled(iterations_, seed_, epoch + 1);
  for (std::size_t i = 0; i < batches.size(); ++i)
    std::copy_n(permutation.begin() + std::size_t{batches[i]} * batch_, batch_, order.begin() + i * batch_);
  return order;
}

}  // namespace flatsweep
