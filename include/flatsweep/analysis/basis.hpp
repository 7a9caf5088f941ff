#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/base/enum_words.hpp"

#include <cstdint>

namespace flatsweep {

/// Directions in one layer's weights along which the loss and a window are looked at: orthonormal, but for `filters`
/// unit vectors.
enum class Basis { pca, hessian, noise, random, filters };

template <>
inline constexpr auto enum_words<Basis> = make_enum_words<Basis>({
    {Basis::pca, "pca", "principal directions of the window, which its trajectory chose"},
    {Basis::hessian, "hessian", "eigenvectors of the layer's Hessian of the loss at w_0, largest eigenvalue first"},
    {Basis::noise, "noise", "eigenvectors of C_B, the covariance of a minibatch's gradient at w_0"},
    {Basis::random, "random", "orthonormal directions drawn by the replica's seed"},
    {Basis::filters, "filters",
     "random directions in which every filter, the weights of one output, has the share of the norm that it has in w_0 "
     "(Li et al. 2018); of length 1, nearly orthogonal"},
});

struct BasisOptions {
  std::int64_t directions = 120;                          ///< how many of each basis; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;  ///< which, when not all
  std::int64_t dense_limit = 5000;  ///< widest layer, in weights, whose matrices are formed and solved whole
  std::int64_t modes = 50;          ///< leading eigenvectors of a wider layer
  double tolerance = 1e-5;          ///< matrix-free: |A v - l v| relative to the largest eigenvalue
};

}  // namespace flatsweep
