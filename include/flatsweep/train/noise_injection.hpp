#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What is added to the full gradient of every step (SI S10, eqs S20, S21); sums over layers of noise of one trace.
enum class NoiseShape { flatness_detecting, isotropic, diagonal };

template <>
inline constexpr auto enum_words<NoiseShape> = make_enum_words<NoiseShape>({
    {NoiseShape::flatness_detecting, "flatness-detecting",
     "sum_i sqrt(e_i) u_i eta_i (eq. S21) with a random eta_i for each mode"},
    {NoiseShape::isotropic, "isotropic", "the same variance in every weight of the layer"},
    {NoiseShape::diagonal, "diagonal",
     "independent in every weight, with the variances that flatness-detecting noise has there"},
});

/// Leading eigenpairs of F = Q Q^T/N_m (eq. S20) of one layer's weights.
struct NoiseModes {
  ParameterBlock block;
  std::vector<double> values;  ///< (n,) e_i >= 0
  RowMatrixF vectors;          ///< (n, N) u_i, orthonormal rows
  [[nodiscard]] double trace() const;
};

/// Draws this noise. All shapes have the trace sigma_n^2 sum_i e_i in each layer; biases have none.
class NoiseInjection {
 public:
  /// @param sigma standard deviation of eta
  NoiseInjection(NoiseShape shape, double sigma, std::int64_t seed, const std::vector<NoiseModes>& layers);
  /// Adds the noise of step number `step`, which depends on (seed, step) only; nothing where sigma is 0.
  /// @param gradient (parameters,) of the network
  void add(std::int64_t step, std::span<float> gradient) const;

 private:
  struct LayerNoise {
    ParameterBlock block;
    std::vector<float> deviation;  // of each mode, or of each weight
    RowMatrixF vectors;            // empty where weights are independent
  };
  double sigma_;
  std::int64_t seed_;
  std::vector<LayerNoise> layers_;
};

}  // namespace flatsweep
