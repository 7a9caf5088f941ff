#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What a stream of random numbers is for; part of the generator's key, so that streams never overlap.
enum class RandomPurpose : std::uint32_t {
  initial_weights = 1,
  sampling = 2,
  bootstrap = 3,
  gradient_noise = 4,
  simulation = 5,
  solver = 6,
  label_noise = 7,
  teacher = 8,
};

/// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011, through Random123).
/// The sequence depends on (seed, purpose, stream) only: never on rank, time, or what was drawn before elsewhere.
class Random {
 public:
  Random(std::int64_t seed, RandomPurpose purpose, std::uint64_t stream = 0);

  [[nodiscard]] std::uint32_t next();
  /// Uniform on [0, 1) with 53 random bits.
  [[nodiscard]] double uniform();
  [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal (Box-Muller).
  [[nodiscard]] double normal();
  /// Uniform integer in [0, bound), bound > 0, without bias (Lemire 2019).
  [[nodiscard]] std::uint32_t below(std::uint32_t bound);

 private:
  void refill();

  std::uint32_t key_[2];
  std::uint64_t stream_;
  std::uint64_t block_ = 0;
  std::uint32_t buffer_[4] = {};
  int used_ = 4;
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

/// A uniformly random permutation of 0..n-1 (Fisher-Yates).
[[nodiscard]] std::vector<std::uint32_t> random_permutation(std::uint32_t n, Random& random);

}  // namespace flatsweep
